// Nested prefixes flattened to ranges without gap or overlap, so that a search needs no nesting, only order.

/// The address space cut where the longest match changes; neighbours never have the same entry.
struct IPv4PrefixRanges {
    /// The last address of each range, ascending; the last one is `0xFFFF_FFFF`.
    private(set) var lasts: [UInt32] = []
    /// The value of each range, or `IPv4PrefixTableEntry.none`.
    private(set) var entries: [UInt32] = []
    /// The number of distinct prefixes.
    private(set) var prefixCount = 0

    private var position: UInt64 = 0

    init(_ source: some Sequence<(prefix: IPv4Prefix, value: UInt32)>) {
        let indexBits: UInt64 = 26
        var values: [UInt32] = []
        // Address, length and position packed in one integer, so that sorting compares nothing else.
        var keys: [UInt64] = []
        values.reserveCapacity(source.underestimatedCount)
        keys.reserveCapacity(source.underestimatedCount)
        for (prefix, value) in source {
            precondition(value < IPv4PrefixTableEntry.none, "a value of a prefix table is below 2^31")
            precondition(values.count < 1 << indexBits, "a prefix table holds fewer than 2^26 entries")
            let order = UInt64(prefix.address.rawValue) << 6 | UInt64(prefix.length)
            keys.append(order << indexBits | UInt64(values.count))
            values.append(value)
        }
        keys.sort()
        lasts.reserveCapacity(keys.count * 2 + 1)
        entries.reserveCapacity(keys.count * 2 + 1)

        // The prefixes that contain the current position, the longest on top.
        var open: [(last: UInt32, entry: UInt32)] = [(.max, IPv4PrefixTableEntry.none)]
        for index in keys.indices {
            let order = keys[index] >> indexBits
            if index + 1 < keys.count, keys[index + 1] >> indexBits == order { continue }
            prefixCount += 1
            let first = UInt32(truncatingIfNeeded: order >> 6)
            let last = first | ~IPv4Prefix.mask(UInt8(truncatingIfNeeded: order & 63))
            while let inner = open.last, inner.last < first {
                extend(to: inner.last, entry: inner.entry)
                open.removeLast()
            }
            if first > 0, let outer = open.last {
                extend(to: first - 1, entry: outer.entry)
            }
            open.append((last, values[Int(keys[index] & (1 << indexBits - 1))]))
        }
        while let inner = open.popLast() {
            extend(to: inner.last, entry: inner.entry)
        }
    }

    private mutating func extend(to last: UInt32, entry: UInt32) {
        guard UInt64(last) >= position else { return }
        position = UInt64(last) + 1
        if entries.last == entry {
            lasts[lasts.count - 1] = last
        } else {
            lasts.append(last)
            entries.append(entry)
        }
    }
}
