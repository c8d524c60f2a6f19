// Which segments become one write, and that whatever differs from its neighbour in any bit goes its own way.

import Net
import Packet
import Testing

@Suite struct TCPCoalescerTests {
    @Test func aRunOfSegmentsBecomesOneWrite() {
        for count in [2, 3, 17, 64] {
            let segments = SegmentSpec().run(of: count)
            let arrivals = segments.map { Arrival(packet: $0.bytes) }
            let writes = coalesce(arrivals)
            #expect(writes.map(\.positions) == [Array(0..<count)])
            #expect(
                writes[0].offload
                    == .tcpSegments(size: 10, headerLength: 52, checksumStart: 20, congestionWindowReduced: false))
            #expect(writes[0].bytes[52...] == ArraySlice(segments.flatMap(\.payload)))
            expectLossless(writes, arrivals)
        }
    }

    @Test("Segments merge with any number of option words", arguments: Array(0...10))
    func options(words: Int) {
        var segment = SegmentSpec()
        segment.options = (0..<words * 4).map { UInt8($0 + 1) }
        let arrivals = segment.run(of: 4).map { Arrival(packet: $0.bytes) }
        #expect(groups(arrivals) == [[0, 1, 2, 3]])
        expectLossless(coalesce(arrivals), arrivals)
        for index in segment.options.indices {
            var changed = segment.run(of: 3)
            changed[1].options[index] ^= 0x80
            #expect(groups(changed)[0] == [0], "option byte \(index)")
        }
    }

    @Test func aSingleSegmentIsLeftAsItIs() {
        let arrivals = [Arrival(packet: SegmentSpec().bytes)]
        let writes = coalesce(arrivals)
        #expect(writes.count == 1 && writes[0].bytes == arrivals[0].packet && writes[0].offload == .none)
    }

    @Test("Every bit of both headers that differs, checksums right, keeps a segment out; only FIN and PSH do not")
    func everyHeaderBit() {
        var segment = SegmentSpec()
        segment.flagsAndOffset = 0
        let run = segment.run(of: 3).map(\.bytes)
        for bit in 0..<52 * 8 {
            var changed = run[1]
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            // A changed checksum stays, and a header of another length has its fields elsewhere.
            if !(10..<12).contains(bit / 8), !(36..<38).contains(bit / 8) { changed = checksummed(changed) }
            let arrivals = [run[0], changed, run[2]].map { Arrival(packet: $0) }
            let writes = coalesce(arrivals)
            let isEnding = bit / 8 == 33 && [0, 3].contains(bit % 8)
            #expect(writes[0].positions == (isEnding ? [0, 1] : [0]), "bit \(bit)")
            expectLossless(writes, arrivals, "bit \(bit)")
        }
    }

    @Test("A flipped bit in any byte, first segment's too, keeps a segment out, and it is delivered as it came")
    func everyCorruptByte() {
        let run = SegmentSpec().run(of: 3).map(\.bytes)
        for byte in run[0].indices {
            for victim in 0..<3 {
                var packets = run
                packets[victim][byte] ^= 1 << UInt8(byte % 8)
                let arrivals = packets.map { Arrival(packet: $0) }
                let writes = coalesce(arrivals)
                #expect(writes.contains { $0.positions == [victim] }, "byte \(byte) of \(victim)")
                expectLossless(writes, arrivals, "byte \(byte) of \(victim)")
            }
        }
    }

    /// What keeps the second of three segments from the first, by name.
    private static let differences: [(name: String, change: @Sendable (inout SegmentSpec) -> Void)] = [
        ("a gap", { $0.sequence &+= 1 }),
        ("an overlap", { $0.sequence &-= 1 }),
        ("a repetition", { $0.sequence &-= 10 }),
        ("DSCP", { $0.typeOfService = 0x30 }),
        ("ECN: CE", { $0.typeOfService |= 3 }),
        ("TTL", { $0.timeToLive = 62 }),
        ("DF", { $0.flagsAndOffset = 0 }),
        ("the reserved bit", { $0.flagsAndOffset = 0xC000 }),
        ("a fragment", { $0.flagsAndOffset = 0x2000 }),
        ("IP options", { $0.networkOptions = [1, 1, 1, 0] }),
        ("identification", { $0.identification &+= 1 }),
        ("acknowledgement", { $0.acknowledgement &+= 1 }),
        ("window", { $0.window &+= 1 }),
        ("urgent pointer", { $0.urgentPointer = 1 }),
        ("fewer options", { $0.options = [] }),
        ("more options", { $0.options += [1, 1, 1, 0] }),
        ("SYN", { $0.flags |= 0x02 }),
        ("RST", { $0.flags |= 0x04 }),
        ("no ACK", { $0.flags = 0 }),
        ("URG", { $0.flags |= 0x20 }),
        ("ECE", { $0.flags |= 0x40 }),
        ("CWR", { $0.flags |= 0x80 }),
        ("no payload", { $0.payload = [] }),
        ("a longer payload", { $0.payload.append(0) }),
    ]

    @Test("A segment that differs is not merged and closes its flow", arguments: differences.indices)
    func differs(index: Int) {
        let difference = Self.differences[index]
        var segments = SegmentSpec().run(of: 3)
        difference.change(&segments[1])
        // The third fits the first: it must not overtake the second.
        segments[2].sequence = segments[0].sequence &+ 10
        segments[2].identification = segments[0].identification &+ 1
        let arrivals = segments.map { Arrival(packet: $0.bytes) }
        #expect(groups(arrivals)[0] == [0], "\(difference.name)")
        expectLossless(coalesce(arrivals), arrivals, difference.name)
    }

    @Test func anotherPeerOrAnUnfinishedPacketClosesTheFlow() {
        let run = SegmentSpec().run(of: 2).map(\.bytes)
        let between = SegmentSpec().run(of: 2)[1].bytes
        let offloads: [(Offload, Int)] = [
            (.none, 1), (.partialChecksum(start: 20, offset: 16), 0),
            (.tcpSegments(size: 5, headerLength: 52, checksumStart: 20, congestionWindowReduced: false), 0),
        ]
        for (offload, peer) in offloads {
            let arrivals = [
                Arrival(packet: run[0]), Arrival(packet: between, offload: offload, peer: peer),
                Arrival(packet: run[1]),
            ]
            #expect(groups(arrivals) == [[0], [1], [2]])
            expectLossless(coalesce(arrivals), arrivals)
        }
    }

    @Test("D8: a superframe passes alone, and the segments around it stay on their sides of it")
    func superframe() throws {
        let packet = transportPacket(protocolNumber: 6, dataLength: 3000, isPartial: true)
        let out = try #require(delivered(tunnelled(packet)))
        var before = SegmentSpec()
        before.sourcePort = 0x3039
        let run = before.run(of: 4).map { Arrival(packet: $0.bytes) }
        let arrivals = [run[0], run[1], Arrival(packet: out.packet, offload: out.offload), run[2], run[3]]
        let writes = coalesce(arrivals)
        #expect(writes.map(\.positions) == [[0, 1], [2], [3, 4]])
        #expect(writes[1].bytes == packet && writes[1].offload == out.offload)
        expectLossless(writes, arrivals)
    }

    @Test("FIN and PSH end a group and come back on its last segment", arguments: [0x01, 0x08, 0x09] as [UInt8])
    func endings(flag: UInt8) {
        var segments = SegmentSpec().run(of: 5)
        segments[2].flags |= flag
        let arrivals = segments.map { Arrival(packet: $0.bytes) }
        let writes = coalesce(arrivals)
        #expect(writes.map(\.positions) == [[0, 1, 2], [3, 4]])
        #expect(writes[0].bytes[33] == 0x10 | flag && writes[1].bytes[33] == 0x10)
        expectLossless(writes, arrivals)
    }

    @Test func aShorterSegmentEndsAGroupAndALongerOneBeginsAnother() {
        var segments = SegmentSpec().run(of: 2)
        segments[1].payload.removeLast(3)
        segments += segments[1].next.run(of: 2)
        segments[3].payload.append(9)
        segments += segments[3].next.run(of: 2)
        let arrivals = segments.map { Arrival(packet: $0.bytes) }
        #expect(groups(arrivals) == [[0, 1], [2], [3, 4, 5]])
        expectLossless(coalesce(arrivals), arrivals)
    }

    @Test func withDFIdentificationsCountOrStandStillAndWithoutDFTheyCount() {
        func identified(_ numbers: [UInt16], dontFragment: Bool) -> [[Int]] {
            var segments = SegmentSpec().run(of: numbers.count)
            for (index, number) in numbers.enumerated() {
                segments[index].identification = number
                segments[index].flagsAndOffset = dontFragment ? 0x4000 : 0
            }
            let arrivals = segments.map { Arrival(packet: $0.bytes) }
            expectLossless(coalesce(arrivals), arrivals)
            return groups(arrivals)
        }
        for dontFragment in [false, true] {
            #expect(identified([65_534, 65_535, 0, 1], dontFragment: dontFragment) == [[0, 1, 2, 3]])
            #expect(identified([7, 8, 8], dontFragment: dontFragment) == [[0, 1], [2]])
            #expect(identified([7, 8, 7], dontFragment: dontFragment) == [[0, 1], [2]])
        }
        #expect(identified([0, 0, 0, 0], dontFragment: true) == [[0, 1, 2, 3]])
        #expect(identified([7, 7, 9], dontFragment: true) == [[0, 1], [2]])
        #expect(identified([7, 7], dontFragment: false) == [[0], [1]])
    }

    @Test func anECEThatLastsIsMergedAndACWRNeverIs() {
        func flagged(_ flags: UInt8) -> [[Int]] {
            var segment = SegmentSpec()
            segment.flags |= flags
            let arrivals = segment.run(of: 3).map { Arrival(packet: $0.bytes) }
            expectLossless(coalesce(arrivals), arrivals)
            return groups(arrivals)
        }
        #expect(flagged(0x40) == [[0, 1, 2]])
        #expect(flagged(0x80) == [[0], [1], [2]])
    }

    @Test func sequenceNumbersWrapWithinAGroup() {
        var segment = SegmentSpec()
        segment.sequence = .max - 14
        let arrivals = segment.run(of: 4).map { Arrival(packet: $0.bytes) }
        #expect(groups(arrivals) == [[0, 1, 2, 3]])
        expectLossless(coalesce(arrivals), arrivals)
    }

    @Test func interleavedFlowsEachMergeAndOtherTrafficDoesNotPartThem() {
        let flows = (0..<4).map { flow in
            var segment = SegmentSpec()
            segment.sourcePort += UInt16(flow)
            return segment.run(of: 5)
        }
        var arrivals: [Arrival] = []
        for index in 0..<5 {
            for flow in flows { arrivals.append(Arrival(packet: flow[index].bytes)) }
            arrivals.append(Arrival(packet: PacketSpec().bytes))
        }
        let writes = coalesce(arrivals)
        #expect(writes.map(\.positions.count) == [5, 5, 5, 5, 1, 1, 1, 1, 1])
        expectLossless(writes, arrivals)
    }

    @Test func aWriteNeverExceeds65535Bytes() {
        let cases = [(13_099, 6, [5, 1]), (13_100, 6, [4, 2]), (16_374, 4, [3, 1]), (1448, 64, [45, 19])]
        for (payload, count, expected) in cases {
            var segment = SegmentSpec()
            if payload != 1448 { segment.options = [] }
            segment.payload = [UInt8](repeating: 0xA5, count: payload)
            let arrivals = segment.run(of: count).map { Arrival(packet: $0.bytes) }
            let writes = coalesce(arrivals)
            #expect(writes.map(\.positions.count) == expected)
            if payload == 13_099 { #expect(writes[0].bytes.count == 65_535) }
            expectLossless(writes, arrivals)
        }
    }

    @Test func aTurnTakesAsManyPacketsAsItHasPositionsAndPositionsMayBeLeftOut() {
        var coalescer = TCPCoalescer(capacity: 8)
        let arrivals = SegmentSpec().run(of: 8).map { Arrival(packet: $0.bytes) }
        for _ in 0..<3 {
            let writes = coalesce(arrivals, with: &coalescer)
            #expect(writes.map(\.positions) == [Array(0..<8)])
            expectLossless(writes, arrivals)
        }
        coalescer.reset()
        for (index, position) in [1, 4, 7].enumerated() {
            let packet = arrivals[index].packet
            let span = packet.span
            coalescer.add(span.bytes, offload: .none, peer: 0, at: position)
        }
        let group = coalescer.group(0)
        let following = [coalescer.next(after: 1), coalescer.next(after: 4), coalescer.next(after: 7)]
        #expect(group.first == 1 && group.count == 3 && following == [4, 7, nil])
    }

    @Test func anEmptyTurnHasNoGroups() {
        #expect(coalesce([Arrival]()).isEmpty)
    }
}
