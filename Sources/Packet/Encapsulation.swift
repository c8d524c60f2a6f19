// The outward step: a packet from the tunnel device gets a peer and outer headers, or a drop reason.

public import Net

/// The outward step of one thread: its settings and its counter of identifications.
public struct Encapsulator: Sendable {
    /// Bytes that encapsulation puts in front.
    public static let overhead = IPv4Header.minimumLength

    /// The outer TTL (E8).
    public enum TimeToLive: Hashable, Sendable {
        /// One for all, 1 to 255.
        case fixed(UInt8)
        /// The inner packet's.
        case inherit
    }

    /// The outer DSCP (E9, RFC 2983).
    public enum DSCP: Hashable, Sendable {
        /// The inner packet's: the uniform model.
        case copy
        /// One for all, 0 to 63: the pipe model.
        case fixed(UInt8)
    }

    /// How outer headers are made.
    public struct Settings: Hashable, Sendable {
        /// The outer source: this node's address.
        public var localAddress: IPv4Address
        /// The outer TTL.
        public var timeToLive: TimeToLive
        /// The outer DSCP.
        public var dscp: DSCP
        /// Refuse inner packets whose source is this node's address (RFC 2003 section 3.2); off, because hosts send too.
        public var refusesLocalSource: Bool

        /// Settings, with the conforming defaults.
        public init(
            localAddress: IPv4Address, timeToLive: TimeToLive = .fixed(64), dscp: DSCP = .copy,
            refusesLocalSource: Bool = false
        ) {
            self.localAddress = localAddress
            self.timeToLive = timeToLive
            self.dscp = dscp
            self.refusesLocalSource = refusesLocalSource
        }
    }

    /// How outer headers are made; may change between packets.
    public var settings: Settings
    private var identification: UInt16
    private let identificationStride: UInt16

    /// The step of one thread.
    ///
    /// Threads that send to the same peers share its space of identifications: with `n` of them, thread `i` takes
    /// `firstIdentification` `i` and `identificationStride` `n`.
    public init(settings: Settings, firstIdentification: UInt16 = 1, identificationStride: UInt16 = 1) {
        self.settings = settings
        self.identification = firstIdentification
        self.identificationStride = max(identificationStride, 1)
    }

    /// The index of the peer that an inner packet goes to, or why it goes nowhere.
    ///
    /// The inner TTL is left alone: the kernel took one off when it forwarded the packet (E2). Its length is not looked
    /// at, since it may be cut, and whether it fits the path is the sender's to find out (E4).
    public func peer(for packet: IPv4Header, table: ForwardingTable) -> Result<Int, DropReason> {
        guard packet.timeToLive > 0 else { return .failure(.ttlZero) }
        guard let peer = table.peer(forInner: packet.destination) else { return .failure(.noPeer) }
        return isRecursion(packet, to: table.peers[peer]) ? .failure(.recursion) : .success(peer)
    }

    /// The outer header for an inner packet, or for a segment of it with `innerLength` bytes in all.
    ///
    /// - Precondition: header and inner packet together are at most 65,535 bytes.
    public mutating func outerHeader(
        for packet: IPv4Header, innerLength: Int, to address: IPv4Address
    ) -> IPv4Header {
        let timeToLive: UInt8 =
            switch settings.timeToLive {
            case .fixed(let value): value
            case .inherit: packet.timeToLive
            }
        let dscp: UInt8 =
            switch settings.dscp {
            case .copy: packet.dscp
            case .fixed(let value): value & 0x3F
            }
        return IPv4Header(
            source: settings.localAddress, destination: address, protocolNumber: IPProtocol.ipip,
            totalLength: UInt16(innerLength &+ Self.overhead),
            // The outer datagram is whole, so DF alone makes it atomic (RFC 6864 section 4).
            identification: packet.dontFragment ? 0 : nextIdentification(),
            dontFragment: packet.dontFragment, timeToLive: timeToLive,
            typeOfService: dscp &<< 2 | packet.ecn.encapsulated.rawValue)
    }

    private func isRecursion(_ packet: IPv4Header, to endpoint: TunnelEndpoint) -> Bool {
        if packet.destination == endpoint.outerAddress || packet.destination == endpoint.nodeAddress { return true }
        guard packet.source == settings.localAddress else { return false }
        return packet.protocolNumber == IPProtocol.ipip || settings.refusesLocalSource
    }

    private mutating func nextIdentification() -> UInt16 {
        // 0 would ask a raw socket's kernel to choose one itself.
        if identification == 0 { identification = identificationStride }
        defer { identification &+= identificationStride }
        return identification
    }
}
