// A TCP segment that may be merged with its neighbours, read once into words that are compared without looking back.

import Net

/// What merging needs to know of one segment; its IP header has no options.
///
/// Only segments that a later cut reproduces are represented: ACK set, SYN, RST, URG and CWR clear, a payload. The
/// kernel's GRO merges the same ones (net/ipv4/tcp_offload.c, `tcp_gro_receive`; net/ipv4/af_inet.c,
/// `inet_gro_receive`), ECE among them as long as it does not change. The checksums are not looked at.
struct TCPSegment {
    /// Bytes of a TCP header without options.
    static let minimumHeaderLength = 20
    /// Where the flags stand in the TCP header.
    static let flagsOffset = 13
    /// Where the total length stands in the IP header.
    static let totalLengthOffset = 2
    /// SYN, RST, URG, CWR: each says something of its one segment.
    private static let excludedFlags: UInt32 = 0x02 | 0x04 | 0x20 | 0x80
    private static let acknowledgementFlag: UInt32 = 0x10
    /// FIN and PSH: a cut gives them to the last segment.
    private static let endingFlags: UInt32 = 0x01 | 0x08

    /// Version, IHL, TOS, DF, TTL and protocol: the IP fields that stay as they are throughout a group.
    let networkFields: UInt64
    /// Data offset, reserved bits, flags other than FIN and PSH, and window.
    let transportFields: UInt32
    /// The acknowledgement number.
    let acknowledgement: UInt32
    /// The number of the first payload byte.
    let sequence: UInt32
    /// The IP identification.
    let identification: UInt16
    /// DF: the identification means nothing (RFC 6864).
    let dontFragment: Bool
    /// FIN and PSH, where they stand in the flags byte; a group ends with them.
    let endings: UInt8
    /// Bytes of IP and TCP header.
    let headerLength: Int
    /// Bytes of payload, at least 1.
    let payloadLength: Int

    /// Reads a TCP packet of exactly `header.totalLength` bytes; nil where it is never merged.
    init?(_ packet: RawSpan, _ header: IPv4Header) {
        let start = IPv4Header.minimumLength
        guard header.headerLength == start, packet.byteCount >= start &+ Self.minimumHeaderLength else { return nil }
        let fragmentField = packet.uint16(at: 6)
        // The reserved bit is refused with the fragments, as GRO does.
        guard fragmentField & ~0x4000 == 0 else { return nil }
        let word = packet.uint32(at: start &+ 12)
        let flags = word &>> 16 & 0xFF
        guard flags & (Self.excludedFlags | Self.acknowledgementFlag) == Self.acknowledgementFlag else { return nil }
        // Without URG it means nothing, yet a cut would copy the first one's into all.
        guard packet.uint16(at: start &+ 18) == 0 else { return nil }
        let tcpHeaderLength = Int(word &>> 28) &* 4
        headerLength = start &+ tcpHeaderLength
        payloadLength = packet.byteCount &- headerLength
        guard tcpHeaderLength >= Self.minimumHeaderLength, payloadLength > 0 else { return nil }

        networkFields =
            UInt64(packet.uint16(at: 0)) &<< 32 | UInt64(fragmentField) &<< 16 | UInt64(packet.uint16(at: 8))
        transportFields = word & ~(Self.endingFlags &<< 16)
        acknowledgement = packet.uint32(at: start &+ 8)
        sequence = packet.uint32(at: start &+ 4)
        identification = header.identification
        dontFragment = fragmentField != 0
        endings = UInt8(truncatingIfNeeded: flags & Self.endingFlags)
    }

    /// Whether both checksums of a segment's packet are right.
    ///
    /// Merging replaces them, which would hide that one was wrong.
    static func checksumsAreRight(_ packet: RawSpan, _ header: IPv4Header) -> Bool {
        let start = IPv4Header.minimumLength
        // Five words are not worth a loop.
        let total =
            UInt64(packet.uint32(at: 0)) &+ UInt64(packet.uint32(at: 4)) &+ UInt64(packet.uint32(at: 8))
            &+ UInt64(packet.uint32(at: 12)) &+ UInt64(packet.uint32(at: 16))
        guard InternetChecksum.fold(total) == 0xFFFF else { return false }
        let pseudoHeader = InternetChecksum.pseudoHeaderSum(
            source: header.source, destination: header.destination, protocolNumber: header.protocolNumber,
            length: UInt16(truncatingIfNeeded: packet.byteCount &- start))
        return InternetChecksum.sum(packet.extracting(start..<packet.byteCount), adding: pseudoHeader) == 0xFFFF
    }
}
