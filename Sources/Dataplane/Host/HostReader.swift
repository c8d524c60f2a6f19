// One walk over the kernel's state: what verdicts may depend on, and what of ours is there.

internal import LinuxSystem
internal import Net
public import Overlay
public import Rtnetlink

/// The number by which Poplin's routes are known (`rtm_protocol`).
public let routeProtocol: UInt8 = 112

/// Everything read in one walk.
public struct HostView: Sendable {
    public var facts: HostFacts
    public var observed: Observed

    /// Adds what a look at the packet filter has shown; false where none was allowed.
    @discardableResult
    public mutating func take(_ filter: FilterObservation?) -> Bool {
        guard let filter else { return false }
        facts.filterObstacle = filter.obstacle
        (observed.filter, observed.filterIsIntact) = (filter.filter, filter.isIntact)
        return true
    }

    /// Device names by index, for messages.
    public var deviceNames: [Int32: String] {
        Dictionary(facts.links.map { ($0.index, $0.name) }, uniquingKeysWith: { first, _ in first })
    }
}

/// Reads the kernel.
public enum HostReader {
    /// The table whose routes are read and made (`RT_TABLE_MAIN`).
    public static let mainTable: UInt32 = 254

    /// Reads links, addresses and the main table.
    ///
    /// What only a tier at work can tell (``Observed/isCarried``, ``Observed/peers``) is left for the caller, and so
    /// are the settings, because which are needed depends on the verdicts.
    ///
    /// - Parameter device: the tunnel device's name.
    public static func read(_ netlink: inout NetlinkSocket, device: String) throws(NetlinkError) -> HostView {
        let links = try netlink.links().map {
            Link(
                index: $0.index, name: $0.name, mtu: $0.mtu, isUp: $0.isUp, kind: $0.kind,
                ipip: $0.ipip)
        }
        let addresses = try netlink.addresses().map {
            LinkAddress(link: $0.link, address: $0.address, scope: $0.scope)
        }
        let tunnel = links.first { $0.name == device }
        var underlay: [UnderlayRoute] = []
        var ours: [Route] = []
        try netlink.routes(
            filter: RouteFilter(table: mainTable),
            onRestart: {
                ours.removeAll(keepingCapacity: true)
                underlay.removeAll(keepingCapacity: true)
            },
            body: { message in
                if message.routeProtocol == routeProtocol {
                    ours.append(Route(message, tunnel: tunnel?.index ?? 0))
                } else if message.tos == 0 {
                    // A route for a TOS is neither the way of ordinary packets nor in the way of ours.
                    underlay.append(UnderlayRoute(message))
                }
            })
        ours.sortByKey()
        var observed = Observed(device: tunnel, routes: ours)
        observed.deviceAddresses = addresses.filter { $0.link == tunnel?.index }.map(\.address)
        return HostView(
            facts: HostFacts(links: links, addresses: addresses, underlayRoutes: underlay), observed: observed)
    }
}

extension Route {
    /// The kernel's route as a flat record; `tunnel` is the tunnel device's index, 0 where there is none.
    public init(_ message: RouteMessage, tunnel: Int32) {
        let kind = Kind(message.kind)
        var flags: Flags = []
        if message.flags.contains(.onlink) { flags.insert(.onlink) }
        // A scope other than the universe would let the kernel refuse our gateway: not a route as we make it.
        if message.hasForeignDetail || message.scope != 0 || message.mtu > UInt32(UInt16.max) {
            flags.insert(.foreignDetail)
        }
        self.init(
            destination: message.destination, kind: kind, gateway: message.gateway,
            link: message.link == tunnel && tunnel != 0 ? Route.tunnelLink : kind == .blackhole ? 0 : message.link,
            source: message.source, metric: message.metric, mtu: UInt16(truncatingIfNeeded: message.mtu),
            tos: message.tos, flags: flags)
    }
}

extension Route.Kind {
    fileprivate init(_ kind: RouteKind) {
        switch kind {
        case .unicast: self = .unicast
        case .blackhole: self = .blackhole
        default: self = .other
        }
    }
}

extension UnderlayRoute {
    fileprivate init(_ message: RouteMessage) {
        self.init(
            destination: message.destination, gateway: message.gateway == .any ? nil : message.gateway,
            link: message.link, metric: message.metric, routeProtocol: message.routeProtocol,
            // The kernel passes over a next hop that is dead, but not one that has only lost its carrier.
            isUsable: message.kind == .unicast && !message.flags.contains(.dead), kind: Route.Kind(message.kind),
            gatewayIsOnlink: message.flags.contains(.onlink),
            // An on-link route has link scope: a next hop in the universe that is no IPv4 address is another family's.
            hasOtherGateway: message.hasForeignDetail && message.gateway == .any && message.scope == 0,
            mtu: message.mtu, hasDetail: message.hasForeignDetail,
            source: message.source == .any ? nil : message.source)
    }
}

extension [Route] {
    /// The kernel's dump ascends by address already; only wider prefixes at one address may come out of order.
    fileprivate mutating func sortByKey() {
        for index in indices.dropFirst() where Route.key(self[index]) < Route.key(self[index - 1]) {
            sort { Route.key($0) < Route.key($1) }
            return
        }
    }
}
