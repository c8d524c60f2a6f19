// A TCP superframe from the tunnel device as the segments that go on the wire: planned once, then a header for each.

/// The segments of one TCP packet that was handed over with a request to cut it.
///
/// The plan is a small value without the packet: the payload stays where it is, and each segment is a header written
/// elsewhere and a range of it. The rules are those of `tcp_gso_segment` (net/ipv4/tcp_offload.c) and
/// `inet_gso_segment` (net/ipv4/af_inet.c).
public struct TCPSegmentation: Hashable, Sendable, BitwiseCopyable {
    /// How many segments there are, at least 1; with a segment size of 1, up to 65,495.
    public let count: Int
    /// Bytes of the inner IP and TCP header of every segment, options included: 40 to 120.
    public let headerLength: Int
    /// Bytes of the whole packet.
    private let packetLength: Int
    /// Bytes of payload of every segment but the last.
    private let size: Int
    /// Where the TCP header starts.
    private let tcpStart: Int
    private let sequence: UInt32
    private let identification: UInt16
    /// The 16 bits of data offset, reserved bits and flags.
    private let flags: UInt16
    /// The sum of the IP header without total length, identification and checksum.
    private let networkSum: UInt16
    /// The sum of pseudo-header and TCP header without TCP length, sequence number, flags and checksum.
    private let transportSum: UInt16

    private static let minimumTCPLength = 20
    private static let totalLengthOffset = 2
    private static let identificationOffset = 4
    private static let sequenceOffset = 4
    private static let flagsOffset = 12
    private static let finAndPush: UInt16 = 0x09
    private static let congestionWindowReduced: UInt16 = 0x80

    /// Plans the segments of `packet`, whose parsed header is `header`, as `offload` asks.
    ///
    /// Fails with ``DropReason/badOffload`` where the request does not fit: another kind of segmentation than TCP over
    /// IPv4, a segment size of 0, a checksum place that is not TCP's, a packet that is no TCP, a fragment, or of another
    /// length than its header says, or a TCP header that does not fit in. The request's header length is not looked at.
    public static func plan(
        _ packet: RawSpan, _ header: IPv4Header, _ offload: VirtioNetHeader
    ) -> Result<TCPSegmentation, DropReason> {
        let start = header.headerLength
        guard offload.gsoType & ~VirtioNetHeader.gsoECN == VirtioNetHeader.gsoTCPv4, offload.gsoSize > 0,
            namesChecksum(offload, start: start), header.protocolNumber == IPProtocol.tcp, !header.isFragment,
            header.totalLength == packet.byteCount, start &+ minimumTCPLength <= packet.byteCount
        else { return .failure(.badOffload) }
        let tcpLength = Int(packet.uint8(at: start &+ flagsOffset) &>> 4) &* 4
        guard tcpLength >= minimumTCPLength, start &+ tcpLength <= packet.byteCount else {
            return .failure(.badOffload)
        }
        return .success(
            TCPSegmentation(
                packet, header, headerLength: start &+ tcpLength, size: Int(offload.gsoSize)))
    }

    /// Whether a checksum to be finished is that of TCP.
    ///
    /// The kernel also hands over superframes whose checksum it has verified, without the request; their offsets mean
    /// nothing.
    private static func namesChecksum(_ offload: VirtioNetHeader, start: Int) -> Bool {
        guard offload.flags & VirtioNetHeader.needsChecksum != 0 else { return true }
        return Int(offload.checksumStart) == start && Int(offload.checksumOffset) == Offload.tcpChecksumOffset
    }

    private init(_ packet: RawSpan, _ header: IPv4Header, headerLength: Int, size: Int) {
        let start = header.headerLength
        let payloadLength = packet.byteCount &- headerLength
        // A packet of headers alone is one segment too.
        count = max(1, (payloadLength &+ size &- 1) / size)
        self.headerLength = headerLength
        self.size = size
        packetLength = packet.byteCount
        tcpStart = start
        sequence = packet.uint32(at: start &+ Self.sequenceOffset)
        identification = header.identification
        flags = packet.uint16(at: start &+ Self.flagsOffset)

        // What differs between segments is taken out by adding its complement (RFC 1624).
        let network = InternetChecksum.sum(packet.extracting(0..<start))
        networkSum = InternetChecksum.fold(
            UInt64(network) &+ UInt64(~UInt16(truncatingIfNeeded: header.totalLength))
                &+ UInt64(~header.identification) &+ UInt64(~header.checksum))
        let transport = InternetChecksum.sum(
            packet.extracting(start..<headerLength),
            adding: InternetChecksum.pseudoHeaderSum(
                source: header.source, destination: header.destination, protocolNumber: IPProtocol.tcp, length: 0))
        transportSum = InternetChecksum.fold(
            UInt64(transport) &+ UInt64(~sequence) &+ UInt64(~flags)
                &+ UInt64(~packet.uint16(at: start &+ Offload.tcpChecksumOffset)))
    }

    /// Bytes of the longest segment, inner headers included.
    public var longestSegment: Int { min(headerLength &+ size, packetLength) }

    /// Where the payload of segment `index` lies, from the packet's first byte.
    ///
    /// - Precondition: `index` is below ``count``.
    public func payload(_ index: Int) -> Range<Int> {
        let start = headerLength &+ index &* size
        return start..<min(start &+ size, packetLength)
    }

    /// Writes the inner IP and TCP header of segment `index`, ``headerLength`` bytes with finished checksums.
    ///
    /// The sequence number goes up by the payload and the identification by one from segment to segment; FIN and PSH
    /// belong to the last one, CWR to the first; all other fields and options are the packet's.
    ///
    /// - Precondition: `index` is below ``count``, `packet` is the one that was planned, and ``headerLength`` bytes are
    ///   there at `offset`.
    public func writeHeader(_ index: Int, of packet: RawSpan, to header: inout MutableRawSpan, at offset: Int) {
        let payload = payload(index)
        let length = UInt16(truncatingIfNeeded: headerLength &+ payload.count)
        let identification = identification &+ UInt16(truncatingIfNeeded: index)
        let sequence = sequence &+ UInt32(truncatingIfNeeded: index &* size)
        var flags = flags
        if index > 0 { flags &= ~Self.congestionWindowReduced }
        if index &+ 1 < count { flags &= ~Self.finAndPush }
        let networkTotal = UInt64(networkSum) &+ UInt64(length) &+ UInt64(identification)
        let transportTotal =
            UInt64(transportSum) &+ UInt64(length) &- UInt64(tcpStart) &+ UInt64(sequence) &+ UInt64(flags)
            &+ UInt64(InternetChecksum.sum(packet.extracting(payload)))

        header.copy(header: packet.extracting(0..<headerLength), at: offset)
        let tcp = offset &+ tcpStart
        header.store(length, at: offset &+ Self.totalLengthOffset)
        header.store(identification, at: offset &+ Self.identificationOffset)
        header.store(~InternetChecksum.fold(networkTotal), at: offset &+ IPv4Header.checksumOffset)
        header.store(sequence, at: tcp &+ Self.sequenceOffset)
        header.store(flags, at: tcp &+ Self.flagsOffset)
        header.store(~InternetChecksum.fold(transportTotal), at: tcp &+ Offload.tcpChecksumOffset)
    }
}
