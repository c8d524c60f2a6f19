// What the table answers in the cases that a person can check by eye.

import Net
import TestSupport
import Testing

@Suite("Prefix table")
struct IPv4PrefixTableTests {
    private func table(_ entries: [(String, UInt32)]) throws -> IPv4PrefixTable {
        IPv4PrefixTable(try entries.map { (prefix: try #require(IPv4Prefix($0.0)), value: $0.1) })
    }

    private func address(_ text: String) throws -> IPv4Address {
        try #require(IPv4Address(text))
    }

    @Test("an empty table has no answer for any address")
    func empty() throws {
        let table = IPv4PrefixTable([])
        #expect(table.count == 0)
        for text in ["0.0.0.0", "10.0.0.1", "127.255.255.255", "128.0.0.0", "255.255.255.255"] {
            #expect(table.lookup(try address(text)) == nil)
        }
    }

    @Test("a default route answers for every address that nothing longer covers")
    func defaultRoute() throws {
        let table = try table([("0.0.0.0/0", 7), ("10.0.0.0/8", 8)])
        #expect(table.count == 2)
        #expect(table.lookup(try address("0.0.0.0")) == 7)
        #expect(table.lookup(try address("9.255.255.255")) == 7)
        #expect(table.lookup(try address("10.0.0.0")) == 8)
        #expect(table.lookup(try address("10.255.255.255")) == 8)
        #expect(table.lookup(try address("11.0.0.0")) == 7)
        #expect(table.lookup(try address("255.255.255.255")) == 7)
    }

    @Test(
        "a /32 answers for its one address only", arguments: ["0.0.0.0", "10.1.2.3", "10.1.255.255", "255.255.255.255"])
    func host(_ text: String) throws {
        let host = try address(text)
        let table = IPv4PrefixTable([(prefix: IPv4Prefix(host: host), value: UInt32(0))])
        #expect(table.lookup(host) == 0)
        #expect(table.lookup(IPv4Address(rawValue: host.rawValue &+ 1)) == nil)
        #expect(table.lookup(IPv4Address(rawValue: host.rawValue &- 1)) == nil)
    }

    @Test("of nested prefixes the longest answers, down to a /32 at every length")
    func nested() throws {
        let inner = try address("10.90.165.77")
        let entries = (UInt8(0)...32).map { (prefix: IPv4Prefix(containing: inner, length: $0), value: UInt32($0)) }
        let table = IPv4PrefixTable(entries.reversed())
        #expect(table.count == 33)
        #expect(table.lookup(inner) == 32)
        for length in UInt32(1)...32 {
            // The address that differs first in bit `length` is covered by one bit less.
            let outside = IPv4Address(rawValue: inner.rawValue ^ 1 << (32 - length))
            #expect(table.lookup(outside) == length - 1)
        }
    }

    @Test("adjacent prefixes keep to their own addresses, also with equal values")
    func adjacent() throws {
        let table = try table([
            ("10.0.0.0/26", 1), ("10.0.0.64/26", 2), ("10.0.0.128/26", 2), ("10.0.0.192/26", 3), ("10.0.1.0/26", 1),
        ])
        #expect(table.count == 5)
        let expected: [(String, UInt32?)] = [
            ("9.255.255.255", nil), ("10.0.0.0", 1), ("10.0.0.63", 1), ("10.0.0.64", 2), ("10.0.0.127", 2),
            ("10.0.0.128", 2), ("10.0.0.191", 2), ("10.0.0.192", 3), ("10.0.0.255", 3), ("10.0.1.0", 1),
            ("10.0.1.63", 1), ("10.0.1.64", nil),
        ]
        for (text, value) in expected {
            #expect(table.lookup(try address(text)) == value, "\(text)")
        }
    }

    @Test("of several entries with one prefix, the last one counts")
    func duplicates() throws {
        let table = try table([
            ("10.0.0.0/8", 9), ("10.0.0.0/24", 1), ("10.0.0.0/24", 5), ("10.0.0.0/8", 2), ("10.0.0.0/24", 3),
        ])
        #expect(table.count == 2)
        #expect(table.lookup(try address("10.0.0.1")) == 3)
        #expect(table.lookup(try address("10.0.1.1")) == 2)
    }

    @Test("an inner prefix with the value of the outer one changes nothing but the count")
    func sameValueInside() throws {
        let table = try table([("10.0.0.0/8", 4), ("10.3.0.0/20", 4)])
        let plain = try self.table([("10.0.0.0/8", 4)])
        #expect(table.count == 2)
        #expect(table.memoryFootprint == plain.memoryFootprint)
        #expect(table.lookup(try address("10.3.0.1")) == 4)
    }

    @Test("the largest value is 2^31 - 1")
    func largestValue() throws {
        let largest = UInt32(Int32.max)
        let table = try table([("10.0.0.0/8", largest), ("10.0.0.0/30", 0)])
        #expect(table.lookup(try address("10.0.0.4")) == largest)
        #expect(table.lookup(try address("10.0.0.3")) == 0)
    }

    @Test("a larger value is a programming error")
    func tooLargeValue() async {
        await #expect(processExitsWith: .failure) {
            _ = IPv4PrefixTable([(prefix: IPv4Prefix(containing: .any, length: 0), value: 1 << 31)])
        }
    }

    @Test("100,000 prefixes take less than 2 MB, scattered or as /26 blocks of one pool")
    func footprint() {
        var random = SeededGenerator(seed: 4)
        let scattered = IPv4PrefixTable(
            (UInt32(0)..<100_000).map { (prefix: random.prefix(lengths: 8...32), value: $0) })
        let slots = (UInt32(0)..<1 << 18).shuffled(using: &random).prefix(100_000)
        let blocks = IPv4PrefixTable(
            slots.enumerated().map { index, slot in
                let address = IPv4Address(rawValue: 0x0A00_0000 | slot << 6)
                return (prefix: IPv4Prefix(containing: address, length: 26), value: UInt32(index))
            })
        #expect(scattered.memoryFootprint < 2_000_000)
        #expect(blocks.count == 100_000)
        #expect(blocks.memoryFootprint < 2_000_000)
    }
}
