// The fast checksum against RFC 1071 read word by word.

import Net
import Packet
import TestSupport
import Testing

@Suite struct InternetChecksumTests {
    @Test func sumEqualsTheReferenceForRandomLengthsAndAlignments() {
        var random = SeededGenerator(seed: 1071)
        for _ in 0..<3000 {
            let length = Int.random(in: 0...200, using: &random)
            let start = Int.random(in: 0...9, using: &random)
            let bytes = (0..<start + length).map { _ in
                Bool.random(using: &random) ? UInt8.max : UInt8.random(in: 0...255, using: &random)
            }
            let initial = UInt16.random(in: 0...UInt16.max, using: &random)
            let sum = fastSum(bytes, from: start, adding: initial)
            #expect(Int(sum) == referenceSum(bytes[start...], adding: Int(initial)))
        }
    }

    @Test func sumEqualsTheReferenceForEveryLengthAtEveryAlignment() {
        var random = SeededGenerator(seed: 2100)
        let contents = [
            (0..<2116).map { _ in UInt8.random(in: 0...255, using: &random) },
            [UInt8](repeating: 0xFF, count: 2116),
        ]
        for (index, bytes) in contents.enumerated() {
            let span = bytes.span.bytes
            var wrong: [String] = []
            for start in 0..<16 {
                // The plain way, a word at a time as the length grows.
                var expected = 0
                for length in 0...2100 {
                    if length > 0 { expected += Int(bytes[start + length - 1]) << (length % 2 == 1 ? 8 : 0) }
                    while expected > 0xFFFF { expected = expected & 0xFFFF + expected >> 16 }
                    let sum = InternetChecksum.sum(span.extracting(start..<start + length))
                    if Int(sum) != expected { wrong.append("\(length) bytes from \(start)") }
                }
            }
            #expect(wrong.isEmpty, "content \(index)")
        }
    }

    @Test func longBuffersOfOnesDoNotOverflow() {
        let bytes = [UInt8](repeating: 0xFF, count: 65_535)
        #expect(Int(fastSum(bytes)) == referenceSum(bytes))
        #expect(fastSum([UInt8]()) == 0)
    }

    @Test func theExampleOfRFC1071Adds() {
        let bytes: [UInt8] = [0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7]
        #expect(fastSum(bytes) == 0xDDF2)
        #expect(fastChecksum(bytes) == 0x220D)
    }

    @Test func theExampleOfRFC1624Updates() {
        // RFC 1624 section 4: equation 3 gives 0x0000 where the older one gave 0xFFFF.
        #expect(InternetChecksum.update(0xDD2F, from: 0x5555, to: 0x3285) == 0x0000)
    }

    @Test func anIncrementalUpdateEqualsSummingAgain() {
        var random = SeededGenerator(seed: 1624)
        for _ in 0..<2000 {
            var words = (0..<10).map { _ in UInt16.random(in: 0...UInt16.max, using: &random) }
            let before = fastChecksum(words.flatMap(bigEndian))
            let index = Int.random(in: 0..<10, using: &random)
            let old = words[index]
            words[index] = UInt16.random(in: 0...UInt16.max, using: &random)
            let after = fastChecksum(words.flatMap(bigEndian))
            #expect(InternetChecksum.update(before, from: old, to: words[index]) == after)
        }
    }

    @Test func thePseudoHeaderSumEqualsTheReference() {
        let packet = transportPacket(protocolNumber: 6, dataLength: 700, isPartial: true)
        let sum = InternetChecksum.pseudoHeaderSum(
            source: ip("10.244.2.5"), destination: ip("10.244.7.7"), protocolNumber: 6,
            length: UInt16(packet.count - 20))
        #expect(Int(sum) == referencePseudoSum(packet))
    }
}
