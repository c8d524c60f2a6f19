// Ethernet addresses as numbers and as text.

import Net
import Testing

@Suite struct EthernetAddressTests {
    @Test("Six octets make an address, written as `ip link` writes it")
    func octets() throws {
        let address = try #require(EthernetAddress(octets: [0x02, 0, 0x5E, 0x10, 0x0A, 0xFF]))
        #expect(address.rawValue == 0x0200_5E10_0AFF)
        #expect(address.description == "02:00:5e:10:0a:ff")
    }

    @Test("Another number of octets is no address", arguments: [0, 5, 7, 8, 20])
    func lengths(count: Int) {
        #expect(EthernetAddress(octets: [UInt8](repeating: 2, count: count)) == nil)
    }

    @Test("Groups, broadcast and zero are no station")
    func unicast() {
        #expect(EthernetAddress(rawValue: 0x0200_0000_0001).isUnicast)
        #expect(!EthernetAddress(rawValue: 0xFFFF_FFFF_FFFF).isUnicast)
        #expect(!EthernetAddress(rawValue: 0x0100_5E00_0001).isUnicast)
        #expect(!EthernetAddress(rawValue: 0).isUnicast)
    }

    @Test("Bits above the 48 are not kept")
    func width() {
        #expect(EthernetAddress(rawValue: .max) == EthernetAddress(rawValue: 0xFFFF_FFFF_FFFF))
    }
}
