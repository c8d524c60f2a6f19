// The program of the way in, against what the userspace tier does with the same packets: one judge for both.

import BPF
import CTunnelProgram
import Dataplane
import Lab
import LinuxSystem
import Net
import Packet
import TestSupport
import Testing

@Suite(.needs(.bpf))
struct InwardTests {
    /// What becomes of a frame: left to the kernel and to the agent behind it, dropped, or handed to the tunnel device.
    private static let (left, dropped, redirected): (UInt32, UInt32, UInt32) = (.max, 2, 7)

    /// An Ethernet header for the loopback device, as which a tried program sees its frames.
    private static let frameHeader = [UInt8](repeating: 0, count: 12) + [0x08, 0x00]

    @Test(arguments: [true, false])
    func `Packets get in as the userspace tier lets them in, with the same bytes and the same counts`(
        checksSources: Bool
    ) throws {
        var random = SeededGenerator(seed: 2003)
        var seen: [UInt32: Int] = [:]
        let tunnel = try LoadedTunnel(Self.settings(checksSources: checksSources))
        for _ in 0..<12 {
            let peers = RandomPeers(&random)
            let table = peers.forwarding
            let decapsulator = Decapsulator(
                settings: .init(
                    localAddress: RandomPeers.local, deviceMTU: 1480, acceptsForeignSources: !checksSources))
            for peer in peers.peers {
                try tunnel.traffic.remove(peer.endpoint.outerAddress.rawValue.bigEndian)
                try tunnel.traffic.insert(peer.endpoint.outerAddress.rawValue.bigEndian, tunnel_traffic())
            }
            try tunnel.table.replace(with: peers.program.words)
            var expected = TunnelCounters(table: table)
            let before = try tunnel.dropped()
            for _ in 0..<150 {
                let packet = Self.randomPacket(peers, &random)
                var copy = packet
                let decision = Self.decide(decapsulator, &copy, table)
                let run = try tunnel.inward.run(on: Self.frameHeader + packet)
                seen[run.result, default: 0] += 1
                switch decision {
                case _ where Self.isLeft(packet):
                    #expect(run.result == Self.left && run.packet == Self.frameHeader + packet, "\(packet)")
                case .deliver(let offset, let length, let peer, _):
                    // What is longer than the inner packet is padding, which the kernel cuts off.
                    #expect(run.result == Self.redirected, "\(packet) to \(peers)")
                    #expect(run.packet == Self.frameHeader + copy[offset...], "\(packet)")
                    expected.countReceived(peer: peer, bytes: packet.count - offset)
                    #expect(length <= packet.count - offset)
                case .drop(let reason) where Self.isCounted(reason):
                    #expect(run.result == Self.dropped, "\(reason): \(packet) to \(peers)")
                    expected.countDrop(reason)
                case .drop(let reason):
                    #expect(run.result == Self.left, "\(reason): \(packet) to \(peers)")
                    #expect(run.packet == Self.frameHeader + packet)
                }
            }
            let after = try tunnel.dropped()
            for reason in DropReason.allCases {
                #expect(after[reason, default: 0] - before[reason, default: 0] == expected.dropped(reason), "\(reason)")
            }
            for (index, peer) in peers.peers.enumerated() {
                let counts = try tunnel.counts(of: peer.endpoint.outerAddress)
                #expect(counts == expected.peers[index])
            }
        }
        // Random packets must not all end in one way.
        #expect([Self.left, Self.dropped, Self.redirected].allSatisfy { seen[$0, default: 0] > 100 }, "\(seen)")
    }

    @Test("D6: every pair of marks ends as RFC 6040 says", arguments: 0...3 as ClosedRange<UInt8>)
    func marks(outer: UInt8) throws {
        var random = SeededGenerator(seed: 6040)
        let tunnel = try LoadedTunnel(Self.settings(checksSources: false))
        let peers = RandomPeers(&random)
        try tunnel.table.replace(with: peers.program.words)
        for inner in 0...3 as ClosedRange<UInt8> {
            let packet = ForgedPacket.ipip(
                source: peers.peers[0].endpoint.outerAddress, destination: RandomPeers.local,
                inner: ForgedPacket.ipv4(
                    source: address("10.244.0.9"), destination: address("10.244.1.2"), protocolNumber: 253,
                    payload: [1, 2], typeOfService: 0xB8 | inner), typeOfService: outer)
            let run = try tunnel.inward.run(on: Self.frameHeader + packet)
            let mark = ECN.decapsulated(outer: ECN(typeOfService: outer), inner: ECN(typeOfService: inner))
            if let mark {
                #expect(run.result == Self.redirected && run.packet[15] == 0xB8 | mark.rawValue)
                #expect(isChecksumRight(Array(run.packet[14...])))
            } else {
                #expect(run.result == Self.dropped)
            }
        }
    }

    @Test func `Without a table everything is left to the agent`() throws {
        let tunnel = try LoadedTunnel(Self.settings(checksSources: true))
        let inner = ForgedPacket.ipv4(
            source: address("10.244.0.9"), destination: address("10.244.1.2"), protocolNumber: 253, payload: [1])
        let packet = ForgedPacket.ipip(source: RandomPeers.stranger, destination: RandomPeers.local, inner: inner)
        let run = try tunnel.inward.run(on: Self.frameHeader + packet)
        #expect(run.result == Self.left)
    }

    private static func settings(checksSources: Bool) -> tunnel_settings {
        var settings = tunnel_settings()
        settings.local_address = RandomPeers.local.rawValue.bigEndian
        settings.tunnel_link = 1
        settings.accepts_foreign_sources = checksSources ? 0 : 1
        return settings
    }

    private static func decide(
        _ decapsulator: Decapsulator, _ packet: inout [UInt8], _ table: ForwardingTable
    ) -> DecapsulationDecision {
        var span = packet.mutableSpan
        var bytes = span.mutableBytes
        return decapsulator.decapsulate(&bytes, table: table)
    }

    /// What the userspace tier is never shown, or what the kernel does before it: options are its own to read, fragments
    /// to put together, and wrong checksums to drop.
    private static func isLeft(_ packet: [UInt8]) -> Bool {
        guard packet.count >= 40, packet[0] == 0x45 else { return true }
        return packet[6] & 0x3F != 0 || packet[7] != 0 || !isChecksumRight(packet)
    }

    private static func isCounted(_ reason: DropReason) -> Bool {
        [.unknownOuterSource, .innerSourceNotOfPeer, .ttlZero, .ecnIllegalCombination, .recursion].contains(reason)
    }

    /// Mostly what a peer would send, with something wrong now and then.
    private static func randomPacket(_ peers: RandomPeers, _ random: inout SeededGenerator) -> [UInt8] {
        let known = peers.peers.randomElement(using: &random)?.endpoint.outerAddress ?? RandomPeers.stranger
        var inner = ForgedPacket.ipv4(
            source: peers.interestingInner(&random), destination: peers.interestingInner(&random),
            protocolNumber: random.oneIn(5) ? 4 : 253,
            payload: (0..<Int.random(in: 0...60, using: &random)).map { UInt8($0) },
            timeToLive: random.oneIn(15) ? 0 : .random(in: 1...255, using: &random),
            typeOfService: .random(in: 0...255, using: &random), dontFragment: Bool.random(using: &random))
        if random.oneIn(8) { inner[Int.random(in: 0..<4, using: &random)] = .random(in: 0...255, using: &random) }
        if random.oneIn(10) { inner += [0, 0, 0] }
        var packet = ForgedPacket.ipip(
            source: random.oneIn(10) ? RandomPeers.stranger : known,
            destination: random.oneIn(20) ? RandomPeers.stranger : RandomPeers.local, inner: inner,
            typeOfService: .random(in: 0...255, using: &random), dontFragment: Bool.random(using: &random))
        if random.oneIn(10) {
            // The header wrong in one byte, its checksum right all the same, or else nothing else would be looked at.
            packet[[0, 2, 3, 6, 7, 9].randomElement(using: &random) ?? 0] = .random(in: 0...255, using: &random)
            if !random.oneIn(4) { mendChecksum(&packet) }
        }
        if random.oneIn(20) { packet.removeLast(Int.random(in: 0..<packet.count - 20, using: &random)) }
        return packet
    }

    private static func mendChecksum(_ packet: inout [UInt8]) {
        (packet[10], packet[11]) = (0, 0)
        let header = Array(packet[0..<20])
        let checksum = InternetChecksum.checksum(header.span.bytes)
        (packet[10], packet[11]) = (UInt8(checksum >> 8), UInt8(checksum & 0xFF))
    }
}
