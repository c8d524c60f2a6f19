// A longest-prefix-match table, built once and then only read: from any thread, without locks or reference counts.

/// An immutable map from IPv4 prefixes to integers, searched by longest match.
///
/// The address space is cut into ranges of equal value. The upper 16 bits of an address select an entry of a direct
/// table; where a /16 holds more than one range, its entry refers to a list of at most five ranges or, if there are
/// more, to a further direct table over just as many bits as the ranges in it call for. Most lookups so take two or
/// three dependent loads.
public final class IPv4PrefixTable {
    /// The number of distinct prefixes.
    public let count: Int

    /// All tables and lists, the direct table of the upper 16 bits first; never written after `init`.
    @usableFromInline let words: UnsafePointer<UInt32>

    private let wordCount: Int

    /// Builds the table in O(n log n); of several entries with the same prefix, the last one counts.
    ///
    /// - Precondition: every value is below 2^31, there are fewer than 2^26 entries, and they fit into 512 MiB
    ///   (a million scattered prefixes take 15 MB).
    public init(_ entries: some Sequence<(prefix: IPv4Prefix, value: UInt32)>) {
        let ranges = IPv4PrefixRanges(entries)
        var layout = IPv4PrefixTableLayout(ranges)
        layout.build()
        let storage = UnsafeMutablePointer<UInt32>.allocate(capacity: layout.words.count)
        layout.words.withUnsafeBufferPointer { source in
            for index in source.indices {
                (storage + index).initialize(to: source[index])
            }
        }
        count = ranges.prefixCount
        wordCount = layout.words.count
        words = UnsafePointer(storage)
    }

    deinit {
        words.deallocate()
    }

    /// The bytes this table occupies; at least 256 KiB, which the direct table takes.
    public var memoryFootprint: Int { wordCount * MemoryLayout<UInt32>.stride }

    /// Gives all words to `body`, for a copy that others search: references in them count from the first one, and
    /// `IPv4PrefixTableEntry` says how they are read.
    public func withWords<Result>(_ body: (UnsafeBufferPointer<UInt32>) -> Result) -> Result {
        body(UnsafeBufferPointer(start: words, count: wordCount))
    }

    /// The value of the longest prefix that contains `address`, or nil if none does.
    ///
    /// Forced inline: as a call it takes a quarter longer, and the optimizer finds it too large to inline by itself.
    @inlinable @inline(__always)
    public func lookup(_ address: IPv4Address) -> UInt32? {
        // The words must outlive the loads from them, even where the caller's last use of the table is this call.
        defer { withExtendedLifetime(self) {} }
        var rest = address.rawValue
        var entry = words[Int(rest &>> 16)]
        rest &<<= 16
        while entry > IPv4PrefixTableEntry.none {
            let block = words + Int(entry & IPv4PrefixTableEntry.offsetMask)
            let bits = entry &>> IPv4PrefixTableEntry.offsetBits & IPv4PrefixTableEntry.bitsMask
            guard bits == 0 else {
                entry = block[Int(rest &>> (32 &- bits))]
                rest &<<= bits
                continue
            }
            // All four ends are counted without a branch, since random addresses would have it mispredicted.
            let key = rest &>> 16
            var index = block[0] & 0xFFFF < key ? 1 : 0
            index &+= block[0] &>> 16 < key ? 1 : 0
            index &+= block[1] & 0xFFFF < key ? 1 : 0
            index &+= block[1] &>> 16 < key ? 1 : 0
            entry = block[2 &+ index]
            break
        }
        return entry == IPv4PrefixTableEntry.none ? nil : entry
    }
}

// The words are written before the table is shared and never again.
extension IPv4PrefixTable: @unchecked Sendable {}

/// How one 32-bit entry says what the addresses that lead to it have.
///
/// Below `none` it is the value itself. Above, four bits tell how many further address bits index the direct table at
/// the word offset in the lower 27 bits, or, if they are zero, that a list of ranges stands there: two words with the
/// last keys of up to four ranges (16 bits each, the lower half first, unused ones 0xFFFF), then the value of each
/// range and of the one after. Offset 0 is the first direct table, to which no entry refers, so `none` is no reference.
@usableFromInline
enum IPv4PrefixTableEntry {
    @usableFromInline static var none: UInt32 { @inlinable get { 0x8000_0000 } }
    @usableFromInline static var offsetBits: UInt32 { @inlinable get { 27 } }
    @usableFromInline static var offsetMask: UInt32 { @inlinable get { 0x07FF_FFFF } }
    @usableFromInline static var bitsMask: UInt32 { @inlinable get { 15 } }
    /// The most ranges that one list holds.
    static var listCapacity: Int { 5 }
    /// The most address bits that one table after the first one covers.
    static var maximumTableBits: UInt32 { 14 }
}
