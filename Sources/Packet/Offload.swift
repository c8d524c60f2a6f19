// What a received packet still lacks, told from the packet alone: superframes and checksums left to hardware.

/// What the tunnel device must be told about a packet; offsets count from the inner header's first byte.
public enum Offload: Hashable, Sendable {
    /// The packet is finished.
    case none
    /// The checksum field at `start` + `offset` holds the pseudo-header sum; the rest is to be added.
    case partialChecksum(start: UInt16, offset: UInt16)
    /// A TCP packet longer than the device's MTU: to be cut into segments of `size` bytes of payload.
    ///
    /// `headerLength` is IP and TCP header together; its checksum is partial, at `checksumStart` + 16. With
    /// `congestionWindowReduced` the CWR flag belongs to the first segment only.
    case tcpSegments(size: UInt16, headerLength: UInt16, checksumStart: UInt16, congestionWindowReduced: Bool)

    /// Where the checksum field stands in the TCP header.
    static let tcpChecksumOffset = 16
    /// Where the checksum field stands in the UDP header.
    static let udpChecksumOffset = 6
    private static let tcpMinimumLength = 20
    private static let udpLength = 8

    /// Looks for an unfinished checksum and for a superframe (D8).
    ///
    /// A sender on the same host, or GRO, leaves the pseudo-header sum in the checksum field. A finished checksum can
    /// equal it by chance: summing again then gives the same value, so the mistake is harmless.
    static func detect(
        _ inner: IPv4Header, at offset: Int, in datagram: inout MutableRawSpan, mtu: Int
    ) -> Offload {
        guard !inner.isFragment else { return .none }
        let start = inner.headerLength
        let transportLength = inner.totalLength &- start
        switch inner.protocolNumber {
        case IPProtocol.udp where transportLength >= udpLength:
            let field = datagram.bytes.uint16(at: offset &+ start &+ udpChecksumOffset)
            guard field == pseudoHeaderSum(inner, length: transportLength) else { return .none }
            return .partialChecksum(start: UInt16(start), offset: UInt16(udpChecksumOffset))
        case IPProtocol.tcp where transportLength >= tcpMinimumLength:
            return detectTCP(inner, at: offset, in: &datagram, mtu: mtu)
        default:
            return .none
        }
    }

    private static func detectTCP(
        _ inner: IPv4Header, at offset: Int, in datagram: inout MutableRawSpan, mtu: Int
    ) -> Offload {
        let start = inner.headerLength
        let transportLength = inner.totalLength &- start
        let field = offset &+ start &+ tcpChecksumOffset
        let expected = pseudoHeaderSum(inner, length: transportLength)
        let isPartial = datagram.bytes.uint16(at: field) == expected
        let whole: Offload =
            isPartial ? .partialChecksum(start: UInt16(start), offset: UInt16(tcpChecksumOffset)) : .none

        guard inner.totalLength > mtu else { return whole }
        let tcpHeaderLength = Int(datagram.bytes.uint8(at: offset &+ start &+ 12) &>> 4) &* 4
        let size = mtu &- start &- tcpHeaderLength
        guard tcpHeaderLength >= tcpMinimumLength, tcpHeaderLength <= transportLength, size > 0 else { return whole }
        if !isPartial {
            // Cutting makes new checksums, which would hide that this one was wrong: only a right one is given up.
            let segment = (offset &+ start)..<(offset &+ inner.totalLength)
            let remainder = InternetChecksum.checksum(datagram.bytes.extracting(segment), adding: expected)
            guard remainder == 0 else { return .none }
            datagram.store(expected, at: field)
        }
        let flags = datagram.bytes.uint8(at: offset &+ start &+ 13)
        return .tcpSegments(
            size: UInt16(size), headerLength: UInt16(start &+ tcpHeaderLength), checksumStart: UInt16(start),
            congestionWindowReduced: flags & 0x80 != 0)
    }

    private static func pseudoHeaderSum(_ inner: IPv4Header, length: Int) -> UInt16 {
        InternetChecksum.pseudoHeaderSum(
            source: inner.source, destination: inner.destination, protocolNumber: inner.protocolNumber,
            length: UInt16(length))
    }
}
