// The packets in Fixtures: what Linux's own ipip driver put on a wire, and the two hosts at its ends.

import LinuxSystem
import Net
import Packet

/// One end of the captured tunnel, as Poplin would stand there.
struct CapturedHost {
    var address: IPv4Address
    var table: ForwardingTable

    private init(_ address: IPv4Address, peer: IPv4Address, _ peersPrefix: IPv4Prefix) {
        self.address = address
        table = ForwardingTable(
            peers: [TunnelEndpoint(outerAddress: peer)], prefixes: [(prefix: peersPrefix, peer: 0)])
    }

    /// 10.0.0.1 with the workload 10.244.7.7.
    static let here = CapturedHost(Cluster.local, peer: Cluster.first, prefix("10.244.2.0/26"))
    /// 10.0.0.2 with the workload 10.244.2.5.
    static let there = CapturedHost(Cluster.first, peer: Cluster.local, prefix("10.244.7.0/26"))

    /// The host that the four bytes at `offset` of a datagram name.
    init(in datagram: [UInt8], at offset: Int) {
        self = Array(datagram[offset..<offset + 4]) == bigEndian(Cluster.local.rawValue) ? .here : .there
    }

    /// The inward step at this host.
    func decapsulate(_ datagram: inout [UInt8]) -> DecapsulationDecision {
        let step = Decapsulator(settings: Decapsulator.Settings(localAddress: address, deviceMTU: 1480))
        var span = datagram.mutableSpan
        var bytes = span.mutableBytes
        return step.decapsulate(&bytes, table: table)
    }

    /// The outward step at this host.
    func encapsulate(
        _ inner: [UInt8], timeToLive: Encapsulator.TimeToLive = .fixed(64), dscp: Encapsulator.DSCP = .copy
    ) -> (decision: EncapsulationDecision, header: [UInt8]) {
        var step = Encapsulator(
            settings: Encapsulator.Settings(localAddress: address, timeToLive: timeToLive, dscp: dscp))
        return PacketTests.encapsulate(inner, with: &step, table: table)
    }
}

/// Reading the fixtures.
enum Captures {
    static let folder = String((#filePath as String).dropLast("Captures.swift".count)) + "Fixtures/"

    /// A file is not what it should be.
    struct Malformed: Error {
        var path: String
    }

    /// The IPv4 datagrams of a capture (the classic pcap format, little-endian, Ethernet), outer headers first.
    static func datagrams(_ name: String) throws -> [[UInt8]] {
        let path = folder + name + ".pcap"
        let bytes = try TextFile.readBytes(path)
        func number(_ offset: Int) -> Int { bytes[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | Int($1) } }
        guard bytes.count >= 24, number(0) == 0xA1B2_C3D4, number(20) == 1 else { throw Malformed(path: path) }
        var datagrams: [[UInt8]] = []
        var offset = 24
        while offset < bytes.count {
            guard offset + 16 <= bytes.count, offset + 16 + number(offset + 8) <= bytes.count,
                number(offset + 8) == number(offset + 12), number(offset + 8) > 14 + 20
            else { throw Malformed(path: path) }
            datagrams.append(Array(bytes[offset + 16 + 14..<offset + 16 + number(offset + 8)]))
            offset += 16 + number(offset + 8)
        }
        return datagrams
    }

    /// All datagrams of all captures, in the order of the files' names.
    static func all() throws -> [[UInt8]] {
        try Directory.list(folder).filter { $0.hasSuffix(".pcap") }.flatMap { try datagrams(String($0.dropLast(5))) }
    }
}
