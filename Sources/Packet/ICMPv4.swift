// ICMP destination unreachable as the tunnel's own end sends it to inner senders, and when it must keep silent.

public import Net

/// ICMP types and codes (RFC 792, 1122) that the tunnel meets.
public enum ICMPv4 {
    /// RFC 792, with a code of ``Unreachable``.
    public static let destinationUnreachable: UInt8 = 3
    /// RFC 792, deprecated by RFC 6633.
    public static let sourceQuench: UInt8 = 4
    /// RFC 792.
    public static let redirect: UInt8 = 5
    /// RFC 792: TTL or reassembly time ran out.
    public static let timeExceeded: UInt8 = 11
    /// RFC 792: a header field made no sense.
    public static let parameterProblem: UInt8 = 12

    /// Codes of destination unreachable.
    public enum Unreachable: UInt8, CaseIterable, Hashable, Sendable {
        case network = 0
        case host = 1
        case protocolNumber = 2
        case port = 3
        case fragmentationNeeded = 4
        case sourceRouteFailed = 5
    }

    /// Bytes before the quoted packet.
    ///
    ///     0 type | 1 code | 2 checksum | 4 unused | 6 next-hop MTU (RFC 1191) | 8 quoted packet
    public static let headerLength = 8
    /// The longest message that is built: RFC 1812 section 4.3.2.3.
    public static let maximumMessageLength = 576
    /// Precedence 6, internetwork control: RFC 1812 section 4.3.2.5.
    private static let typeOfService: UInt8 = 0xC0

    /// Whether a type reports an error rather than asks or answers.
    public static func isError(type: UInt8) -> Bool {
        switch type {
        case destinationUnreachable, sourceQuench, redirect, timeExceeded, parameterProblem: true
        default: false
        }
    }

    /// Whether an error may be sent about a packet: RFC 1122 section 3.2.2 (E11).
    ///
    /// Never about an ICMP error, a fragment that is not the first, a multicast or broadcast packet, or one whose
    /// source is no single host. Broadcast addresses of subnets are the caller's to know. Of the packet only the
    /// beginning need be there, as a quotation has it.
    public static func mayReport(_ packet: RawSpan) -> Bool {
        guard let header = header(ofBeginning: packet) else { return false }
        return mayReport(packet, header)
    }

    /// The header of a packet that may have been cut off behind it.
    private static func header(ofBeginning packet: RawSpan) -> IPv4Header? {
        guard packet.byteCount >= IPv4Header.minimumLength else { return nil }
        let header = IPv4Header(unchecked: packet, at: 0)
        guard header.version == 4, header.headerLength >= IPv4Header.minimumLength,
            header.headerLength <= min(header.totalLength, packet.byteCount)
        else { return nil }
        return header
    }

    private static func mayReport(_ packet: RawSpan, _ header: IPv4Header) -> Bool {
        guard header.fragmentOffset == 0, isUnicast(header.source), header.destination.rawValue &>> 28 < 0xE else {
            return false
        }
        guard header.protocolNumber == IPProtocol.icmp else { return true }
        // Too short to show its type, it could be an error.
        return min(header.totalLength, packet.byteCount) > header.headerLength
            && !isError(type: packet.uint8(at: header.headerLength))
    }

    private static func isUnicast(_ address: IPv4Address) -> Bool {
        let first = address.rawValue &>> 24
        return first != 0 && first != 127 && first < 224
    }

    /// Writes a whole IPv4 packet with a destination unreachable about `packet` and returns its length in bytes.
    ///
    /// Quotes as much of `packet` as there is and fits; nil where E11 forbids the message, or where packet or `buffer`
    /// are too short for a useful quotation. The caller limits the rate.
    ///
    /// - Parameters:
    ///   - nextHopMTU: for `.fragmentationNeeded`, the largest inner packet that passes, in bytes.
    ///   - source: an address of this node that the inner sender knows.
    public static func writeUnreachable(
        _ code: Unreachable, nextHopMTU: UInt16 = 0, source: IPv4Address, identification: UInt16 = 0,
        about packet: RawSpan, to buffer: inout MutableRawSpan
    ) -> Int? {
        write(
            type: destinationUnreachable, code: code.rawValue,
            word: code == .fragmentationNeeded ? nextHopMTU : 0, source: source, identification: identification,
            about: packet, to: &buffer)
    }

    /// Writes a whole IPv4 packet with a time exceeded in transit about `packet`, as
    /// ``writeUnreachable(_:nextHopMTU:source:identification:about:to:)`` does, and returns its length in bytes.
    public static func writeTimeExceeded(
        source: IPv4Address, about packet: RawSpan, to buffer: inout MutableRawSpan
    ) -> Int? {
        write(type: timeExceeded, code: 0, word: 0, source: source, identification: 0, about: packet, to: &buffer)
    }

    private static func write(
        type: UInt8, code: UInt8, word: UInt16, source: IPv4Address, identification: UInt16,
        about packet: RawSpan, to buffer: inout MutableRawSpan
    ) -> Int? {
        guard let header = header(ofBeginning: packet), mayReport(packet, header) else { return nil }
        let start = IPv4Header.minimumLength
        let room = min(buffer.byteCount, maximumMessageLength) &- start &- headerLength
        let quoted = min(header.totalLength, packet.byteCount, room)
        // RFC 792: the header and 8 bytes, so that the sender can find the socket.
        guard quoted >= min(header.totalLength, header.headerLength &+ 8) else { return nil }
        let length = start &+ headerLength &+ quoted

        IPv4Header(
            source: source, destination: header.source, protocolNumber: IPProtocol.icmp, totalLength: UInt16(length),
            identification: identification, typeOfService: typeOfService
        ).write(to: &buffer)
        buffer.store(type, at: start)
        buffer.store(code, at: start &+ 1)
        buffer.store(UInt16(0), at: start &+ 2)
        buffer.store(UInt16(0), at: start &+ 4)
        buffer.store(word, at: start &+ 6)
        for index in 0..<quoted {
            buffer.store(packet.uint8(at: index), at: start &+ headerLength &+ index)
        }
        let checksum = InternetChecksum.checksum(buffer.bytes.extracting(start..<length))
        buffer.store(checksum, at: start &+ 2)
        return length
    }
}
