// The underlay's own routing, looked up as the kernel would with our routes left out.

public import Net

/// The host's routes of others, ready for longest-prefix lookups.
public struct Underlay: Sendable {
    /// The device that carries the node's address; nil where none does.
    public let link: Link?
    private let routes: [UnderlayRoute]
    private let search: PrefixSearch
    private let linkMTUs: [Int32: Int]
    private let learntMTUs: [IPv4Address: UInt16]
    private let hostAddresses: Set<IPv4Address>

    /// Indexes the facts.
    ///
    /// Routes through the tunnel device are left out: they would lead the tunnel into itself. Of several routes
    /// to one prefix the lowest metric counts, as in the kernel.
    public init(facts: HostFacts, local: LocalNode) {
        let tunnel = facts.links.first { $0.name == local.tunnelDevice }?.index
        let carrier = facts.addresses.filter { $0.address.address == local.address.address && $0.link != tunnel }
            .min { $0.link < $1.link }
        link = carrier.flatMap { carrier in facts.links.first { $0.index == carrier.link } }
        // Highest metric first: a later entry for the same prefix wins in the search. Equal metrics are told apart by
        // what they say, so that the order of the facts never shows.
        routes = facts.underlayRoutes.filter { $0.link != tunnel || tunnel == nil }
            .sorted { Underlay.rank($0) > Underlay.rank($1) }
        search = PrefixSearch(routes.map(\.destination))
        linkMTUs = Dictionary(facts.links.lazy.map { ($0.index, $0.mtu) }, uniquingKeysWith: { first, _ in first })
        learntMTUs = facts.pathMTUs
        hostAddresses = Set(facts.addresses.lazy.map(\.address.address))
    }

    private static func rank(_ route: UnderlayRoute) -> (UInt32, Int, Int32, UInt32, UInt32) {
        (route.metric, route.isUsable ? 0 : 1, route.link, route.gateway?.rawValue ?? 0, route.mtu)
    }

    /// How the kernel reaches `address`; nil where no usable route leads there.
    public func path(to address: IPv4Address) -> UnderlayPath? {
        route(to: address).map { route in
            UnderlayPath(
                gateway: route.gateway, link: route.link, gatewayIsOnlink: route.gatewayIsOnlink,
                hasOtherGateway: route.hasOtherGateway, mtu: route.mtu, hasDetail: route.hasDetail)
        }
    }

    /// Bytes of the largest outer packet that reaches `address` whole, as far as this host knows: the least of its
    /// device's MTU, its route's own, and what was learnt. Nil where no usable route leads there.
    public func pathMTU(to address: IPv4Address) -> Int? {
        guard let route = route(to: address) else { return nil }
        let limits = [linkMTUs[route.link] ?? 0, Int(route.mtu), Int(learntMTUs[address] ?? 0)]
        return limits.filter { $0 > 0 }.min()
    }

    /// The route that leads to `address`; nil where no usable one does.
    func route(to address: IPv4Address) -> UnderlayRoute? {
        // The kernel asks its local table first: what stands on this host, as a virtual address may, goes nowhere else.
        guard !hostAddresses.contains(address), let index = search.lookup(address) else { return nil }
        let route = routes[index]
        return route.isUsable && route.link > 0 ? route : nil
    }

    /// The devices over which outer packets travel, by index: that of the node's address, and those of the paths to
    /// `peers`. A node whose address lies on the loopback device, as with BGP to the host, has only the latter.
    func carriers(to peers: [TunnelPeer], in facts: HostFacts) -> [Link] {
        var indices = Set(peers.compactMap { path(to: $0.address)?.link })
        if let link { indices.insert(link.index) }
        return facts.links.filter { indices.contains($0.index) && $0.name != "lo" }.sorted { $0.index < $1.index }
    }
}
