// Sorts flat keys in a few linear passes: a comparison sort of 65,536 claims costs more than all verdicts together.

/// A stable sort of integers by their upper bits.
enum RadixSort {
    private static var digitBits: UInt64 { 11 }

    /// Sorts `keys` by the bits from `fromBit` up; keys equal in these keep their order.
    static func sort(_ keys: inout [UInt64], fromBit: UInt64) {
        guard keys.count > 1 else { return }
        var other = keys
        for shift in stride(from: fromBit, to: UInt64(UInt64.bitWidth), by: Int(digitBits)) {
            if scatter(keys, into: &other, shift: shift) { swap(&keys, &other) }
        }
    }

    /// One counting pass; false where all keys have the same digit, so that nothing moves.
    private static func scatter(_ keys: [UInt64], into sorted: inout [UInt64], shift: UInt64) -> Bool {
        let mask: UInt64 = 1 << digitBits - 1
        var starts = [Int](repeating: 0, count: 1 << Int(digitBits))
        for key in keys { starts[Int(key >> shift & mask)] += 1 }
        var total = 0
        for digit in starts.indices {
            let count = starts[digit]
            if count == keys.count { return false }
            starts[digit] = total
            total += count
        }
        for key in keys {
            let digit = Int(key >> shift & mask)
            sorted[starts[digit]] = key
            starts[digit] += 1
        }
        return true
    }
}
