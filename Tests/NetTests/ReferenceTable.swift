// The longest match in its plainest form, to compare the real table with: one dictionary a prefix length.

import Net

/// Longest-prefix match without any structure that could be wrong.
struct ReferenceTable {
    private var valuesByLength = [[IPv4Address: UInt32]](repeating: [:], count: 33)

    init(_ entries: some Sequence<(prefix: IPv4Prefix, value: UInt32)>) {
        for (prefix, value) in entries {
            valuesByLength[Int(prefix.length)][prefix.address] = value
        }
    }

    var count: Int { valuesByLength.reduce(0) { $0 + $1.count } }

    func lookup(_ address: IPv4Address) -> UInt32? {
        for length in (0...32).reversed() {
            let network = IPv4Address(rawValue: address.rawValue & IPv4Prefix.mask(UInt8(length)))
            if let value = valuesByLength[length][network] { return value }
        }
        return nil
    }
}
