// What the kernel says about this host, as far as a verdict may depend on it; never our own routes,
// or the answer would feed back into the question.

public import Net

/// A network device.
public struct Link: Hashable, Sendable {
    public var index: Int32
    public var name: String
    /// Bytes of an IP packet.
    public var mtu: Int
    /// `IFF_UP`.
    public var isUp: Bool
    /// The driver as rtnetlink names it (`tun`, `veth`, `ipip`), empty for hardware.
    public var kind: String
    /// Of a device of kind `ipip`.
    public var ipip: IPIPParameters?

    /// A device.
    public init(
        index: Int32, name: String, mtu: Int, isUp: Bool, kind: String = "", ipip: IPIPParameters? = nil
    ) {
        self.index = index
        self.name = name
        self.mtu = mtu
        self.isUp = isUp
        self.kind = kind
        self.ipip = ipip
    }
}

/// An address on a device.
public struct LinkAddress: Hashable, Sendable {
    public var link: Int32
    public var address: IPv4InterfaceAddress
    /// `ifa_scope`: 0 universe, 253 link, 254 host.
    public var scope: UInt8

    /// An address on the device with index `link`.
    public init(link: Int32, address: IPv4InterfaceAddress, scope: UInt8 = 0) {
        self.link = link
        self.address = address
        self.scope = scope
    }
}

/// A route that is not ours: how the underlay reaches its destinations.
public struct UnderlayRoute: Hashable, Sendable {
    public var destination: IPv4Prefix
    /// Nil where the destination is on the link.
    public var gateway: IPv4Address?
    /// The outgoing device; 0 for none.
    public var link: Int32
    public var metric: UInt32
    /// `rtm_protocol`: 2 kernel, 3 boot, 4 static, 12 bird, 16 dhcp, …
    public var routeProtocol: UInt8
    /// False for blackhole, unreachable and prohibit.
    public var isUsable: Bool
    public var kind: Route.Kind
    /// As ``UnderlayPath/gatewayIsOnlink``.
    public var gatewayIsOnlink: Bool
    /// As ``UnderlayPath/hasOtherGateway``.
    public var hasOtherGateway: Bool
    /// The route's own MTU in bytes (`RTAX_MTU`); 0 for none.
    public var mtu: UInt32
    /// As ``UnderlayPath/hasDetail``.
    public var hasDetail: Bool
    /// The preferred source (`RTA_PREFSRC`); nil leaves it to the device's addresses.
    public var source: IPv4Address?

    /// A route of somebody else.
    public init(
        destination: IPv4Prefix, gateway: IPv4Address? = nil, link: Int32, metric: UInt32 = 0,
        routeProtocol: UInt8 = 2, isUsable: Bool = true, kind: Route.Kind = .unicast, gatewayIsOnlink: Bool = false,
        hasOtherGateway: Bool = false, mtu: UInt32 = 0, hasDetail: Bool = false, source: IPv4Address? = nil
    ) {
        self.destination = destination
        self.gateway = gateway
        self.link = link
        self.metric = metric
        self.routeProtocol = routeProtocol
        self.isUsable = isUsable
        self.kind = kind
        self.gatewayIsOnlink = gatewayIsOnlink
        self.hasOtherGateway = hasOtherGateway
        self.mtu = mtu
        self.hasDetail = hasDetail
        self.source = source
    }
}

/// Everything about this host that a verdict may depend on.
public struct HostFacts: Hashable, Sendable {
    public var links: [Link]
    /// In the kernel's order.
    public var addresses: [LinkAddress]
    /// The main table without our own protocol, in any order.
    public var underlayRoutes: [UnderlayRoute]
    /// Learnt path MTUs by a peer's underlay address: bytes of the largest outer packet that comes through (RFC 1191).
    public var pathMTUs: [IPv4Address: UInt16]
    /// Why this kernel's packet filter cannot do anything for us; nil where it can.
    public var filterObstacle: String?

    /// A host's facts.
    public init(
        links: [Link] = [], addresses: [LinkAddress] = [], underlayRoutes: [UnderlayRoute] = [],
        pathMTUs: [IPv4Address: UInt16] = [:], filterObstacle: String? = nil
    ) {
        self.links = links
        self.addresses = addresses
        self.underlayRoutes = underlayRoutes
        self.pathMTUs = pathMTUs
        self.filterObstacle = filterObstacle
    }
}
