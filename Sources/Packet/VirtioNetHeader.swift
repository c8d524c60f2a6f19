// The 10 bytes before each packet of a TUN device with IFF_VNET_HDR, and the one request in them we must serve ourselves.

/// `struct virtio_net_hdr` (include/uapi/linux/virtio_net.h); little-endian, as TUN has it on every host Poplin runs on.
///
///     0 flags | 1 gso_type | 2 hdr_len | 4 gso_size | 6 csum_start | 8 csum_offset
public struct VirtioNetHeader: Hashable, Sendable {
    /// Bytes on the wire.
    public static let length = 10
    /// `VIRTIO_NET_HDR_F_NEEDS_CSUM`.
    public static let needsChecksum: UInt8 = 1
    /// `VIRTIO_NET_HDR_GSO_NONE`.
    public static let gsoNone: UInt8 = 0
    /// `VIRTIO_NET_HDR_GSO_TCPV4`.
    public static let gsoTCPv4: UInt8 = 1
    /// `VIRTIO_NET_HDR_GSO_ECN`, a flag within the GSO type.
    public static let gsoECN: UInt8 = 0x80

    /// ``needsChecksum`` or nothing.
    public var flags: UInt8 = 0
    /// ``gsoNone`` or ``gsoTCPv4``, the latter perhaps with ``gsoECN``.
    public var gsoType: UInt8 = gsoNone
    /// Bytes of all headers up to the payload.
    public var headerLength: UInt16 = 0
    /// Bytes of payload of each segment.
    public var gsoSize: UInt16 = 0
    /// Where summing starts, from the packet's first byte.
    public var checksumStart: UInt16 = 0
    /// Where the checksum goes, from `checksumStart`.
    public var checksumOffset: UInt16 = 0

    /// The header that tells the device about `offload`.
    public init(_ offload: Offload = .none) {
        switch offload {
        case .none:
            break
        case .partialChecksum(let start, let offset):
            flags = Self.needsChecksum
            checksumStart = start
            checksumOffset = offset
        case .tcpSegments(let size, let length, let start, let congestionWindowReduced):
            flags = Self.needsChecksum
            gsoType = Self.gsoTCPv4 | (congestionWindowReduced ? Self.gsoECN : 0)
            headerLength = length
            gsoSize = size
            checksumStart = start
            checksumOffset = UInt16(Offload.tcpChecksumOffset)
        }
    }

    /// Reads the header; nil when fewer than 10 bytes are there.
    public init?(_ bytes: RawSpan) {
        guard bytes.byteCount >= Self.length else { return nil }
        flags = bytes.uint8(at: 0)
        gsoType = bytes.uint8(at: 1)
        headerLength = bytes.uint16(at: 2).byteSwapped
        gsoSize = bytes.uint16(at: 4).byteSwapped
        checksumStart = bytes.uint16(at: 6).byteSwapped
        checksumOffset = bytes.uint16(at: 8).byteSwapped
    }

    /// Writes the 10 bytes.
    ///
    /// - Precondition: they are there.
    public func write(to bytes: inout MutableRawSpan, at offset: Int = 0) {
        bytes.store(flags, at: offset)
        bytes.store(gsoType, at: offset &+ 1)
        bytes.store(headerLength.byteSwapped, at: offset &+ 2)
        bytes.store(gsoSize.byteSwapped, at: offset &+ 4)
        bytes.store(checksumStart.byteSwapped, at: offset &+ 6)
        bytes.store(checksumOffset.byteSwapped, at: offset &+ 8)
    }

    /// Finishes the checksum of a packet read from the device, where the header asks for it.
    ///
    /// Returns ``DropReason/badOffload`` and leaves the packet alone where the request points outside of it, or into its
    /// IP header: what was decided over that header must stay true.
    public func completeChecksum(of packet: inout MutableRawSpan) -> DropReason? {
        guard flags & Self.needsChecksum != 0 else { return nil }
        let start = Int(checksumStart)
        let field = start &+ Int(checksumOffset)
        guard field &+ 2 <= packet.byteCount, start >= Self.ipHeaderLength(packet.bytes) else { return .badOffload }
        let checksum = InternetChecksum.checksum(packet.bytes.extracting(start..<packet.byteCount))
        // Zero would mean "no checksum" to UDP; its other form is equal in ones' complement.
        packet.store(checksum == 0 ? 0xFFFF : checksum, at: field)
        return nil
    }

    /// At least 20, whatever the first byte says.
    private static func ipHeaderLength(_ packet: RawSpan) -> Int {
        max(IPv4Header.minimumLength, Int(packet.uint8(at: 0) & 0xF) &* 4)
    }
}
