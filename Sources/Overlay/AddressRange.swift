// Ranges of addresses as a packet filter keeps them: ascending, none overlapping or touching another.

public import Net

/// All addresses from one to another, both included.
public struct AddressRange: Hashable, Sendable, BitwiseCopyable {
    public var first: IPv4Address
    public var last: IPv4Address

    /// A range; `last` is not below `first`.
    public init(first: IPv4Address, last: IPv4Address) {
        self.first = first
        self.last = last
    }

    /// The same addresses as fewest ranges, ascending: the one form in which two lists can be compared.
    static func merged(_ ranges: [AddressRange]) -> [AddressRange] {
        var merged: [AddressRange] = []
        for range in ranges.sorted(by: { $0.first < $1.first }) {
            if let before = merged.last, UInt64(range.first.rawValue) <= UInt64(before.last.rawValue) + 1 {
                merged[merged.count - 1].last = max(before.last, range.last)
            } else {
                merged.append(range)
            }
        }
        return merged
    }
}

extension AddressRange: CustomStringConvertible {
    /// The prefix, where it is one, else both ends.
    public var description: String {
        let bits = first.rawValue ^ last.rawValue
        let prefix = IPv4Prefix(containing: first, length: UInt8(bits.leadingZeroBitCount))
        return prefix.address == first && prefix.last == last ? "\(prefix)" : "\(first)-\(last)"
    }
}

extension AddressRange {
    init(_ prefix: IPv4Prefix) {
        self.init(first: prefix.address, last: prefix.last)
    }
}
