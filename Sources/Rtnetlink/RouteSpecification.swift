// A route to be made or removed, and its request.

internal import CMnl
public import Net

/// An IPv4 route as it is asked for.
public struct RouteSpecification: Hashable, Sendable, BitwiseCopyable {
    public var destination: IPv4Prefix
    public var kind: RouteKind
    /// `0.0.0.0` for none.
    public var gateway: IPv4Address
    /// The outgoing device's index; 0 for none.
    public var link: Int32
    /// The preferred source; `0.0.0.0` for none.
    public var source: IPv4Address
    public var metric: UInt32
    /// The route's own MTU in bytes; 0 for none.
    public var mtu: UInt32
    public var tos: UInt8
    /// The gateway is taken as a neighbour without a check (`RTNH_F_ONLINK`).
    public var isOnlink: Bool
    /// `rtm_protocol`: whose route it is.
    public var routeProtocol: UInt8
    public var table: UInt32
    /// `rtm_scope`; nil for what `ip route` would choose: link for a unicast route without a gateway, else universe.
    public var scope: UInt8?

    /// A route.
    public init(
        destination: IPv4Prefix, kind: RouteKind = .unicast, gateway: IPv4Address = .any, link: Int32 = 0,
        source: IPv4Address = .any, metric: UInt32 = 0, mtu: UInt32 = 0, tos: UInt8 = 0, isOnlink: Bool = false,
        routeProtocol: UInt8, table: UInt32 = 254, scope: UInt8? = nil
    ) {
        self.destination = destination
        self.kind = kind
        self.gateway = gateway
        self.link = link
        self.source = source
        self.metric = metric
        self.mtu = mtu
        self.tos = tos
        self.isOnlink = isOnlink
        self.routeProtocol = routeProtocol
        self.table = table
        self.scope = scope
    }

    /// The request that makes, or removes, the route that the kernel told of; foreign details are not kept.
    public init(_ route: RouteMessage) {
        self.init(
            destination: route.destination, kind: route.kind, gateway: route.gateway, link: route.link,
            source: route.source, metric: route.metric, mtu: route.mtu, tos: route.tos,
            isOnlink: route.flags.contains(.onlink), routeProtocol: route.routeProtocol, table: route.table,
            scope: route.scope)
    }

    /// Writes the request to make it.
    func encode(making flags: UInt16, into requests: inout RequestBuffer) {
        encode(type: MessageType.newRoute, flags: flags, scope: scope ?? defaultScope, into: &requests)
    }

    /// Writes the request to remove it. What a route is found by: destination, TOS, metric, kind, protocol, device and
    /// gateway; MTU and source are not part of it.
    func encodeRemoval(into requests: inout RequestBuffer) {
        encode(
            type: MessageType.deleteRoute, flags: MessageFlag.acknowledge,
            scope: scope ?? UInt8(RT_SCOPE_NOWHERE.rawValue), into: &requests)
    }

    @inline(__always)
    private func encode(type: UInt16, flags: UInt16, scope: UInt8, into requests: inout RequestBuffer) {
        var header = rtmsg()
        header.rtm_family = ipv4Family
        header.rtm_dst_len = destination.length
        header.rtm_tos = tos
        header.rtm_table = table <= 255 ? UInt8(truncatingIfNeeded: table) : UInt8(RT_TABLE_COMPAT.rawValue)
        header.rtm_protocol = routeProtocol
        header.rtm_scope = scope
        header.rtm_type = kind.rawValue
        header.rtm_flags = isOnlink ? UInt32(RTNH_F_ONLINK) : 0
        requests.append(type: type, flags: flags) { request in
            request.put(header)
            if destination.length > 0 { request.put(RouteAttribute.destination, destination.address) }
            if gateway != .any { request.put(RouteAttribute.gateway, gateway) }
            if link != 0 { request.put(RouteAttribute.outputLink, link) }
            if metric != 0 { request.put(RouteAttribute.priority, metric) }
            if table > 255 { request.put(RouteAttribute.table, table) }
            guard type == MessageType.newRoute else { return }
            if source != .any { request.put(RouteAttribute.preferredSource, source) }
            if mtu != 0 {
                request.nest(RouteAttribute.metrics) { request.put(RouteAttribute.metricMTU, mtu) }
            }
        }
    }

    private var defaultScope: UInt8 {
        switch kind {
        case .unicast where gateway == .any: UInt8(RT_SCOPE_LINK.rawValue)
        case .local: UInt8(RT_SCOPE_HOST.rawValue)
        case .broadcast: UInt8(RT_SCOPE_LINK.rawValue)
        default: UInt8(RT_SCOPE_UNIVERSE.rawValue)
        }
    }
}
