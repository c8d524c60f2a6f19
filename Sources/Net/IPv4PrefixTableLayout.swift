// Chooses, per part of the address space, the table width or list that holds its ranges in the fewest words.

/// Lays ranges out as the words that `IPv4PrefixTable.lookup` reads.
struct IPv4PrefixTableLayout {
    private(set) var words: [UInt32]

    private let ranges: IPv4PrefixRanges
    /// How many ranges end inside each part of the table under consideration.
    private var interiorEnds = [UInt16](repeating: 0, count: 1 << IPv4PrefixTableEntry.maximumTableBits)

    init(_ ranges: IPv4PrefixRanges) {
        self.ranges = ranges
        words = [UInt32](repeating: IPv4PrefixTableEntry.none, count: 1 << 16)
    }

    mutating func build() {
        fill(at: 0, bits: 16, first: 0, depth: 0, from: 0)
    }

    /// Fills the table at `offset`, indexed by `bits` bits after `depth` others; range `from` contains `first`.
    private mutating func fill(at offset: Int, bits: UInt32, first: UInt32, depth: UInt32, from: Int) {
        let depth = depth + bits
        let span = UInt32(truncatingIfNeeded: UInt64(1) << (32 - UInt64(depth)))
        var lower = from
        for slot in 0..<1 << Int(bits) {
            let start = first + UInt32(slot) * span
            let last = start + (span - 1)
            while ranges.lasts[lower] < start { lower += 1 }
            var upper = lower
            while ranges.lasts[upper] < last { upper += 1 }
            words[offset + slot] = entry(for: lower...upper, first: start, depth: depth)
            lower = upper
        }
    }

    /// The entry for the addresses from `first` that share `depth` bits and fall into `part` of the ranges.
    private mutating func entry(for part: ClosedRange<Int>, first: UInt32, depth: UInt32) -> UInt32 {
        if part.count == 1 { return ranges.entries[part.lowerBound] }
        let offset = words.count
        precondition(offset <= Int(IPv4PrefixTableEntry.offsetMask), "a prefix table is smaller than 512 MiB")
        if part.count <= IPv4PrefixTableEntry.listCapacity {
            appendList(part, depth: depth)
            return IPv4PrefixTableEntry.none | UInt32(offset)
        }
        let bits = tableBits(for: part, depth: depth)
        words.append(contentsOf: repeatElement(IPv4PrefixTableEntry.none, count: 1 << Int(bits)))
        fill(at: offset, bits: bits, first: first, depth: depth, from: part.lowerBound)
        return IPv4PrefixTableEntry.none | bits << IPv4PrefixTableEntry.offsetBits | UInt32(offset)
    }

    private mutating func appendList(_ part: ClosedRange<Int>, depth: UInt32) {
        var ends: UInt64 = .max
        for index in part.dropLast().reversed() {
            ends = ends << 16 | UInt64((ranges.lasts[index] << depth) >> 16)
        }
        words.append(UInt32(truncatingIfNeeded: ends))
        words.append(UInt32(truncatingIfNeeded: ends >> 32))
        words.append(contentsOf: ranges.entries[part])
    }

    /// The width of the table that, with the lists it refers to, takes the fewest words; the wider of equal ones.
    private mutating func tableBits(for part: ClosedRange<Int>, depth: UInt32) -> UInt32 {
        var best: (bits: UInt32, cost: Int) = (1, .max)
        for bits in 1...min(IPv4PrefixTableEntry.maximumTableBits, 32 - depth) {
            // A table wider than all that the best one refers to cannot be smaller.
            guard 1 << Int(bits) <= best.cost else { break }
            let cost = wordsNeeded(for: part, bits: bits, depth: depth)
            if cost <= best.cost { best = (bits, cost) }
        }
        return best.bits
    }

    private mutating func wordsNeeded(for part: ClosedRange<Int>, bits: UInt32, depth: UInt32) -> Int {
        let slots = 1 << Int(bits)
        let restMask = UInt32(truncatingIfNeeded: UInt64(1) << UInt64(32 - depth - bits) - 1)
        for slot in 0..<slots { interiorEnds[slot] = 0 }
        for index in part.dropLast() where ranges.lasts[index] & restMask != restMask {
            interiorEnds[Int((ranges.lasts[index] << depth) >> (32 - bits))] += 1
        }
        var total = slots
        for slot in 0..<slots where interiorEnds[slot] > 0 {
            let ends = Int(interiorEnds[slot])
            // A slot too full for one list becomes a table of lists, about as large as this.
            total += ends < IPv4PrefixTableEntry.listCapacity ? ends + 3 : ends * 3
        }
        return total
    }
}
