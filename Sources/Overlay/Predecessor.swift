// Which other overlay software made a route: told by protocol number, device and destination, and by nothing less.

internal import Net

/// Software that may have routed this host's pools before Poplin.
public enum Predecessor: String, Hashable, Sendable, CaseIterable, Encodable {
    /// Calico's agent: protocol 80 (`DefaultRoutingProto`, felix/dataplane/linux/dataplanedefs).
    case felix
    /// Calico's BGP daemon, or any BIRD: protocol 12 (`RTPROT_BIRD`).
    case bird
    /// Protocol 3 (`RTPROT_BOOT`), which administrators use as well, so its devices have to tell.
    case flannel
    /// Protocol 17 (`ZebraOriginator`, pkg/routes/linux_routes.go).
    case kubeRouter = "kube-router"

    /// The device that the `ipip` backend of flannel makes (`tunnelName`, pkg/backend/ipip/ipip.go).
    static let flannelDevice = "flannel.ipip"

    /// Whether it made `link` for its tunnel, and nothing else needs it.
    public func owns(_ link: Link) -> Bool {
        self == .flannel && link.name == Predecessor.flannelDevice && link.kind == "ipip"
    }
}

/// A route that a predecessor made for its overlay.
public struct Leftover: Hashable, Sendable {
    public var route: UnderlayRoute
    public var predecessor: Predecessor

    /// A leftover.
    public init(route: UnderlayRoute, predecessor: Predecessor) {
        self.route = route
        self.predecessor = predecessor
    }

    /// As ``Route/key(_:)``.
    var key: RouteKey { RouteKey(route.destination, metric: route.metric) }
}

/// A destination and a metric, of which the kernel's table has one place.
struct RouteKey: Hashable {
    private let destination: IPv4Prefix
    private let metric: UInt32

    init(_ destination: IPv4Prefix, metric: UInt32) {
        self.destination = destination
        self.metric = metric
    }

    init(_ route: Route) { self.init(route.destination, metric: route.metric) }
}

/// Tells whose a route of this host is.
struct PredecessorSearch {
    /// Drivers whose devices carry an overlay: a route without a gateway leads to the far end, not to a workload.
    private static let tunnelKinds: Set<String> = ["ipip", "vxlan", "tun"]

    private let pools: [IPv4Prefix]
    private let tunnels: Set<Int32>
    private let flannelDevices: Set<Int32>
    private let nodes: Set<IPv4Address>

    init(_ facts: HostFacts, _ topology: Topology) {
        pools = topology.pools.map(\.prefix)
        tunnels = Set(facts.links.lazy.filter { PredecessorSearch.tunnelKinds.contains($0.kind) }.map(\.index))
        flannelDevices = Set(facts.links.lazy.filter { $0.name.hasPrefix("flannel.") }.map(\.index))
        nodes = flannelDevices.isEmpty ? [] : Set(topology.nodes.map(\.address.address))
    }

    /// The maker of a route of an overlay; nil for a route that is none, or nobody's whom we know.
    ///
    /// A route out of a device that is no tunnel, without a gateway, serves a workload of this host, whoever made it.
    func predecessor(of route: UnderlayRoute) -> Predecessor? {
        guard let maker = maker(of: route), pools.contains(where: { $0.contains(route.destination) }) else {
            return nil
        }
        switch route.kind {
        case .blackhole: return maker
        case .unicast: return route.gateway != nil || tunnels.contains(route.link) ? maker : nil
        case .other: return nil
        }
    }

    private func maker(of route: UnderlayRoute) -> Predecessor? {
        switch route.routeProtocol {
        case 12: .bird
        case 17: .kubeRouter
        case 80: .felix
        // With `DirectRouting` some of flannel's routes leave by the underlay's device, to another node.
        case 3 where flannelDevices.contains(route.link) || route.gateway.map(nodes.contains) == true: .flannel
        default: nil
        }
    }
}
