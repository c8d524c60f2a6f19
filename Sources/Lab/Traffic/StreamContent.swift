// A byte stream of any length whose every byte is known from its position, so that a receiver can check all of it.

/// The content of a stream, by position.
struct StreamContent: Sendable {
    let seed: UInt64

    /// The word at a position in words of 8 bytes (splitmix64).
    private func word(_ index: UInt64) -> UInt64 {
        var value = seed &+ index &* 0x9E37_79B9_7F4A_7C15
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    /// `count` bytes from a position on.
    func bytes(at position: Int, count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            var offset = 0
            while offset < count {
                let place = position + offset
                let word = word(UInt64(place / 8)).littleEndian
                if place % 8 == 0 && count - offset >= 8 {
                    UnsafeMutableRawBufferPointer(buffer).storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
                    offset += 8
                } else {
                    buffer[offset] = UInt8(truncatingIfNeeded: word >> (8 * UInt64(place % 8)))
                    offset += 1
                }
            }
            initialized = count
        }
    }

    /// The first position where the received bytes, which begin at `position`, differ; nil where none does.
    func firstDifference(_ received: [UInt8], at position: Int) -> Int? {
        let expected = bytes(at: position, count: received.count)
        if received == expected { return nil }
        return zip(received, expected).enumerated().first { $0.element.0 != $0.element.1 }.map { position + $0.offset }
    }
}
