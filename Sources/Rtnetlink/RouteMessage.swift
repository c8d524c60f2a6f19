// A route as the kernel tells it: one flat record, so that a dump of 65,536 allocates nothing per route.

public import Net

/// What the kernel does with a packet that matches a route (`rtm_type`).
public struct RouteKind: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    public let rawValue: UInt8
    /// A kind by its number.
    @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// Sent on, to a gateway or on the link.
    @inlinable public static var unicast: RouteKind { RouteKind(rawValue: 1) }
    /// An address of this host.
    @inlinable public static var local: RouteKind { RouteKind(rawValue: 2) }
    /// A broadcast address of a link.
    @inlinable public static var broadcast: RouteKind { RouteKind(rawValue: 3) }
    /// Dropped without a word.
    @inlinable public static var blackhole: RouteKind { RouteKind(rawValue: 6) }
    /// Dropped with ICMP host unreachable.
    @inlinable public static var unreachable: RouteKind { RouteKind(rawValue: 7) }
    /// Dropped with ICMP administratively prohibited.
    @inlinable public static var prohibit: RouteKind { RouteKind(rawValue: 8) }
    /// The lookup goes on in the next table.
    @inlinable public static var `throw`: RouteKind { RouteKind(rawValue: 9) }
}

/// An IPv4 route from a dump, a lookup or a notification.
public struct RouteMessage: Hashable, Sendable, BitwiseCopyable {
    /// The state of a route's next hop (`RTNH_F_*`), and what this record cannot hold.
    public struct Flags: OptionSet, Hashable, Sendable, BitwiseCopyable {
        public let rawValue: UInt8
        /// Flags by their bits.
        @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// The gateway is taken as a neighbour without a check.
        @inlinable public static var onlink: Flags { Flags(rawValue: 1) }
        /// The device has no carrier.
        @inlinable public static var linkDown: Flags { Flags(rawValue: 2) }
        /// The device is down.
        @inlinable public static var dead: Flags { Flags(rawValue: 4) }
        /// Carried by hardware.
        @inlinable public static var offload: Flags { Flags(rawValue: 8) }
        /// Several next hops, encapsulation, another family's gateway, metrics beside the MTU,
        /// a next-hop object or anything else that has no field here.
        @inlinable public static var foreignDetail: Flags { Flags(rawValue: 128) }
    }

    public var destination: IPv4Prefix
    /// `0.0.0.0` for none; of several next hops the first's.
    public var gateway: IPv4Address
    /// The preferred source; `0.0.0.0` for none.
    public var source: IPv4Address
    /// The outgoing device's index; 0 for none; of several next hops the first's.
    public var link: Int32
    public var metric: UInt32
    public var table: UInt32
    /// The route's own MTU in bytes (`RTAX_MTU`); 0 for none.
    public var mtu: UInt32
    public var tos: UInt8
    /// Who made the route (`rtm_protocol`).
    public var routeProtocol: UInt8
    /// `rtm_scope`: 0 universe, 253 link, 254 host.
    public var scope: UInt8
    public var kind: RouteKind
    public var flags: Flags

    /// Whether the route carries something that has no field here.
    @inlinable public var hasForeignDetail: Bool { flags.contains(.foreignDetail) }
}

/// Which routes a dump holds; the kernel itself leaves out the others.
public struct RouteFilter: Hashable, Sendable {
    /// The table, 254 (`main`) by default; nil for all.
    public var table: UInt32?
    /// Only routes of this `rtm_protocol`; nil for all.
    public var routeProtocol: UInt8?
    /// Only routes of this kind; nil for all.
    public var kind: RouteKind?
    /// Only routes out of this device; nil for all.
    public var link: Int32?

    /// A filter.
    public init(
        table: UInt32? = 254, routeProtocol: UInt8? = nil, kind: RouteKind? = nil, link: Int32? = nil
    ) {
        self.table = table
        self.routeProtocol = routeProtocol
        self.kind = kind
        self.link = link
    }

    /// The same question asked here: a kernel before 4.20 ignores the filter.
    @inline(__always)
    func accepts(_ route: RouteMessage) -> Bool {
        (table == nil || table == route.table) && (routeProtocol == nil || routeProtocol == route.routeProtocol)
            && (kind == nil || kind == route.kind)
            && (link == nil || link == route.link || route.hasForeignDetail)
    }
}
