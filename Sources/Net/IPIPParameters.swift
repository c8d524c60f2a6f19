// What a device of the `ipip` driver is told: the same value on its way from the config to the kernel and back.

/// What the `ipip` driver knows of a device (`IFLA_IPTUN_*`, net/ipv4/ipip.c).
public struct IPIPParameters: Hashable, Sendable {
    /// The outer source, and the only outer destination that the device takes; `0.0.0.0` leaves the source to the
    /// underlay's routes and takes all addresses of the host, as the driver's own fallback device does.
    public var local: IPv4Address
    /// The far end; `0.0.0.0` where the route's gateway names it.
    public var remote: IPv4Address
    /// The outer TTL; 0 copies the inner one.
    public var timeToLive: UInt8
    /// The outer TOS; bit 0 copies the inner DSCP.
    public var typeOfService: UInt8
    /// Whether outer packets always bear DF; otherwise they bear the inner one. The driver sets it with a fixed TTL.
    public var alwaysDF: Bool
    /// Something that is not asked for here: a device it is bound to, an encapsulation of its own, a mark, metadata.
    public var hasDetail: Bool

    /// Parameters; without any, those of the driver's fallback device.
    public init(
        local: IPv4Address = .any, remote: IPv4Address = .any, timeToLive: UInt8 = 0, typeOfService: UInt8 = 0,
        alwaysDF: Bool = false, hasDetail: Bool = false
    ) {
        self.local = local
        self.remote = remote
        self.timeToLive = timeToLive
        self.typeOfService = typeOfService
        self.alwaysDF = alwaysDF
        self.hasDetail = hasDetail
    }

    /// Whether it takes packets from any far end to any address of this host, as the driver's fallback device: the
    /// source of what it sends is the kernel's choice.
    public var isUnpinned: Bool { local == .any && remote == .any }
    /// Whether the route's gateway names the far end, and nothing else is special: a device as Poplin uses it.
    public var fitsRoutes: Bool { remote == .any && !hasDetail }
}
