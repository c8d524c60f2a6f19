// D9: thousands of hostile datagrams, each of which must have exactly the outcome that the reference model gives it.

import Net
import Packet
import TestSupport
import Testing

@Suite struct FuzzTests {
    /// Values that stand on a border somewhere in a header.
    private static let interesting: [UInt8] = [
        0, 1, 2, 3, 4, 6, 17, 19, 20, 21, 40, 0x40, 0x43, 0x45, 0x46, 0x4F, 0xFF,
    ]

    private static func seedDatagram(_ random: inout SeededGenerator) -> [UInt8] {
        let sources = ["10.244.2.5", "10.244.2.17", "10.244.3.9", "10.244.9.1", "10.0.0.2", "192.0.2.3", "8.8.8.8"]
        let peers = [Cluster.first, Cluster.second, Cluster.first, ip("10.0.0.4")]
        var inner: [UInt8]
        switch Int.random(in: 0..<5, using: &random) {
        case 0:
            inner = transportPacket(
                protocolNumber: Bool.random(using: &random) ? 6 : 17,
                dataLength: Int.random(in: 0...1400, using: &random), isPartial: Bool.random(using: &random))
        case 1:
            inner = tunnelled(PacketSpec().bytes, from: Cluster.first, to: Cluster.local)
        default:
            inner =
                PacketSpec(
                    source: ip(sources.randomElement(using: &random) ?? "0.0.0.0"),
                    protocolNumber: UInt8.random(in: 0...255, using: &random),
                    timeToLive: UInt8.random(in: 0...3, using: &random),
                    typeOfService: UInt8.random(in: 0...255, using: &random),
                    options: [UInt8](repeating: 1, count: 4 * Int.random(in: 0...2, using: &random)),
                    payload: [UInt8](repeating: 5, count: Int.random(in: 0...60, using: &random))
                ).bytes
        }
        return tunnelled(
            inner, from: peers.randomElement(using: &random) ?? .any,
            typeOfService: UInt8.random(in: 0...255, using: &random),
            options: [UInt8](repeating: 1, count: 4 * Int.random(in: 0...2, using: &random)))
    }

    private static func mutate(_ datagram: inout [UInt8], _ random: inout SeededGenerator) {
        for _ in 0..<Int.random(in: 0...4, using: &random) where !datagram.isEmpty {
            let index = Int.random(in: 0..<min(datagram.count, 64), using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: datagram[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: datagram[index] = interesting.randomElement(using: &random) ?? 0
            case 2: datagram[index] = UInt8.random(in: 0...255, using: &random)
            case 3: datagram.removeLast(min(datagram.count, Int.random(in: 1...30, using: &random)))
            default: datagram.append(UInt8.random(in: 0...255, using: &random))
            }
        }
    }

    @Test(
        "D9: mutated datagrams have the reference model's outcome, one counter goes up, drops change nothing",
        arguments: [false, true])
    func mutated(acceptsForeignSources: Bool) {
        let model = ReferenceModel.cluster(acceptsForeignSources: acceptsForeignSources)
        var random = SeededGenerator(seed: acceptsForeignSources ? 2003 : 4459)
        var counters = TunnelCounters(table: Cluster.table)
        var reasons: Set<DropReason> = []
        let rounds = 20_000
        for round in 0..<rounds {
            var datagram = Self.seedDatagram(&random)
            Self.mutate(&datagram, &random)
            let before = datagram
            let expected = model.outcome(datagram)
            switch decapsulate(&datagram, acceptsForeignSources: acceptsForeignSources) {
            case .drop(let reason):
                counters.countDrop(reason)
                reasons.insert(reason)
                #expect(expected == .drop(reason) && datagram == before, "round \(round)")
            case .deliver(let offset, let length, let peer, let offload):
                counters.countReceived(peer: peer, bytes: length)
                let packet = Array(datagram[offset..<offset + length])
                #expect(expected == .packet(packet, peer: peer), "round \(round)")
                if case .partialChecksum(let start, let field) = offload {
                    #expect(Int(start) + Int(field) + 2 <= length, "round \(round)")
                }
            }
        }
        let dropped = DropReason.allCases.reduce(0) { $0 + counters.dropped($1) }
        let received = counters.peers.reduce(0) { $0 + $1.rxPackets }
        #expect(dropped + received == UInt64(rounds) && received > 1000)
        let expectedReasons: Set<DropReason> = [
            .truncated, .notIPv4, .badHeaderLength, .badTotalLength, .notIPIP, .notForUs, .outerFragment,
            .unknownOuterSource, .innerSourceNotOfPeer, .ttlZero, .ecnIllegalCombination, .recursion,
        ]
        #expect(reasons == expectedReasons)
    }

    @Test("D9: noise of any length crashes neither direction")
    func noise() {
        var random = SeededGenerator(seed: 791)
        var encapsulator = Encapsulator(settings: Encapsulator.Settings(localAddress: Cluster.local))
        let model = ReferenceModel.cluster(acceptsForeignSources: false)
        for _ in 0..<5000 {
            var bytes = (0..<Int.random(in: 0...80, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            if !bytes.isEmpty, Bool.random(using: &random) { bytes[0] = 0x45 }
            if bytes.count > 4, Bool.random(using: &random) {
                bytes.replaceSubrange(2..<4, with: bigEndian(UInt16(bytes.count)))
            }
            _ = encapsulate(bytes, with: &encapsulator)
            let expected = model.outcome(bytes)
            if case .drop(let reason) = decapsulate(&bytes) { #expect(expected == .drop(reason)) }
        }
    }

    @Test("D9: a datagram cut at any length is dropped")
    func everyLength() {
        let whole = tunnelled(transportPacket(protocolNumber: 6, dataLength: 40, isPartial: true))
        for length in 0..<whole.count {
            #expect(decision(Array(whole[..<length])) == .drop(.truncated))
            // The same, with an outer header that admits it.
            guard length >= 20 else { continue }
            let honest = tunnelled(Array(whole[20..<length]))
            #expect(decision(honest) == .drop(length < 40 ? .badTotalLength : .truncated))
        }
    }
}
