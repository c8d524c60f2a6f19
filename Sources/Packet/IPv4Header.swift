// The IPv4 header as five words in registers: validated once, then read and written through plain accessors.

public import Net

/// Protocol numbers that mean something to the tunnel; all others pass alike.
public enum IPProtocol {
    /// RFC 792.
    public static let icmp: UInt8 = 1
    /// IP in IP (RFC 2003).
    public static let ipip: UInt8 = 4
    /// RFC 9293.
    public static let tcp: UInt8 = 6
    /// RFC 768.
    public static let udp: UInt8 = 17
}

/// The fixed 20 bytes of an IPv4 header (RFC 791 section 3.1), in host byte order.
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     +-------+-------+---------------+-------------------------------+
///   0 |Version|  IHL  | DSCP      |ECN|          Total Length         |
///     +-------+-------+---------------+-----+-------------------------+
///   4 |         Identification        |0|D|M|     Fragment Offset     |
///     +---------------+---------------+-----+-------------------------+
///   8 |  Time to Live |    Protocol   |        Header Checksum        |
///     +---------------+---------------+-------------------------------+
///  12 |                        Source Address                         |
///     +---------------------------------------------------------------+
///  16 |                      Destination Address                      |
///     +---------------------------------------------------------------+
///
/// Options, where the IHL says that there are any, follow at offset 20 and are not part of the value.
public struct IPv4Header: Hashable, Sendable, BitwiseCopyable {
    /// Bytes of a header without options.
    public static let minimumLength = 20
    static let typeOfServiceOffset = 1
    static let checksumOffset = 10

    private let word0: UInt32
    private let word4: UInt32
    private let word8: UInt32
    private let word12: UInt32
    private let word16: UInt32

    /// Reads the header at `offset` without judging it.
    ///
    /// - Precondition: 20 bytes are there.
    init(unchecked bytes: RawSpan, at offset: Int) {
        word0 = bytes.uint32(at: offset)
        word4 = bytes.uint32(at: offset &+ 4)
        word8 = bytes.uint32(at: offset &+ 8)
        word12 = bytes.uint32(at: offset &+ 12)
        word16 = bytes.uint32(at: offset &+ 16)
    }

    /// Reads the header at `offset` and checks version, IHL and total length against each other and the bytes there.
    ///
    /// Bytes after the total length are allowed (link padding); the caller cuts them off. The header checksum is
    /// left to the kernel.
    public static func parse(_ bytes: RawSpan, at offset: Int = 0) -> Result<IPv4Header, DropReason> {
        let available = bytes.byteCount &- offset
        guard offset >= 0, available >= minimumLength else { return .failure(.truncated) }
        let header = IPv4Header(unchecked: bytes, at: offset)
        guard header.version == 4 else { return .failure(.notIPv4) }
        guard header.headerLength >= minimumLength else { return .failure(.badHeaderLength) }
        guard header.totalLength >= minimumLength else { return .failure(.badTotalLength) }
        guard header.headerLength <= header.totalLength else { return .failure(.badHeaderLength) }
        guard header.totalLength <= available else { return .failure(.truncated) }
        return .success(header)
    }

    /// Makes a header without options, its checksum computed in full.
    ///
    /// - Parameters:
    ///   - totalLength: bytes of header and payload.
    ///   - typeOfService: the whole byte, DSCP and ECN.
    public init(
        source: IPv4Address, destination: IPv4Address, protocolNumber: UInt8, totalLength: UInt16,
        identification: UInt16 = 0, dontFragment: Bool = false, timeToLive: UInt8 = 64, typeOfService: UInt8 = 0
    ) {
        word0 = 0x4500_0000 | UInt32(typeOfService) &<< 16 | UInt32(totalLength)
        word4 = UInt32(identification) &<< 16 | (dontFragment ? 0x4000 : 0)
        let unsummed = UInt32(timeToLive) &<< 24 | UInt32(protocolNumber) &<< 16
        word12 = source.rawValue
        word16 = destination.rawValue
        let total =
            UInt64(word0) &+ UInt64(word4) &+ UInt64(unsummed) &+ UInt64(word12) &+ UInt64(word16)
        word8 = unsummed | UInt32(~InternetChecksum.fold(total))
    }

    /// Writes the 20 bytes at `offset`, in network order, the checksum as it stands in the value.
    ///
    /// - Precondition: 20 bytes are there.
    public func write(to bytes: inout MutableRawSpan, at offset: Int = 0) {
        bytes.store(word0, at: offset)
        bytes.store(word4, at: offset &+ 4)
        bytes.store(word8, at: offset &+ 8)
        bytes.store(word12, at: offset &+ 12)
        bytes.store(word16, at: offset &+ 16)
    }

    /// 4, in a header that was parsed.
    public var version: UInt8 { UInt8(truncatingIfNeeded: word0 &>> 28) }
    /// Bytes of header and options: four times the IHL.
    public var headerLength: Int { Int(word0 &>> 24 & 0xF) &* 4 }
    /// The TOS byte: DSCP and ECN.
    public var typeOfService: UInt8 { UInt8(truncatingIfNeeded: word0 &>> 16) }
    /// 0 to 63 (RFC 2474).
    public var dscp: UInt8 { typeOfService &>> 2 }
    /// The ECN codepoint.
    public var ecn: ECN { ECN(typeOfService: typeOfService) }
    /// Bytes of header, options and payload.
    public var totalLength: Int { Int(word0 & 0xFFFF) }
    /// Tells fragments of different datagrams apart.
    public var identification: UInt16 { UInt16(truncatingIfNeeded: word4 &>> 16) }
    /// DF.
    public var dontFragment: Bool { word4 & 0x4000 != 0 }
    /// MF.
    public var moreFragments: Bool { word4 & 0x2000 != 0 }
    /// In units of 8 bytes.
    public var fragmentOffset: UInt16 { UInt16(truncatingIfNeeded: word4 & 0x1FFF) }
    /// Whether this is a piece of a datagram rather than a whole one.
    public var isFragment: Bool { word4 & 0x3FFF != 0 }
    /// Hops left.
    public var timeToLive: UInt8 { UInt8(truncatingIfNeeded: word8 &>> 24) }
    /// What follows the header, such as ``IPProtocol/ipip``.
    public var protocolNumber: UInt8 { UInt8(truncatingIfNeeded: word8 &>> 16) }
    /// The header checksum field.
    public var checksum: UInt16 { UInt16(truncatingIfNeeded: word8) }
    /// The sender.
    public var source: IPv4Address { IPv4Address(rawValue: word12) }
    /// The receiver.
    public var destination: IPv4Address { IPv4Address(rawValue: word16) }
}
