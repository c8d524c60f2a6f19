// Throw-away network namespaces, the tunnel's programs loaded for a node, and random peers.

import BPF
import CTunnelProgram
import Dataplane
import LinuxSystem
import Net
import Packet
import TestSupport
import Testing

/// Makes a network namespace, runs a body on a thread inside it, and takes it away.
func inNamespace<Value: Sendable>(_ body: @Sendable () throws -> Value) throws -> Value {
    let name = "poplin-bpf-\(Host.processID)-\(UInt32.random(in: 0 ... .max))"
    try NetworkNamespace.create(name)
    defer {
        do { try NetworkNamespace.delete(name) } catch { Issue.record("\(name) is left: \(error)") }
    }
    return try NetworkNamespace.run(in: name, body)
}

/// Runs a program of the host in the calling thread's namespace.
@discardableResult
func execute(_ program: String, _ arguments: [String]) throws -> String {
    let path = try #require(Requirement.path(of: program))
    let result = try ChildProcess.run(path, arguments)
    try #require(result.status.isSuccess, "\(program) \(arguments): \(result.errors)")
    return result.output
}

/// The same, its arguments in one text.
@discardableResult
func execute(_ program: String, _ arguments: String) throws -> String {
    try execute(program, arguments.split(separator: " ").map(String.init))
}

func address(_ text: String) -> IPv4Address {
    guard let address = IPv4Address(text) else {
        Issue.record("no address: \(text)")
        return .any
    }
    return address
}

/// Whether the sum over an IPv4 header without options is as it should be.
func isChecksumRight(_ packet: [UInt8]) -> Bool {
    let header = Array(packet[0..<20])
    return InternetChecksum.checksum(header.span.bytes) == 0
}

/// The programs of one node, loaded, with their maps.
struct LoadedTunnel: ~Copyable {
    let object: ProgramObject
    let outward: Program
    let inward: Program
    let traffic: PerCPUHash<tunnel_traffic>
    let drops: PerCPUArray<UInt64>
    var table: TableMap

    init(_ settings: tunnel_settings) throws {
        var object = try ProgramObject.tunnel()
        try object.setReadOnlyData(settings)
        try object.load()
        let outward = try object.program(named: "poplin_out")
        let inward = try object.program(named: "poplin_in")
        let traffic = try object.perCPUHash(named: "traffic", of: tunnel_traffic.self)
        let drops = try object.perCPUArray(named: "drops", of: UInt64.self)
        let table = try object.table(named: "tables")
        self.outward = outward
        self.inward = inward
        self.traffic = traffic
        self.drops = drops
        self.table = table
        self.object = object
    }

    func dropped(_ reason: DropReason) throws -> UInt64 {
        try drops.values(at: UInt32(reason.rawValue)).reduce(0, +)
    }

    /// Each reason that was counted.
    func dropped() throws -> [DropReason: UInt64] {
        var counts: [DropReason: UInt64] = [:]
        for reason in DropReason.allCases {
            let count = try dropped(reason)
            if count > 0 { counts[reason] = count }
        }
        return counts
    }

    func counts(of peer: IPv4Address) throws -> PeerCounters? {
        try traffic.values(of: peer.rawValue.bigEndian).map { values in
            values.reduce(into: PeerCounters()) { sum, value in
                sum.txPackets += value.tx_packets
                sum.txBytes += value.tx_bytes
                sum.rxPackets += value.rx_packets
                sum.rxBytes += value.rx_bytes
            }
        }
    }
}

/// A node with few peers whose prefixes often lie inside each other.
struct RandomPeers: CustomStringConvertible {
    static let local = IPv4Address(rawValue: 0x0A00_0101)
    static let stranger = IPv4Address(rawValue: 0x0A00_0909)

    var peers: [ProgramTable.Peer] = []
    var prefixes: [(prefix: IPv4Prefix, peer: Int)] = []

    init(_ random: inout SeededGenerator, count: Int = 4) {
        var taken: Set<IPv4Prefix> = []
        for number in 0..<count {
            let endpoint = TunnelEndpoint(
                outerAddress: IPv4Address(rawValue: 0x0A00_0201 + UInt32(number) << 8),
                tunnelAddress: Bool.random(using: &random) ? Self.inner(&random) : nil)
            peers.append(ProgramTable.Peer(endpoint))
            for _ in 0..<Int.random(in: 0...5, using: &random) {
                let length: UInt8 = [18, 22, 24, 26, 28, 31, 32, 32].randomElement(using: &random) ?? 26
                let prefix = IPv4Prefix(containing: Self.inner(&random), length: length)
                if taken.insert(prefix).inserted { prefixes.append((prefix, number)) }
            }
        }
    }

    var forwarding: ForwardingTable { ForwardingTable(peers: peers.map(\.endpoint), prefixes: prefixes) }
    var program: ProgramTable { ProgramTable(peers: peers, prefixes: prefixes) }

    /// Of so few addresses that most are in some prefix.
    static func inner(_ random: inout SeededGenerator) -> IPv4Address {
        IPv4Address(rawValue: 0x0AF4_0000 + UInt32.random(in: 0..<2048, using: &random))
    }

    /// The end of a prefix, an outer address, or any.
    func interestingInner(_ random: inout SeededGenerator) -> IPv4Address {
        if random.oneIn(3) { return Self.inner(&random) }
        let ends = prefixes.flatMap { [$0.prefix.address, $0.prefix.last] }
        let known = peers.flatMap { [$0.endpoint.outerAddress, $0.endpoint.tunnelAddress ?? Self.local] }
        return (ends + known + [.any, Self.local]).randomElement(using: &random) ?? Self.local
    }

    var description: String { "\(peers.map(\.endpoint)) \(prefixes.map { "\($0.prefix): \($0.peer)" })" }
}
