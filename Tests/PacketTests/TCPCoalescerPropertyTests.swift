// Random traffic: the groups are the model's, and cutting them gives back the packets that arrived.

import Net
import Packet
import TestSupport
import Testing

@Suite struct TCPCoalescerPropertyTests {
    /// Flows that go on from packet to packet, mostly as a sender in bulk would.
    private struct Traffic {
        var random: SeededGenerator
        var flows: [SegmentSpec]

        init(flows count: Int, seed: UInt64) {
            var random = SeededGenerator(seed: seed)
            flows = (0..<count).map { index in
                var segment = SegmentSpec()
                segment.sourcePort = UInt16(1000 + index / 2)
                segment.destination = ip(index % 2 == 0 ? "10.244.7.7" : "10.244.7.8")
                segment.sequence = UInt32.random(in: 0 ... .max, using: &random)
                segment.flagsAndOffset = Bool.random(using: &random) ? 0x4000 : 0
                segment.payload = [UInt8](repeating: UInt8(index), count: Int.random(in: 1...40, using: &random))
                return segment
            }
            self.random = random
        }

        mutating func next() -> Arrival {
            let index = Int.random(in: 0..<flows.count, using: &random)
            flows[index] = flows[index].next
            var segment = flows[index]
            if random.oneIn(6) { disturb(&segment, index) }
            var arrival = Arrival(packet: segment.bytes)
            if random.oneIn(30) { arrival.packet[Int.random(in: 0..<arrival.packet.count, using: &random)] ^= 4 }
            if random.oneIn(40) { arrival.offload = .partialChecksum(start: 20, offset: 16) }
            if random.oneIn(40) { arrival.peer = 1 }
            if random.oneIn(40) { arrival.packet = PacketSpec().bytes }
            return arrival
        }

        private mutating func disturb(_ segment: inout SegmentSpec, _ index: Int) {
            switch Int.random(in: 0..<14, using: &random) {
            case 0: segment.flags |= 0x08
            case 1: segment.flags |= 0x01
            case 2: segment.flags = UInt8.random(in: 0...255, using: &random)
            case 3: segment.payload.removeLast()
            case 4: segment.payload = []
            case 5: segment.sequence &+= UInt32.random(in: 1...20, using: &random)
            case 6: segment.typeOfService ^= 3
            case 7: segment.timeToLive -= 1
            case 8: segment.flagsAndOffset = [0, 0x2000, 0x4000, 0x8000, 1][Int.random(in: 0..<5, using: &random)]
            case 9: segment.options[7] ^= 1
            case 10: segment.networkOptions = [1, 1, 1, 0]
            case 11:
                // From here on.
                flows[index].acknowledgement &+= 100
                flows[index].options[11] &+= 1
            case 12: flows[index].payload.append(1)
            default:
                segment.identification &-= 1
                flows[index].identification &-= 1
            }
        }
    }

    @Test(
        "Random traffic is grouped as the model groups it, and cut again it is what arrived",
        arguments: [1, 3, 8, 30])
    func randomTraffic(flows: Int) {
        var traffic = Traffic(flows: flows, seed: UInt64(flows))
        var coalescer = TCPCoalescer(capacity: 64)
        var merged = 0
        for round in 0..<200 {
            let arrivals = (0..<Int.random(in: 1...64, using: &traffic.random)).map { _ in traffic.next() }
            let writes = coalesce(arrivals, with: &coalescer)
            #expect(writes.map(\.positions) == CoalescerModel.groups(arrivals), "round \(round)")
            expectLossless(writes, arrivals, "round \(round)")
            merged += arrivals.count - writes.count
        }
        #expect(merged > 1000)
    }

    @Test func moreFlowsThanAreRememberedLoseNothingAndKeepTheirOrder() {
        var traffic = Traffic(flows: 100, seed: 100)
        var coalescer = TCPCoalescer(capacity: 512)
        var merged = 0
        for round in 0..<15 {
            let arrivals = (0..<512).map { _ in traffic.next() }
            let writes = coalesce(arrivals, with: &coalescer)
            expectLossless(writes, arrivals, "round \(round)")
            merged += arrivals.count - writes.count
        }
        #expect(merged > 100)
    }

    @Test("D9: hostile bytes of any length crash nothing and are grouped as the model groups them")
    func hostile() {
        var random = SeededGenerator(seed: 9293)
        var coalescer = TCPCoalescer(capacity: 64)
        for round in 0..<200 {
            let seed = SegmentSpec().run(of: 4).map(\.bytes)
            let arrivals = (0..<64).map { index in
                var packet = seed[index % 4]
                if random.oneIn(4) { packet.removeLast(Int.random(in: 0...packet.count, using: &random)) }
                if random.oneIn(4) {
                    packet = (0..<Int.random(in: 0...80, using: &random)).map { _ in
                        UInt8.random(in: 0...255, using: &random)
                    }
                    if !packet.isEmpty { packet[0] = 0x40 | UInt8.random(in: 4...15, using: &random) }
                    if packet.count > 9 { packet[9] = 6 }
                }
                for _ in 0..<Int.random(in: 0...2, using: &random) where !packet.isEmpty {
                    packet[Int.random(in: 0..<min(packet.count, 52), using: &random)] =
                        UInt8.random(in: 0...255, using: &random)
                }
                // Half of them with an honest length and right checksums, to get past the first checks.
                if packet.count >= 40, Bool.random(using: &random) {
                    packet.replaceSubrange(2..<4, with: bigEndian(UInt16(packet.count)))
                    packet = checksummed(packet)
                }
                return Arrival(packet: packet)
            }
            let writes = coalesce(arrivals, with: &coalescer)
            #expect(writes.map(\.positions) == CoalescerModel.groups(arrivals), "round \(round)")
            expectLossless(writes, arrivals, "round \(round)")
        }
    }
}
