// The table against the plain reference, at every place where an answer can change.

import Net
import TestSupport
import Testing

@Suite("Prefix table beside the reference")
struct IPv4PrefixTablePropertyTests {
    /// How a set of random prefixes is spread.
    enum Spread: CaseIterable {
        case everywhere, longOnly, oneSlash16, oneSlash24, blocksOfAPool, fewValues, bothEndsOfTheSpace
    }

    private func entries(_ spread: Spread, seed: UInt64) -> [(prefix: IPv4Prefix, value: UInt32)] {
        var random = SeededGenerator(seed: seed)
        let sizes = [1, 2, 5, 6, 7, 40, 300, 2000]
        let count = sizes[Int(seed) % sizes.count]
        return (0..<count).map { index in
            let address = random.address().rawValue
            let prefix: IPv4Prefix
            var value = UInt32(index)
            switch spread {
            case .everywhere: prefix = random.prefix(lengths: 0...32)
            case .longOnly: prefix = random.prefix(lengths: 25...32)
            case .oneSlash16: prefix = within(0xC0A8_0000, address >> 16, lengths: 14...32, &random)
            case .oneSlash24: prefix = within(0x0A01_0200, address >> 24, lengths: 22...32, &random)
            case .blocksOfAPool: prefix = within(0x0A00_0000, address >> 10, lengths: 26...26, &random)
            case .fewValues:
                prefix = within(0x0A00_0000, address >> 14, lengths: 14...32, &random)
                value = .random(in: 0...2, using: &random)
            case .bothEndsOfTheSpace:
                let nearTheEnd = address >> 22
                prefix = within(0, index.isMultiple(of: 2) ? nearTheEnd : ~nearTheEnd, lengths: 0...32, &random)
            }
            return (prefix, value)
        }
    }

    private func within(
        _ base: UInt32, _ rest: UInt32, lengths: ClosedRange<UInt8>, _ random: inout SeededGenerator
    ) -> IPv4Prefix {
        IPv4Prefix(containing: IPv4Address(rawValue: base | rest), length: .random(in: lengths, using: &random))
    }

    @Test("around the ends of each prefix and at random addresses", arguments: Spread.allCases, UInt64(0)..<16)
    func boundaries(_ spread: Spread, _ seed: UInt64) {
        let entries = entries(spread, seed: seed)
        let table = IPv4PrefixTable(entries)
        let reference = ReferenceTable(entries)
        #expect(table.count == reference.count)

        var random = SeededGenerator(seed: ~seed)
        var addresses = (0..<2000).map { _ in random.address().rawValue }
        for (prefix, _) in entries {
            let first = prefix.address.rawValue
            let last = prefix.last.rawValue
            addresses += [first &- 1, first, first &+ 1, last &- 1, last, last &+ 1]
            addresses.append(.random(in: first...last, using: &random))
        }
        var wrong: [String] = []
        for raw in addresses {
            let address = IPv4Address(rawValue: raw)
            let found = table.lookup(address)
            let expected = reference.lookup(address)
            if found != expected {
                wrong.append(
                    "\(address): \(found.map(String.init) ?? "none"), not \(expected.map(String.init) ?? "none")")
            }
        }
        #expect(wrong.isEmpty, "\(wrong.count) of \(addresses.count) wrong, first \(wrong.prefix(5))")
    }

    @Test("at every address of a /16 and its neighbours", arguments: [3, 6, 60, 3000])
    func exhaustive(_ count: Int) {
        var random = SeededGenerator(seed: UInt64(count))
        let entries = (0..<count).map { index in
            let prefix = within(
                0xAC10_0000, .random(in: 0...0xFFFF, using: &random), lengths: 15...32, &random)
            return (prefix: prefix, value: UInt32(index))
        }
        let table = IPv4PrefixTable(entries)
        let reference = ReferenceTable(entries)
        let wrong = (UInt32(0xAC0F_FF00)...0xAC11_00FF).filter { raw in
            let address = IPv4Address(rawValue: raw)
            return table.lookup(address) != reference.lookup(address)
        }
        #expect(wrong.isEmpty, "\(wrong.count) wrong, first \(wrong.prefix(5))")
    }

    @Test("every /32 of a /16 with a value of its own: the widest and deepest table there is")
    func everyHost() {
        let hosts = UInt32(0x0A0A_0000)...0x0A0A_FFFF
        let table = IPv4PrefixTable(
            hosts.map { (prefix: IPv4Prefix(host: IPv4Address(rawValue: $0)), value: $0 & 0xFFFF) })
        #expect(table.count == 65536)
        #expect(hosts.allSatisfy { table.lookup(IPv4Address(rawValue: $0)) == $0 & 0xFFFF })
        #expect(table.lookup(IPv4Address(rawValue: hosts.lowerBound - 1)) == nil)
        #expect(table.lookup(IPv4Address(rawValue: hosts.upperBound + 1)) == nil)
    }

    @Test("many tasks read one table at once")
    func concurrentReaders() async {
        var random = SeededGenerator(seed: 11)
        let entries = (UInt32(0)..<5000).map { (prefix: random.prefix(lengths: 8...32), value: $0) }
        let table = IPv4PrefixTable(entries)
        let reference = ReferenceTable(entries)
        let addresses = (0..<5000).map { _ in random.address() }
        let expected = addresses.map(reference.lookup)
        let agree = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<4 {
                group.addTask { addresses.map { table.lookup($0) } == expected }
            }
            return await group.reduce(true) { $0 && $1 }
        }
        #expect(agree)
    }
}
