// Longest match among the few prefixes of pools and underlay: built in microseconds at every event, where the direct
// table of `IPv4PrefixTable` would cost its 256 KiB each time.

internal import Net

/// The address space cut where the longest match changes, searched by halving.
struct PrefixSearch: Sendable {
    /// The first address of each range, ascending from 0.
    private var starts: [UInt32] = [0]
    /// The prefix of each range, as an index in the input; -1 for none.
    private var indices: [Int32] = [-1]

    /// Of several equal prefixes, the last one counts.
    init(_ prefixes: [IPv4Prefix]) {
        var open: [(last: UInt32, index: Int32)] = [(.max, -1)]
        let order = prefixes.indices.sorted { (prefixes[$0], $0) < (prefixes[$1], $1) }
        for index in order {
            close(&open, before: prefixes[index].address.rawValue)
            begin(at: prefixes[index].address.rawValue, index: Int32(index))
            open.append((prefixes[index].last.rawValue, Int32(index)))
        }
        close(&open, before: .max)
    }

    /// The longest prefix that contains `address`, as an index in the input.
    func lookup(_ address: IPv4Address) -> Int? {
        var low = 0
        var high = starts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= address.rawValue { low = middle } else { high = middle }
        }
        return indices[low] < 0 ? nil : Int(indices[low])
    }

    /// Goes back to the outer prefix where an inner one ends before `start`.
    private mutating func close(_ open: inout [(last: UInt32, index: Int32)], before start: UInt32) {
        while let inner = open.last, inner.last < start {
            open.removeLast()
            if let outer = open.last { begin(at: inner.last + 1, index: outer.index) }
        }
    }

    private mutating func begin(at start: UInt32, index: Int32) {
        if starts.last == start {
            indices[indices.count - 1] = index
        } else {
            starts.append(start)
            indices.append(index)
        }
    }
}
