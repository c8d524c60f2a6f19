// The Ethernet header of a finished frame.

import Net
import Packet
import Testing

@Suite struct OuterWayTests {
    @Test("A frame begins with destination, source and the EtherType of IPv4, and nothing else is written")
    func header() throws {
        let way = EthernetWay(
            link: 3, source: EthernetAddress(rawValue: 0x0201_0203_0405),
            destination: EthernetAddress(rawValue: 0x0AFB_FCFD_FEFF), mtu: 1500)
        var bytes = [UInt8](repeating: 0xEE, count: 20)
        bytes.withUnsafeMutableBytes { buffer in
            var span = MutableRawSpan(_unsafeBytes: buffer)
            way.writeHeader(to: &span, at: 2)
        }
        #expect(
            bytes == [0xEE, 0xEE, 0x0A, 0xFB, 0xFC, 0xFD, 0xFE, 0xFF, 2, 1, 2, 3, 4, 5, 8, 0, 0xEE, 0xEE, 0xEE, 0xEE])
    }
}
