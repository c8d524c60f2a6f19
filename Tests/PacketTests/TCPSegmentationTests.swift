// Superframes outward: every segment against a segmenter written byte by byte, and requests that do not fit.

import Net
import Packet
import TestSupport
import Testing

@Suite struct TCPSegmentationTests {
    /// A superframe by what matters to cutting it.
    private struct Superframe {
        var payload: [UInt8] = (0..<4000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 5) }
        var flags: UInt8 = 0x10
        var sequence: UInt32 = 1
        var identification: UInt16 = 0x1234
        var ipOptions: [UInt8] = []
        var tcpOptions: [UInt8] = [1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 8]
        var tos: UInt8 = 0
        var flagsAndOffset: UInt16 = 0x4000
        var reserved: UInt8 = 0
        var urgent: UInt16 = 0

        var bytes: [UInt8] {
            let dataOffset = UInt8(20 + tcpOptions.count) << 2 | reserved
            let tcp: [UInt8] =
                [0x30, 0x39, 0, 80] + bigEndian(sequence) + [0, 0, 0, 2, dataOffset, flags, 0xFF, 0xEE, 0x55, 0x66]
                + bigEndian(urgent) + tcpOptions
            return PacketSpec(
                protocolNumber: 6, typeOfService: tos, identification: identification, flagsAndOffset: flagsAndOffset,
                options: ipOptions, payload: tcp + payload
            ).bytes
        }

        var request: SegmentationRequest { SegmentationRequest(checksumStart: 20 + ipOptions.count) }
    }

    /// The segments of the module under test, each header written into the middle of a slot that must stay as it is
    /// around it; an empty array for a slot that did not.
    private static func segments(
        _ packet: [UInt8], _ request: SegmentationRequest
    ) -> Result<[[UInt8]], DropReason> {
        let span = packet.span.bytes
        let header: IPv4Header
        switch IPv4Header.parse(span) {
        case .success(let parsed): header = parsed
        case .failure(let reason): return .failure(reason)
        }
        let plan: TCPSegmentation
        switch TCPSegmentation.plan(span, header, request.header) {
        case .success(let made): plan = made
        case .failure(let reason): return .failure(reason)
        }
        let front = 34
        let slot = [UInt8](repeating: 0xAA, count: front + plan.headerLength + 3)
        return .success(
            (0..<plan.count).map { index in
                var bytes = slot
                var mutable = bytes.mutableSpan
                var raw = mutable.mutableBytes
                plan.writeHeader(index, of: span, to: &raw, at: front)
                let isIntact = bytes.prefix(front).allSatisfy { $0 == 0xAA } && bytes.suffix(3) == [0xAA, 0xAA, 0xAA]
                return isIntact ? Array(bytes[front..<front + plan.headerLength]) + packet[plan.payload(index)] : []
            })
    }

    private static func plan(_ packet: [UInt8], _ request: SegmentationRequest) -> Result<TCPSegmentation, DropReason> {
        let span = packet.span.bytes
        return IPv4Header.parse(span).flatMap { TCPSegmentation.plan(span, $0, request.header) }
    }

    @Test func aSuperframeBecomesTheReferencesSegments() throws {
        let packet = Superframe().bytes
        let segments = try Self.segments(packet, Superframe().request).get()
        #expect(segments.count == 3)
        #expect(segments == referenceSegments(packet, Superframe().request))
        #expect(segments.flatMap { $0[52...] } == Superframe().payload)
    }

    @Test func pushAndFinEndTheLastSegmentAndCWROpensTheFirst() throws {
        let superframe = Superframe(flags: 0xFF)
        let segments = try Self.segments(superframe.bytes, superframe.request).get()
        #expect(segments.map { $0[33] } == [0xF6, 0x76, 0x7F])
    }

    @Test func aSingleSegmentKeepsAllItsFlags() throws {
        for length in [0, 1, 1447, 1448] {
            let superframe = Superframe(payload: [UInt8](repeating: 7, count: length), flags: 0xFF)
            let segments = try Self.segments(superframe.bytes, superframe.request).get()
            #expect(segments == [withChecksums(superframe.bytes, ipLength: 20)])
        }
    }

    @Test func sequenceNumberAndIdentificationWrapAround() throws {
        let superframe = Superframe(sequence: 0xFFFF_FFFF, identification: 0xFFFF)
        let segments = try Self.segments(superframe.bytes, superframe.request).get()
        #expect(segments.map { Array($0[4..<6]) } == [[0xFF, 0xFF], [0, 0], [0, 1]])
        let numbers: [UInt32] = [0xFFFF_FFFF, 1447, 2895]
        #expect(segments.map { Array($0[24..<28]) } == numbers.map(bigEndian))
        #expect(segments == referenceSegments(superframe.bytes, superframe.request))
    }

    @Test func aPlanSaysHowLongItsLongestSegmentIs() throws {
        let superframe = Superframe()
        #expect(try Self.plan(superframe.bytes, superframe.request).get().longestSegment == 1500)
        let short = Superframe(payload: [1, 2, 3])
        #expect(try Self.plan(short.bytes, short.request).get().longestSegment == 55)
    }

    @Test func theLargestPacketIsCutAtAnySize() throws {
        let superframe = Superframe(payload: [UInt8](repeating: 0xFF, count: 65_535 - 52))
        for size in [1, 536, 1447, 8948, 65_482, 65_483, 65_535] {
            var request = superframe.request
            request.gsoSize = size
            let plan = try Self.plan(superframe.bytes, request).get()
            #expect(plan.count == (65_483 + size - 1) / size)
            #expect(plan.payload(0).lowerBound == 52 && plan.payload(plan.count - 1).upperBound == 65_535)
            guard size > 1 else { continue }
            #expect(try Self.segments(superframe.bytes, request).get() == referenceSegments(superframe.bytes, request))
        }
    }

    @Test func theRequestsHeaderLengthIsNotBelieved() throws {
        let superframe = Superframe()
        for length in [0, 20, 53, 65_535] {
            var request = superframe.request
            request.headerLength = length
            let segments = try Self.segments(superframe.bytes, request).get()
            #expect(segments == referenceSegments(superframe.bytes, superframe.request))
        }
    }

    @Test func aSuperframeWithAVerifiedChecksumNeedsNoChecksumPlace() throws {
        let superframe = Superframe()
        var request = superframe.request
        request.flags = 2
        request.checksumStart = 0
        request.checksumOffset = 0
        let segments = try Self.segments(superframe.bytes, request).get()
        #expect(segments == referenceSegments(superframe.bytes, superframe.request))
    }

    @Test func requestsThatDoNotFitTheirPacketAreRefused() {
        func isRefused(
            _ superframe: Superframe = Superframe(), bytes change: (inout [UInt8]) -> Void = { _ in },
            request edit: (inout SegmentationRequest) -> Void = { _ in }
        ) -> Bool {
            var bytes = superframe.bytes
            var request = superframe.request
            change(&bytes)
            edit(&request)
            return Self.segments(bytes, request) == .failure(.badOffload)
        }
        #expect(!isRefused())
        #expect(isRefused(bytes: { $0[9] = 17 }), "not TCP")
        #expect(isRefused(Superframe(flagsAndOffset: 0x2000)), "a first fragment")
        #expect(isRefused(Superframe(flagsAndOffset: 1)), "a later fragment")
        #expect(isRefused(bytes: { $0 += [0] }), "bytes behind the total length")
        #expect(isRefused(bytes: { $0[32] = 0x40 }), "a data offset of 16")
        #expect(isRefused(Superframe(payload: []), bytes: { $0[32] = 0xF0 }), "a data offset past the end")
        #expect(isRefused(request: { $0.gsoSize = 0 }), "segments of nothing")
        for type: UInt8 in [0, 3, 4, 5, 0x80, 0xFF] {
            #expect(isRefused(request: { $0.gsoType = type }), "another segmentation")
        }
        #expect(isRefused(request: { $0.checksumOffset = 6 }), "UDP's checksum")
        #expect(isRefused(request: { $0.checksumStart = 24 }), "a checksum that starts elsewhere")
        #expect(isRefused(Superframe(ipOptions: [1, 1, 1, 0]), request: { $0.checksumStart = 20 }), "within options")
        let short = PacketSpec(protocolNumber: 6, payload: [UInt8](repeating: 0x50, count: 19)).bytes
        #expect(Self.segments(short, SegmentationRequest()) == .failure(.badOffload), "19 bytes of TCP header")
    }

    private static func randomSuperframe(_ random: inout SeededGenerator, payload: Int) -> Superframe {
        func bytes(_ count: Int) -> [UInt8] {
            random.oneIn(4)
                ? [UInt8](repeating: .max, count: count)
                : (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
        }
        return Superframe(
            payload: bytes(Int.random(in: 0...payload, using: &random)),
            flags: UInt8.random(in: 0...255, using: &random), sequence: UInt32.random(in: 0...(.max), using: &random),
            identification: UInt16.random(in: 0...(.max), using: &random),
            ipOptions: bytes(4 * Int.random(in: 0...10, using: &random)),
            tcpOptions: bytes(4 * Int.random(in: 0...10, using: &random)),
            tos: UInt8.random(in: 0...255, using: &random), flagsAndOffset: random.oneIn(2) ? 0x4000 : 0,
            reserved: UInt8.random(in: 0...15, using: &random), urgent: UInt16.random(in: 0...(.max), using: &random))
    }

    @Test func randomSuperframesBecomeTheReferencesSegmentsAndTheirPayloadIsWhole() throws {
        var random = SeededGenerator(seed: 9293)
        for round in 0..<400 {
            let superframe = Self.randomSuperframe(&random, payload: random.oneIn(20) ? 65_000 : 3000)
            guard superframe.bytes.count <= 65_535 else { continue }
            var request = superframe.request
            request.gsoSize = Int.random(in: (superframe.payload.count > 4000 ? 300 : 1)...2000, using: &random)
            request.gsoType = random.oneIn(2) ? 0x81 : 1
            let segments = try Self.segments(superframe.bytes, request).get()
            #expect(segments == referenceSegments(superframe.bytes, request), "round \(round)")
            let headerLength = superframe.bytes.count - superframe.payload.count
            #expect(segments.flatMap { $0[headerLength...] } == superframe.payload, "round \(round)")
        }
    }

    @Test func hostilePacketsAndRequestsHaveTheReferencesOutcome() {
        var random = SeededGenerator(seed: 1191)
        let numbers = [0, 1, 6, 16, 17, 20, 21, 24, 40, 60, 1448, 65_534, 65_535]
        var outcomes: [Bool: Int] = [:]
        for round in 0..<2500 {
            let superframe = Self.randomSuperframe(&random, payload: random.oneIn(3) ? 8 : 400)
            var bytes = superframe.bytes
            var request = superframe.request
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                let number = numbers.randomElement(using: &random) ?? 0
                let byte = UInt8.random(in: 0...255, using: &random)
                switch Int.random(in: 0..<9, using: &random) {
                case 0: request.gsoSize = number
                case 1: request.checksumStart = number
                case 2: request.checksumOffset = number
                case 3: request.headerLength = number
                case 4: request.gsoType = byte
                case 5: request.flags = byte
                case 6: bytes[bytes.indices.prefix(120).randomElement(using: &random) ?? 0] = byte
                case 7: bytes.removeLast(min(bytes.count - 1, number % 64))
                // The first byte of the data offset.
                default: bytes[min(superframe.ipOptions.count + 32, bytes.count - 1)] = byte
                }
            }
            switch Self.segments(bytes, request) {
            case .success(let segments):
                outcomes[true, default: 0] += 1
                #expect(segments == referenceSegments(bytes, request), "round \(round)")
            case .failure(.badOffload):
                outcomes[false, default: 0] += 1
                #expect(referenceSegments(bytes, request) == nil, "round \(round)")
            case .failure(let reason):
                let isParseFailure = parseHeader(bytes) == .failure(reason)
                #expect(isParseFailure, "round \(round)")
            }
        }
        #expect((outcomes[true] ?? 0) > 400 && (outcomes[false] ?? 0) > 400, "both outcomes are met often")
    }
}
