// One kernel route as a flat record of 28 bytes: 65,536 of them are sorted and merged without a dictionary.

public import Net

/// An IPv4 route of the main table, in the part of its attributes that Poplin ever sets.
public struct Route: Hashable, Sendable, BitwiseCopyable {
    /// What the kernel does with a packet that matches (`rtm_type`).
    public enum Kind: UInt8, Sendable, BitwiseCopyable {
        case unicast = 1
        case blackhole = 6
        /// Any other `rtm_type`: never desired, so it always differs.
        case other = 0
    }

    /// Details that make two routes differ beyond their fields.
    public struct Flags: OptionSet, Hashable, Sendable, BitwiseCopyable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// `RTNH_F_ONLINK`: the gateway is taken as a neighbour without a check.
        public static let onlink = Flags(rawValue: 1)
        /// The kernel's route carries something that Poplin never sets (several next hops, encapsulation, …).
        public static let foreignDetail = Flags(rawValue: 2)
    }

    /// The link index that stands for the tunnel device, which may not exist yet; the kernel's own are positive.
    public static let tunnelLink: Int32 = -1
    /// The metric of blackholes: large, so that they shadow no connected or workload route.
    public static let blackholeMetric: UInt32 = 0x7FFF_0000

    public var destination: IPv4Prefix
    public var gateway: IPv4Address
    /// The preferred source (`RTA_PREFSRC`); `0.0.0.0` for none.
    public var source: IPv4Address
    /// The outgoing device; ``tunnelLink`` for the tunnel; 0 for none (blackhole).
    public var link: Int32
    public var metric: UInt32
    /// The route's own MTU in bytes (`RTAX_MTU`); 0 for none.
    public var mtu: UInt16
    public var tos: UInt8
    public var kind: Kind
    public var flags: Flags

    /// A route.
    public init(
        destination: IPv4Prefix, kind: Kind = .unicast, gateway: IPv4Address = .any, link: Int32 = 0,
        source: IPv4Address = .any, metric: UInt32 = 0, mtu: UInt16 = 0, tos: UInt8 = 0, flags: Flags = []
    ) {
        self.destination = destination
        self.gateway = gateway
        self.source = source
        self.link = link
        self.metric = metric
        self.mtu = mtu
        self.tos = tos
        self.kind = kind
        self.flags = flags
    }

    /// The kernel's identity of a route within a table: destination, then TOS, then metric.
    @inlinable public static func key(_ route: Route) -> (UInt64, UInt64) {
        (
            UInt64(route.destination.address.rawValue) << 8 | UInt64(route.destination.length),
            UInt64(route.tos) << 32 | UInt64(route.metric)
        )
    }
}
