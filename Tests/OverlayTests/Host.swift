// One host as the tests see it: two network devices, the tunnel, and the routes that a small site has.

import Net
import Overlay

enum Host {
    static let eth0 = Link(index: 2, name: "eth0", mtu: 1500, isUp: true)
    static let eth1 = Link(index: 3, name: "eth1", mtu: 9000, isUp: true)
    static let tunnel = Link(index: 9, name: "tunl0", mtu: 1480, isUp: true, kind: "tun")
    static let gateway: IPv4Address = "10.0.1.254"
    static let defaultRoute = UnderlayRoute(
        destination: "0.0.0.0/0", gateway: gateway, link: eth0.index, routeProtocol: 3)

    static func connected(_ prefix: IPv4Prefix, link: Link = eth0) -> UnderlayRoute {
        UnderlayRoute(destination: prefix, link: link.index)
    }

    /// A host with `address` on eth0, its connected route, a default route and whatever else is said.
    static func facts(
        _ address: IPv4InterfaceAddress = "10.0.1.1/24", routes: [UnderlayRoute]? = nil, adding: [UnderlayRoute] = []
    ) -> HostFacts {
        HostFacts(
            links: [eth0, eth1, tunnel], addresses: [LinkAddress(link: eth0.index, address: address)],
            underlayRoutes: (routes ?? [connected(address.prefix), defaultRoute]) + adding)
    }
}

extension DesiredState {
    init(_ local: LocalNode, _ state: ClusterState, _ facts: HostFacts = Host.facts()) {
        self.init(local: local, topology: Topology(state), facts: facts)
    }

    var codes: [String] { warnings.map(\.code) }

    func decision(for prefix: IPv4Prefix) -> Decision? { blocks.first { $0.block.prefix == prefix }?.decision }

    func route(to prefix: IPv4Prefix) -> Route? { routes.first { $0.destination == prefix } }
}
