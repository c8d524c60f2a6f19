// How an outer packet leaves this host: as a packet that the kernel routes, as a frame that is finished here, or by a
// program in the kernel.

public import Net

/// What a finished frame to a peer needs: the express path.
public struct EthernetWay: Hashable, Sendable, BitwiseCopyable {
    /// Bytes of an Ethernet header without tags.
    public static let headerLength = 14

    /// The index of the device that the frame leaves by.
    public var link: Int32
    /// The device's own address.
    public var source: EthernetAddress
    /// The neighbour: the peer itself or the gateway towards it.
    public var destination: EthernetAddress
    /// The largest outer packet, in bytes.
    public var mtu: Int
    /// The kernel knows the neighbour but has not heard from it lately: the next packet takes the socket, so that
    /// the kernel asks, as it would for a packet of its own (`neigh_event_send`).
    public var needsConfirmation: Bool

    /// A way.
    public init(
        link: Int32, source: EthernetAddress, destination: EthernetAddress, mtu: Int, needsConfirmation: Bool = false
    ) {
        self.link = link
        self.source = source
        self.destination = destination
        self.mtu = mtu
        self.needsConfirmation = needsConfirmation
    }

    /// Writes the 14 bytes of the frame's header at `offset`: destination, source, EtherType IPv4.
    ///
    /// - Precondition: they are there.
    public func writeHeader(to bytes: inout MutableRawSpan, at offset: Int) {
        bytes.store(UInt32(truncatingIfNeeded: destination.rawValue &>> 16), at: offset)
        bytes.store(UInt16(truncatingIfNeeded: destination.rawValue), at: offset &+ 4)
        bytes.store(UInt32(truncatingIfNeeded: source.rawValue &>> 16), at: offset &+ 6)
        bytes.store(UInt16(truncatingIfNeeded: source.rawValue), at: offset &+ 10)
        bytes.store(UInt16(0x0800), at: offset &+ 12)
    }
}

/// How outer packets to a peer leave this host.
public enum OuterWay: Hashable, Sendable, BitwiseCopyable {
    /// Through the raw IP socket: the kernel finds the way.
    case socket
    /// Through a packet socket, as a finished frame.
    case frame(EthernetWay)
    /// By a program, past the kernel's IP output: each packet by the kernel's own route and neighbour, which lead to the
    /// device with this index.
    case redirect(link: Int32)

    /// The device that packets leave by; nil for the socket.
    public var link: Int32? {
        switch self {
        case .socket: nil
        case .frame(let way): way.link
        case .redirect(let link): link
        }
    }
}
