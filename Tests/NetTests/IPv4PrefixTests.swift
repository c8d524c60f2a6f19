// Prefixes and interface addresses: what parses, what contains what, and in which order they list.

import Net
import TestSupport
import Testing

@Suite("IPv4 prefix")
struct IPv4PrefixTests {
    private func prefix(_ text: String) throws -> IPv4Prefix {
        try #require(IPv4Prefix(text))
    }

    @Test(
        "an address with a length and no host bits is a prefix",
        arguments: [
            ("0.0.0.0/0", 0), ("128.0.0.0/1", 1), ("10.0.0.0/8", 8), ("10.244.3.64/26", 26), ("10.0.0.2/31", 31),
            ("255.255.255.255/32", 32), ("0.0.0.0/32", 32),
        ] as [(String, UInt8)])
    func valid(_ text: String, _ length: UInt8) throws {
        let prefix = try prefix(text)
        #expect(prefix.length == length)
        #expect(prefix.description == text)
    }

    @Test(
        "anything else is none",
        arguments: [
            "", "/", "/24", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/256", "10.0.0.0/-1", "10.0.0.0/+8",
            "10.0.0.0/08", "10.0.0.0/008", "0.0.0.0/00", "10.0.0.0/8/8", "10.0.0.0/8/", "10.0.0.0//8", "10.0.0.0/ 8",
            "10.0.0.0/8 ", "10.0.0.0/0x8", "10.0.0.0/255.0.0.0", "10.0.0.0/٨", "10.0.0.1/24", "10.0.0.1/0",
            "10.0.0.3/31",
            "10.0.0/24", "fd00::/8",
        ])
    func invalid(_ text: String) {
        #expect(IPv4Prefix(text) == nil)
    }

    @Test("host bits are cleared when a prefix is made from an address inside it")
    func containing() throws {
        let address = try #require(IPv4Address("10.1.2.3"))
        #expect(IPv4Prefix(containing: address, length: 24) == (try prefix("10.1.2.0/24")))
        #expect(IPv4Prefix(containing: address, length: 0) == (try prefix("0.0.0.0/0")))
        #expect(IPv4Prefix(host: address) == (try prefix("10.1.2.3/32")))
    }

    @Test("a length over 32 is a programming error")
    func lengthOutOfRange() async {
        await #expect(processExitsWith: .failure) { _ = IPv4Prefix(containing: .any, length: 33) }
        await #expect(processExitsWith: .failure) { _ = IPv4InterfaceAddress(address: .any, prefixLength: 33) }
    }

    @Test(
        "masks have as many leading ones as the length says",
        arguments: [
            (0, 0), (1, 0x8000_0000), (8, 0xFF00_0000), (26, 0xFFFF_FFC0), (31, 0xFFFF_FFFE), (32, 0xFFFF_FFFF),
        ] as [(UInt8, UInt32)])
    func mask(_ length: UInt8, _ mask: UInt32) {
        #expect(IPv4Prefix.mask(length) == mask)
    }

    @Test("a prefix contains its first and last address and neither neighbour")
    func containsAddress() throws {
        var random = SeededGenerator(seed: 2)
        for length in UInt8(1)...32 {
            let prefix = random.prefix(lengths: length...length)
            let first = prefix.address.rawValue
            let last = prefix.last.rawValue
            #expect(UInt64(last) - UInt64(first) + 1 == UInt64(1) << (32 - UInt64(length)))
            #expect(prefix.contains(IPv4Address(rawValue: first)))
            #expect(prefix.contains(IPv4Address(rawValue: last)))
            #expect(!prefix.contains(IPv4Address(rawValue: first &- 1)))
            #expect(!prefix.contains(IPv4Address(rawValue: last &+ 1)))
        }
        let everything = try prefix("0.0.0.0/0")
        #expect(everything.last.rawValue == .max)
        #expect(everything.contains(.any))
        #expect(everything.contains(IPv4Address(rawValue: .max)))
    }

    @Test(
        "containing and overlapping of two prefixes",
        arguments: [
            ("10.0.0.0/8", "10.0.0.0/8", true, true), ("10.0.0.0/8", "10.255.255.192/26", true, true),
            ("10.1.0.0/16", "10.0.0.0/8", false, true), ("0.0.0.0/0", "203.0.113.9/32", true, true),
            ("203.0.113.9/32", "0.0.0.0/0", false, true), ("10.0.0.0/25", "10.0.0.128/25", false, false),
            ("10.0.0.0/26", "10.0.1.0/24", false, false), ("10.0.0.0/32", "10.0.0.1/32", false, false),
        ])
    func relations(_ left: String, _ right: String, _ contains: Bool, _ overlaps: Bool) throws {
        let left = try prefix(left)
        let right = try prefix(right)
        #expect(left.contains(right) == contains)
        #expect(left.overlaps(right) == overlaps)
        #expect(right.overlaps(left) == overlaps)
    }

    @Test("prefixes list by address, the wider first")
    func order() {
        let texts = [
            "0.0.0.0/0", "9.0.0.0/8", "10.0.0.0/8", "10.0.0.0/16", "10.0.0.0/32", "10.0.0.64/26", "10.0.1.0/24",
            "192.168.0.0/16",
        ]
        #expect(texts.reversed().compactMap { IPv4Prefix($0) }.sorted().map(\.description) == texts)
    }
}

@Suite("IPv4 interface address")
struct IPv4InterfaceAddressTests {
    @Test(
        "an address keeps its host bits, and without a length it is a /32",
        arguments: [
            ("10.0.1.1/24", "10.0.1.1/24", "10.0.1.0/24"), ("10.0.1.0/24", "10.0.1.0/24", "10.0.1.0/24"),
            ("192.0.2.7", "192.0.2.7/32", "192.0.2.7/32"), ("192.0.2.7/32", "192.0.2.7/32", "192.0.2.7/32"),
            ("192.0.2.7/31", "192.0.2.7/31", "192.0.2.6/31"), ("192.0.2.7/0", "192.0.2.7/0", "0.0.0.0/0"),
        ])
    func valid(_ text: String, _ printed: String, _ subnet: String) throws {
        let address = try #require(IPv4InterfaceAddress(text))
        #expect(address.description == printed)
        #expect(address.prefix == IPv4Prefix(subnet))
    }

    @Test(
        "anything else is none",
        arguments: [
            "", "/", "/24", "10.0.1.1/", "10.0.1.1/33", "10.0.1.1/024", "10.0.1.1/24/", "10.0.1.1/24/24",
            "10.0.1.1/+24",
            "10.0.1.1/24 ", "10.0.1/24", "10.0.1.1/x", "10.0.1.1/999999999999",
        ])
    func invalid(_ text: String) {
        #expect(IPv4InterfaceAddress(text) == nil)
    }
}
