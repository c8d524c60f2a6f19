// What counts as an IPv4 address in text, and how addresses are ordered and printed.

import Net
import TestSupport
import Testing

@Suite("IPv4 address")
struct IPv4AddressTests {
    @Test(
        "dotted decimal is an address and prints as it was written",
        arguments: [
            ("0.0.0.0", 0), ("10.0.0.1", 0x0A00_0001), ("1.2.3.4", 0x0102_0304), ("127.0.0.1", 0x7F00_0001),
            ("192.168.100.200", 0xC0A8_64C8), ("255.255.255.255", 0xFFFF_FFFF),
        ] as [(String, UInt32)])
    func valid(_ text: String, _ rawValue: UInt32) throws {
        let address = try #require(IPv4Address(text))
        #expect(address.rawValue == rawValue)
        #expect(address.description == text)
    }

    @Test(
        "anything else is none",
        arguments: [
            "", ".", "...", "1", "1.2", "1.2.3", "1.2.3.", ".1.2.3", "1..2.3", "1.2.3.4.", "1.2.3.4.5", "256.0.0.0",
            "1.2.3.256", "1.2.3.999", "1.2.3.1000", "1.2.3.4294967297", "99999999999999999999.0.0.0", "01.2.3.4",
            "1.2.3.04", "1.2.3.00", "000.0.0.0", "0x7f.0.0.1", "1.2.3.4 ", " 1.2.3.4", "1.2. 3.4", "1.2.3.4\n",
            "1.2.3.-4", "+1.2.3.4", "1,2,3,4", "1.2.3.4/32", "::1", "::ffff:1.2.3.4", "a.b.c.d", "١.٢.٣.٤", "1.2.3.4\0",
            "1\u{FF0E}2.3.4",
        ])
    func invalid(_ text: String) {
        #expect(IPv4Address(text) == nil)
    }

    @Test("a substring parses as the string does")
    func substring() {
        let text = "via 10.0.1.254 dev"
        #expect(IPv4Address(text.dropFirst(4).prefix(10)) == IPv4Address(rawValue: 0x0A00_01FE))
    }

    @Test("random addresses survive being printed and parsed")
    func roundTrip() {
        var random = SeededGenerator(seed: 1)
        for _ in 0..<1000 {
            let address = random.address()
            #expect(IPv4Address(address.description) == address)
        }
    }

    @Test("order is numeric, not that of the text")
    func order() {
        let texts = [
            "0.0.0.0", "9.255.255.255", "10.0.0.2", "10.0.0.10", "10.0.1.0", "127.0.0.1", "128.0.0.1", "255.0.0.0",
        ]
        let addresses = texts.compactMap { IPv4Address($0) }
        #expect(addresses.reversed().sorted().map(\.description) == texts)
        #expect(IPv4Address.any == addresses.min())
    }
}
