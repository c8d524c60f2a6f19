// Prefixes and addresses to look up among them: whoever measures lookups measures the same ones.

public import Net

/// Distinct prefixes in random order, and addresses.
public struct LookupInputs: Sendable {
    /// What a table is made of.
    public let prefixes: [(prefix: IPv4Prefix, value: UInt32)]
    /// What is looked up.
    public let addresses: [IPv4Address]

    /// Prefixes of /8 to /32, every length equally often as far as there are enough of it, and any addresses.
    public static func scattered(_ count: Int, addresses: Int) -> LookupInputs {
        var random = SplitMix64(seed: 42)
        var seen: Set<IPv4Prefix> = []
        var prefixes: [(prefix: IPv4Prefix, value: UInt32)] = []
        while prefixes.count < count {
            let prefix = IPv4Prefix(
                containing: address(in: 0 ... .max, using: &random), length: .random(in: 8...32, using: &random))
            if seen.insert(prefix).inserted { prefixes.append((prefix, UInt32(prefixes.count))) }
        }
        return LookupInputs(
            prefixes: prefixes, addresses: (0..<addresses).map { _ in address(in: 0 ... .max, using: &random) })
    }

    /// /26 blocks of 10.0.0.0/8, at most 262,144, and addresses of that /8, or only those that are in a block.
    public static func blocks(_ count: Int, addresses: Int, onlyInBlocks: Bool) -> LookupInputs {
        var random = SplitMix64(seed: 42)
        let slots = (UInt32(0)..<1 << 18).shuffled(using: &random).prefix(count)
        let blocks = slots.enumerated().map { index, slot in
            (
                prefix: IPv4Prefix(containing: IPv4Address(rawValue: 0x0A00_0000 | slot << 6), length: 26),
                value: UInt32(index)
            )
        }
        return LookupInputs(
            prefixes: blocks,
            addresses: (0..<addresses).map { _ in
                guard onlyInBlocks else { return address(in: 0x0A00_0000...0x0AFF_FFFF, using: &random) }
                let block = blocks[Int.random(in: blocks.indices, using: &random)].prefix
                return address(in: block.address.rawValue...block.last.rawValue, using: &random)
            })
    }

    /// Looks all addresses up. A sum that is used keeps the loop from being left out.
    public func sumOfMatches(in table: IPv4PrefixTable) -> UInt32 {
        var sum: UInt32 = 0
        for address in addresses { sum &+= table.lookup(address) ?? 1 }
        return sum
    }

    private static func address(in range: ClosedRange<UInt32>, using random: inout SplitMix64) -> IPv4Address {
        IPv4Address(rawValue: .random(in: range, using: &random))
    }
}
