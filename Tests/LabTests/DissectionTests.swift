// A packet taken apart reads the same every time.

import Lab
import TestSupport
import Testing

@Suite("A dissection")
struct DissectionTests {
    private let inner = ForgedPacket.ping(
        source: address("10.244.1.2"), destination: address("10.244.3.2"), sequence: 5, timeToLive: 63,
        dontFragment: true)

    @Test func showsOuterAndInnerHeaderSideBySide() throws {
        let packet = ForgedPacket.ipip(
            source: address("10.0.1.1"), destination: address("10.0.2.1"), inner: inner, dontFragment: true)
        let dissection = try #require(PacketDissection(packet))
        let golden = """
            field            outer header  inner header
            version, header  4, 20 bytes   4, 20 bytes
            DSCP, ECN        0, Not-ECT    0, Not-ECT
            total length     104           84
            identification   0x0000        0x0000
            flags, offset    DF, 0         DF, 0
            time to live     64            63
            protocol         4 (IP-in-IP)  1 (ICMP)
            header checksum  0x2391 right  0x21be right
            source           10.0.1.1      10.244.1.2
            destination      10.0.2.1      10.244.3.2
            payload          ICMP echo request, sequence 5, 64 bytes
            """
        #expect(dissection.lines.joined(separator: "\n") == golden)
    }

    @Test func showsAPlainPacketAlone() throws {
        let dissection = try #require(PacketDissection(inner))
        #expect(dissection.rows.allSatisfy { $0.inner.isEmpty })
        #expect(dissection.lines.contains("protocol         1 (ICMP)"))
    }

    @Test func saysThatAChecksumIsWrong() throws {
        var packet = inner
        packet[8] = 1
        let lines = try #require(PacketDissection(packet)).lines
        #expect(lines.contains { $0.hasPrefix("header checksum") && $0.hasSuffix("wrong") })
    }

    @Test func survivesAnything() {
        #expect(PacketDissection([]) == nil)
        #expect(PacketDissection([0x60] + [UInt8](repeating: 0, count: 60)) == nil)
        let packet = ForgedPacket.ipip(source: address("10.0.1.1"), destination: address("10.0.2.1"), inner: inner)
        for length in 0...packet.count { _ = PacketDissection(Array(packet[..<length]))?.lines }
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<500 {
            var random = (0..<64).map { _ in UInt8.random(in: 0...255, using: &generator) }
            random[0] = 0x40 | random[0] & 0xF
            random[9] = random[10] & 1 == 0 ? 4 : 1
            _ = PacketDissection(random)?.lines
        }
    }
}
