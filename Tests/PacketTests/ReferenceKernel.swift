// What the kernel does with what is written to or read from the tunnel device, byte by byte: the fuzz tests' other side.

import Packet

enum ReferenceKernel {
    /// A packet with the checksum finished as the device's 10 bytes ask; nil where they point outside of it or into its
    /// IP header.
    static func finished(_ packet: [UInt8], asked header: [UInt8]) -> [UInt8]? {
        guard header[0] & 1 == 1 else { return packet }
        let start = Int(header[6]) + Int(header[7]) * 256
        let field = start + Int(header[8]) + Int(header[9]) * 256
        guard field + 2 <= packet.count, start >= 20, start >= Int(packet[0] % 16) * 4 else { return nil }
        var packet = packet
        let checksum = 0xFFFF - referenceSum(packet[start...])
        packet.replaceSubrange(field..<field + 2, with: bigEndian(UInt16(checksum == 0 ? 0xFFFF : checksum)))
        return packet
    }

    /// The packets that come of one write to the device; nil where the kernel would refuse it.
    ///
    /// - Parameter header: the device's 10 bytes.
    static func packets(_ packet: [UInt8], asked header: [UInt8]) -> [[UInt8]]? {
        guard header[1] != 0 else { return finished(packet, asked: header).map { [$0] } }
        func number(_ offset: Int) -> Int { Int(header[offset]) + Int(header[offset + 1]) * 256 }
        let request = SegmentationRequest(
            flags: header[0], gsoType: header[1], gsoSize: number(4), checksumStart: number(6),
            checksumOffset: number(8))
        guard header[0] & 1 == 1, let segments = referenceSegments(packet, request), segments.count > 1,
            // virtio_net_hdr_to_skb and tcp_gso_segment: the announced headers are there, and the sum is partial.
            number(2) <= packet.count, isPartial(packet)
        else { return nil }
        return segments
    }

    /// What the receiver of one inner packet must get of it in the end: whole, with its checksum finished, or in
    /// segments that fit the device (D8).
    static func received(_ packet: [UInt8], mtu: Int) -> [[UInt8]] {
        guard packet[6] & 0x3F == 0, packet[7] == 0 else { return [packet] }
        let start = Int(packet[0] % 16) * 4
        let length = packet.count - start
        let field = packet[9] == 6 ? 16 : 6
        guard packet[9] == 6 && length >= 20 || packet[9] == 17 && length >= 8 else { return [packet] }
        if packet[9] == 6, packet.count > mtu {
            let tcpLength = Int(packet[start + 12] / 16) * 4
            if tcpLength >= 20, tcpLength <= length, mtu > start + tcpLength {
                guard isPartial(packet) || sum(packet) == 0xFFFF else { return [packet] }
                let request = SegmentationRequest(gsoSize: mtu - start - tcpLength, checksumStart: start)
                return referenceSegments(packet, request) ?? []
            }
        }
        guard isPartial(packet) else { return [packet] }
        let header = [1, 0, 0, 0, 0, 0] + [UInt8(start), 0, UInt8(field), 0]
        return finished(packet, asked: header).map { [$0] } ?? []
    }

    /// Without what two equal packets may differ in: the identification of an atomic one (RFC 6864), and which of the
    /// two forms of zero a checksum has.
    static func essence(_ packet: [UInt8]) -> [UInt8] {
        guard packet[9] == 6, packet[6] & 0x3F == 0, packet[7] == 0 else { return packet }
        var packet = packet
        let start = Int(packet[0] % 16) * 4
        // In its place the sum over the header, which says whether the checksum was right.
        packet.replaceSubrange(10..<12, with: bigEndian(UInt16(referenceSum(packet[..<start]))))
        if packet[6] & 0x40 != 0 { packet.replaceSubrange(4..<6, with: [0, 0]) }
        if packet.count >= start + 18, packet[start + 16] == 0xFF, packet[start + 17] == 0xFF {
            packet.replaceSubrange(start + 16..<start + 18, with: [0, 0])
        }
        return packet
    }

    private static func isPartial(_ packet: [UInt8]) -> Bool {
        let field = Int(packet[0] % 16) * 4 + (packet[9] == 6 ? 16 : 6)
        return Int(packet[field]) * 256 + Int(packet[field + 1]) == pseudoSum(packet)
    }

    private static func sum(_ packet: [UInt8]) -> Int {
        referenceSum(packet[(Int(packet[0] % 16) * 4)...], adding: pseudoSum(packet))
    }

    private static func pseudoSum(_ packet: [UInt8]) -> Int {
        let length = packet.count - Int(packet[0] % 16) * 4
        return referenceSum(packet[12..<20] + [0, packet[9]] + bigEndian(UInt16(length)))
    }
}
