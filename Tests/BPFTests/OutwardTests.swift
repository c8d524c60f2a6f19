// The program of the way out on a real device, against the headers that the userspace tier makes.

import BPF
import CTunnelProgram
import Dataplane
import Lab
import LinuxSystem
import Net
import Packet
import TestSupport
import Testing

@Suite(.needsNamespaces, .needs(.bpf), .needsProgram("ip"))
struct OutwardTests {
    @Test(arguments: [
        Encapsulator.Settings(localAddress: RandomPeers.local),
        Encapsulator.Settings(localAddress: RandomPeers.local, timeToLive: .inherit, dscp: .fixed(46)),
    ])
    func `Packets leave with the headers that the userspace tier makes, or are dropped for its reasons`(
        settings: Encapsulator.Settings
    ) throws {
        try inNamespace {
            var random = SeededGenerator(seed: 2003)
            let wire = try TunnelWire(settings)
            let tunnel = try wire.attach()
            var encapsulator = Encapsulator(settings: settings)
            var identifications: Set<UInt16> = []
            for _ in 0..<6 {
                var peers = RandomPeers(&random)
                peers.peers[1].isLeftToAgent = true
                let table = peers.forwarding
                var expected = TunnelCounters(table: table)
                for peer in peers.peers {
                    try tunnel.traffic.remove(peer.endpoint.outerAddress.rawValue.bigEndian)
                    try tunnel.traffic.insert(peer.endpoint.outerAddress.rawValue.bigEndian, tunnel_traffic())
                }
                try tunnel.table.replace(with: peers.program.words)
                for _ in 0..<60 {
                    let packet = Self.randomPacket(peers, &random)
                    let before = try tunnel.dropped()
                    try wire.send(packet)
                    let fate = try wire.fate(of: packet) { try tunnel.dropped() != before }
                    guard case .success(let inner) = IPv4Header.parse(packet.span.bytes) else {
                        #expect(fate == .left, "\(packet)")
                        continue
                    }
                    switch encapsulator.peer(for: inner, table: table) {
                    case .success(let index) where peers.peers[index].isLeftToAgent:
                        #expect(fate == .left, "\(packet) to \(peers)")
                    case .success(let index):
                        let peer = peers.peers[index].endpoint.outerAddress
                        let header = encapsulator.outerHeader(for: inner, innerLength: packet.count, to: peer)
                        guard case .sent(let frame) = fate else {
                            Issue.record("\(fate): \(packet) to \(peers)")
                            continue
                        }
                        try Self.compare(frame, header, packet, peer)
                        if !inner.dontFragment {
                            identifications.insert(UInt16(frame[18]) << 8 | UInt16(frame[19]))
                        }
                        expected.countSent(peer: index, bytes: packet.count)
                    case .failure(let reason):
                        #expect(fate == .dropped, "\(reason): \(packet) to \(peers)")
                        expected.countDrop(reason)
                        let counted = try tunnel.dropped(reason)
                        #expect(counted == before[reason, default: 0] + 1, "\(reason)")
                    }
                }
                for (index, peer) in peers.peers.enumerated() {
                    let counts = try tunnel.counts(of: peer.endpoint.outerAddress)
                    #expect(counts == expected.peers[index])
                }
            }
            // Enough that one for all would have been seen.
            #expect(identifications.count > 20)
        }
    }

    @Test func `What is longer than the way out, and what the kernel has no route for, is left to the agent`() throws {
        try inNamespace {
            let wire = try TunnelWire(Encapsulator.Settings(localAddress: RandomPeers.local))
            let tunnel = try wire.attach()
            let peers = [
                ProgramTable.Peer(TunnelEndpoint(outerAddress: address("10.0.2.1"))),
                ProgramTable.Peer(TunnelEndpoint(outerAddress: address("192.0.2.1"))),
            ]
            let prefixes = [
                (prefix: IPv4Prefix(containing: address("10.244.2.0"), length: 24), peer: 0),
                (prefix: IPv4Prefix(containing: address("10.244.3.0"), length: 24), peer: 1),
            ]
            try tunnel.table.replace(with: ProgramTable(peers: peers, prefixes: prefixes).words)
            func fate(_ destination: String, _ length: Int) throws -> TunnelWire.Fate {
                let packet = ForgedPacket.ipv4(
                    source: address("10.244.1.1"), destination: address(destination), protocolNumber: 253,
                    payload: [UInt8](repeating: 7, count: length - 20))
                try wire.send(packet)
                return try wire.fate(of: packet) { false }
            }
            let fits = try fate("10.244.2.2", 1480)
            #expect(fits != .left)
            let long = try fate("10.244.2.2", 1481)
            #expect(long == .left)
            let noRoute = try fate("10.244.3.2", 100)
            #expect(noRoute == .left)
        }
    }

    @Test func `Who sends to a peer changes from one packet to the next`() throws {
        try inNamespace {
            let wire = try TunnelWire(Encapsulator.Settings(localAddress: RandomPeers.local))
            let tunnel = try wire.attach()
            let packet = ForgedPacket.ipv4(
                source: address("10.244.1.1"), destination: address("10.244.2.2"), protocolNumber: 253, payload: [1])
            for isLeft in [false, true, false] {
                let table = ProgramTable(
                    peers: [
                        ProgramTable.Peer(TunnelEndpoint(outerAddress: address("10.0.2.1")), isLeftToAgent: isLeft)
                    ], prefixes: [(prefix: IPv4Prefix(containing: address("10.244.2.0"), length: 24), peer: 0)])
                try tunnel.table.replace(with: table.words)
                try wire.send(packet)
                let fate = try wire.fate(of: packet) { false }
                #expect((fate == .left) == isLeft)
            }
        }
    }

    /// The frame with an Ethernet header for the peer's neighbour, the outer header, and the packet as it was.
    private static func compare(
        _ frame: [UInt8], _ header: IPv4Header, _ packet: [UInt8], _ peer: IPv4Address
    ) throws {
        #expect(Array(frame[0..<6]) == TunnelWire.neighbour(of: peer))
        #expect(Array(frame[34...]) == packet)
        let outer = Array(frame[14...])
        let sent = try IPv4Header.parse(outer.span.bytes).get()
        #expect(isChecksumRight(outer))
        #expect(sent.version == 4 && sent.headerLength == 20 && !sent.isFragment)
        #expect(sent.typeOfService == header.typeOfService)
        #expect(sent.totalLength == header.totalLength)
        #expect(sent.dontFragment == header.dontFragment)
        #expect(!sent.dontFragment || sent.identification == 0)
        #expect(sent.timeToLive == header.timeToLive)
        #expect(sent.protocolNumber == header.protocolNumber)
        #expect(sent.source == header.source && sent.destination == header.destination)
    }

    private static func randomPacket(_ peers: RandomPeers, _ random: inout SeededGenerator) -> [UInt8] {
        var packet = ForgedPacket.ipv4(
            source: random.oneIn(4) ? RandomPeers.local : peers.interestingInner(&random),
            destination: peers.interestingInner(&random), protocolNumber: random.oneIn(4) ? 4 : 253,
            payload: (0..<Int.random(in: 0...60, using: &random)).map { UInt8($0) },
            timeToLive: random.oneIn(15) ? 0 : .random(in: 1...255, using: &random),
            typeOfService: .random(in: 0...255, using: &random), dontFragment: Bool.random(using: &random))
        if random.oneIn(20) { packet[0] = 0x65 }
        return packet
    }
}
