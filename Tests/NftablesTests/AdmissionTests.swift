// Who gets in: packets against the table in the running kernel, and against what the userspace tier would do with them.

import Dataplane
import Lab
import LinuxSystem
import Net
import Nftables
import Overlay
import Packet
import Rtnetlink
import TestSupport
import Testing

@Suite(.needsNamespaces, .needsPacketFilter)
struct AdmissionTests {
    /// One packet of protocol 4, and what becomes of it.
    private struct Case {
        var outer: IPv4Address
        var inner: IPv4Address
        var innerProtocol: UInt8 = 253
    }

    @Test(arguments: [true, false])
    func `Packets get in as the userspace tier lets them in, and each drop is counted for its reason`(
        checksSources: Bool
    ) throws {
        try inNamespace {
            let local = address("10.0.1.1")
            let host = try FilteredHost(local)
            var random = SeededGenerator(seed: 4711)
            for _ in 0..<8 {
                let peers = Self.randomPeers(&random)
                let table = ForwardingTable(
                    peers: peers.map { TunnelEndpoint(outerAddress: $0.address, tunnelAddress: $0.tunnelAddress) },
                    prefixes: peers.enumerated().flatMap { index, peer in
                        peer.prefixes.map { (prefix: $0, peer: index) }
                    })
                let decapsulator = Decapsulator(
                    settings: .init(localAddress: local, deviceMTU: 1480, acceptsForeignSources: !checksSources))
                try host.set(Admission(local: local, peers: peers, checksSources: checksSources))
                let before = try host.counters()
                var expected = AdmissionCounters()
                for number in 0..<60 {
                    let sample = Self.randomCase(peers, &random)
                    let inner = ForgedPacket.ipv4(
                        source: sample.inner, destination: address("10.244.1.2"),
                        protocolNumber: sample.innerProtocol, payload: [UInt8(number)])
                    let packet = ForgedPacket.ipip(source: sample.outer, destination: local, inner: inner)
                    var copy = packet
                    var span = copy.mutableSpan
                    var bytes = span.mutableBytes
                    let decision = decapsulator.decapsulate(&bytes, table: table)
                    let isIn = try host.takes(packet)
                    switch decision {
                    case .deliver:
                        #expect(isIn, "\(sample) of \(peers)")
                        expected.received[sample.outer, default: PacketCount()].packets += 1
                        expected.received[sample.outer, default: PacketCount()].bytes += UInt64(inner.count)
                    case .drop(.unknownOuterSource):
                        #expect(!isIn, "\(sample) of \(peers)")
                        expected.unknownOuterSource += 1
                    case .drop(let reason):
                        #expect(!isIn && reason == .innerSourceNotOfPeer, "\(sample) of \(peers)")
                        expected.innerSourceNotOfPeer += 1
                    }
                }
                var counted = try host.counters().since(before)
                counted.received = counted.received.filter { $0.value.packets > 0 }
                #expect(counted.unknownOuterSource == expected.unknownOuterSource)
                #expect(counted.innerSourceNotOfPeer == expected.innerSourceNotOfPeer)
                #expect(counted.received == expected.received)
            }
        }
    }

    @Test func `Tunnels of others, other addresses and other protocols are left alone`() throws {
        try inNamespace {
            let local = address("10.0.1.1")
            let host = try FilteredHost(local, more: [address("10.0.1.9")])
            var admission = sampleAdmission()
            try host.set(admission)
            let inner = ForgedPacket.ipv4(
                source: address("10.99.0.1"), destination: address("10.244.1.2"), protocolNumber: 253, payload: [1])
            func packet(_ source: String, to destination: String = "10.0.1.1") -> [UInt8] {
                ForgedPacket.ipip(source: address(source), destination: address(destination), inner: inner)
            }
            #expect(try host.takes(packet("192.0.2.9")), "another tunnel's far end")
            #expect(try host.takes(packet("192.0.2.8", to: "10.0.1.9")), "another address of this host")
            #expect(try !host.takes(packet("192.0.2.8")))
            // Without a pinned address, all of them are ours.
            admission.local = nil
            try host.set(admission)
            #expect(try !host.takes(packet("192.0.2.8", to: "10.0.1.9")))
            let short = ForgedPacket.ipv4(
                source: address("10.0.2.1"), destination: local, protocolNumber: 4, payload: [0x45, 0, 0])
            #expect(try !host.takes(short), "no inner source at all")
            let before = try host.counters().innerSourceNotOfPeer
            #expect(before == 1)
        }
    }

    @Test func `What is sent to a peer is counted`() throws {
        try inNamespace {
            let local = address("10.0.1.1")
            // The peer's address is here too, so that a packet for it can leave without a network.
            let host = try FilteredHost(local, more: [address("10.0.2.1")])
            try host.set(sampleAdmission())
            let inner = ForgedPacket.ipv4(
                source: address("10.244.1.2"), destination: address("10.244.2.2"), protocolNumber: 253, payload: [1])
            let packet = ForgedPacket.ipip(source: local, destination: address("10.0.2.1"), inner: inner)
            for _ in 0..<3 { try host.send(packet) }
            #expect(
                try host.counters().sent[address("10.0.2.1")] == PacketCount(packets: 3, bytes: UInt64(inner.count * 3))
            )
        }
    }

    private static func randomPeers(_ random: inout SeededGenerator) -> [TunnelPeer] {
        var taken: Set<IPv4Prefix> = []
        return (0..<4).map { number in
            let prefixes = (0..<Int.random(in: 0...5, using: &random)).compactMap { _ -> IPv4Prefix? in
                let length: UInt8 = [22, 24, 26, 28, 31, 32, 32].randomElement(using: &random) ?? 26
                let prefix = IPv4Prefix(containing: Self.randomInner(&random), length: length)
                return taken.insert(prefix).inserted ? prefix : nil
            }
            return TunnelPeer(
                name: "n\(number)", address: IPv4Address(rawValue: 0x0A00_0201 + UInt32(number) << 8),
                tunnelAddress: Bool.random(using: &random) ? Self.randomInner(&random) : nil,
                prefixes: prefixes.sorted())
        }
    }

    /// Of so few addresses that prefixes often lie inside each other.
    private static func randomInner(_ random: inout SeededGenerator) -> IPv4Address {
        IPv4Address(rawValue: 0x0AF4_0000 + UInt32.random(in: 0..<2048, using: &random))
    }

    private static func randomCase(_ peers: [TunnelPeer], _ random: inout SeededGenerator) -> Case {
        let stranger = IPv4Address(rawValue: 0x0A00_0909)
        let outer = Int.random(in: 0..<8, using: &random) == 0 ? stranger : peers.randomElement(using: &random)?.address
        let owned = peers.flatMap { $0.prefixes.flatMap { [$0.address, $0.last] } + [$0.address] }
        let inner = Bool.random(using: &random) ? randomInner(&random) : owned.randomElement(using: &random)
        return Case(
            outer: outer ?? stranger, inner: inner ?? stranger,
            innerProtocol: Int.random(in: 0..<6, using: &random) == 0 ? 4 : 253)
    }
}

/// A namespace whose loopback device brings what is sent back to the same host, through the table.
private final class FilteredHost {
    private var table = FilterTable()
    private var counting: TableSocket
    private let sender: RawIPv4Socket
    private let receiver: InetSocket

    init(_ local: IPv4Address, more: [IPv4Address] = []) throws {
        var netlink = try NetlinkSocket()
        try netlink.perform(.setLink(.name("lo"), LinkChange(isUp: true)))
        let loopback = try #require(try netlink.link(named: "lo"))
        for address in [local] + more {
            try netlink.perform(
                .addAddress(
                    AddressMessage(
                        link: loopback.index, address: IPv4InterfaceAddress(address: address, prefixLength: 32))))
        }
        counting = try TableSocket()
        sender = try RawIPv4Socket(proto: 255)
        receiver = try InetSocket(.raw(proto: 4))
    }

    func set(_ admission: Admission) throws { try table.set(HostFilter(admission: admission)) }

    func counters() throws -> AdmissionCounters { try counting.admissionCounters() }

    func send(_ packet: [UInt8]) throws {
        let destination = packet[16..<20].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let isSent = try packet.withUnsafeBytes { try sender.send($0, to: destination) }
        try #require(isSent)
    }

    /// Whether a packet comes through; otherwise it is counted.
    func takes(_ packet: [UInt8]) throws -> Bool {
        let before = try drops()
        try send(packet)
        let deadline = Monotonic.now + 10_000_000_000
        while Monotonic.now < deadline {
            if try receiver.receive(timeoutMilliseconds: 0) != nil { return true }
            if try drops() > before { return false }
        }
        Issue.record("a packet neither came through nor was counted")
        return false
    }

    private func drops() throws -> UInt64 {
        try counting.counts(in: HostFilter.tableName).values.reduce(0) { $0 + $1.packets }
    }
}
