// From the cluster and this host to what should be true here: one pass over the blocks, one decision per peer and mode.

public import Net

/// One block with its decision.
public struct BlockVerdict: Hashable, Sendable, BitwiseCopyable {
    public var block: Topology.SettledBlock
    public var decision: Decision
}

/// A desired route whose place in the kernel somebody else's route holds.
public struct RouteConflict: Hashable, Sendable {
    public var destination: IPv4Prefix
    /// `rtm_protocol` of the route in the way.
    public var routeProtocol: UInt8
    /// Who made it, where that is known.
    public var predecessor: Predecessor?

    /// A conflict.
    public init(destination: IPv4Prefix, routeProtocol: UInt8, predecessor: Predecessor? = nil) {
        self.destination = destination
        self.routeProtocol = routeProtocol
        self.predecessor = predecessor
    }
}

/// What should be true on this host.
public struct DesiredState: Sendable {
    public let device: TunnelDevice
    /// The device that carries the node's address.
    public let underlay: Link?
    /// A device of the tunnel's name that somebody else made: it stays untouched, and nothing can be tunnelled.
    public let foreignDevice: Link?
    /// Every other node, whatever the verdict: a receiver accepts tunnel packets whatever its own mode.
    public let peers: [TunnelPeer]
    public let settings: [HostSetting]
    /// What the host's packet filter does for us.
    ///
    /// Nothing where the kernel has none for us: that is warned of, and everything else goes on.
    public let filter: HostFilter
    /// Ascending by destination; those in conflict are left out.
    public let routes: [Route]
    /// Ascending, as in ``Topology/blocks``.
    public let blocks: [BlockVerdict]
    public let conflicts: [RouteConflict]
    /// What other overlays left in our pools, whether it is in the way or not.
    public let leftovers: [Leftover]
    public let adoption: Adoption
    public let warnings: [Warning]

    /// Decides everything.
    ///
    /// - Parameter adopting: whose routes are taken over; those of others are in the way like anybody's.
    public init(
        local: LocalNode, topology: Topology, facts: HostFacts, adopting: Set<Predecessor> = []
    ) {
        let underlay = Underlay(facts: facts, local: local)
        let own = topology.nodes.first { $0.name == local.name }
        let peers = DesiredState.peers(local: local, topology: topology)
        let carriers = underlay.carriers(to: peers, in: facts)
        device = TunnelDevice(
            name: local.tunnelDevice, kind: local.tunnelKind,
            mtu: local.tunnelMTU ?? IPIP.tunnelMTU(underlay: carriers.map(\.mtu).min() ?? 1500),
            parameters: local.tunnelParameters,
            // Whatever the own mode: others may tunnel, and where a device has no address even a loose rp_filter
            // drops what came in on it (`__fib_validate_source`). Without a tunnel address the node's own one serves,
            // but only while the underlay has it: an address that moved to another host must not stay local here.
            address: own?.tunnelAddress ?? underlay.link.map { _ in local.address.address })
        let present = facts.links.first { $0.name == local.tunnelDevice }
        foreignDevice = present.flatMap { $0.kind == local.tunnelKind && $0.ipip?.fitsRoutes != false ? nil : $0 }
        self.underlay = underlay.link
        self.peers = peers
        let wanted = HostFilter(
            admission: foreignDevice == nil ? Admission(local: local, peers: peers, facts: facts) : nil,
            masquerade: Masquerade(pools: topology.pools))
        filter = facts.filterObstacle == nil ? wanted : HostFilter()

        var decider = Decider(local: local, topology: topology, underlay: underlay)
        let source = own?.tunnelAddress ?? .any
        let deviceMTU = device.mtu
        let limits = topology.nodes.map { node in
            IPIP.routeMTU(path: underlay.pathMTU(to: node.address.address), device: deviceMTU)
        }
        let search = PredecessorSearch(facts, topology)
        let others = facts.underlayRoutes.map { (route: $0, predecessor: search.predecessor(of: $0)) }
        var foreign = ForeignRoutes(others.filter { $0.predecessor.map(adopting.contains) != true })
        var blocks: [BlockVerdict] = []
        var routes: [Route] = []
        var conflicts: [RouteConflict] = []
        blocks.reserveCapacity(topology.blocks.count)
        routes.reserveCapacity(topology.blocks.count)
        for block in topology.blocks {
            let decision = decider.decide(block)
            blocks.append(BlockVerdict(block: block, decision: decision))
            guard
                let route = Route(
                    block.prefix, decision, peer: decider.address(of: block), source: source,
                    mtu: block.node >= 0 ? limits[Int(block.node)] : 0)
            else { continue }
            if let holder = foreign.holder(of: route) {
                conflicts.append(holder)
            } else {
                routes.append(route)
            }
        }
        self.blocks = blocks
        self.routes = routes
        self.conflicts = conflicts
        leftovers = others.compactMap { other in
            other.predecessor.map { Leftover(route: other.route, predecessor: $0) }
        }
        adoption = Adoption(
            leftovers, of: adopting, routes: routes, facts: facts, tunnel: local.tunnelDevice)
        settings = HostSetting.needed(
            tunnel: local.tunnelDevice, underlay: carriers.map(\.name), usesPrograms: local.usesPrograms)
        let unfiltered =
            facts.filterObstacle.map {
                Warning.noPacketFilter(wanted, because: $0, device: local.tunnelDevice)
            } ?? []
        warnings =
            topology.warnings + decider.warnings + DesiredState.warnings(local: local, own: own, underlay: underlay)
            + Warning.leftovers(leftovers, adoption: adoption, adopting: adopting)
            + conflicts.map { .foreignRoute($0) }
            + unfiltered
            + (foreignDevice.map { [.foreignDevice($0, wanted: local.tunnelKind)] } ?? [])
            + DesiredState.outerSources(
                local, tunnel: foreignDevice == nil ? present : nil, topology, blocks,
                OuterSource(underlay: underlay, facts: facts))
    }

    /// Whether outer packets leave with another address than this node's: peers take them only from that one.
    private static func outerSources(
        _ local: LocalNode, tunnel: Link?, _ topology: Topology, _ blocks: [BlockVerdict], _ source: OuterSource
    ) -> [Warning] {
        guard let tunnel, tunnel.ipip?.isUnpinned == true else { return [] }
        let tunnelled = Set(blocks.lazy.filter { $0.decision.verdict == .tunnel }.map { Int($0.block.node) })
        var names: [IPv4Address: [String]] = [:]
        for index in tunnelled.sorted() where topology.nodes.indices.contains(index) {
            let node = topology.nodes[index]
            guard let chosen = source.address(to: node.address.address), chosen != local.address.address else {
                continue
            }
            names[chosen, default: []].append(node.name)
        }
        return names.sorted { $0.key < $1.key }.map { .outerSource($0.key, to: $0.value, local, device: tunnel.name) }
    }

    private static func peers(local: LocalNode, topology: Topology) -> [TunnelPeer] {
        var counts = [Int](repeating: 0, count: topology.nodes.count)
        for block in topology.blocks where block.node >= 0 { counts[Int(block.node)] += 1 }
        var prefixes = counts.map { count in
            var list: [IPv4Prefix] = []
            list.reserveCapacity(count)
            return list
        }
        let hasOccupants = !topology.occupants.isEmpty
        for block in topology.blocks where block.node >= 0 {
            // Nobody may speak for an address of the underlay by claiming a block around it.
            if block.prefix.contains(local.address.address) { continue }
            if hasOccupants && topology.occupants[block.prefix] != nil { continue }
            prefixes[Int(block.node)].append(block.prefix)
        }
        return topology.nodes.indices.compactMap { index in
            let node = topology.nodes[index]
            guard node.name != local.name, node.address.address != local.address.address,
                !topology.shadowedNodes.contains(Int32(index))
            else { return nil }
            return TunnelPeer(
                name: node.name, address: node.address.address, tunnelAddress: node.tunnelAddress,
                prefixes: prefixes[index])
        }
    }

    private static func warnings(local: LocalNode, own: Node?, underlay: Underlay) -> [Warning] {
        var warnings: [Warning] = []
        if let own, own.address != local.address {
            warnings.append(.nodeDiffersFromConfig(own, config: local.address))
        }
        if underlay.link == nil { warnings.append(.addressNotOnHost(local.address)) }
        return warnings
    }
}

/// What the encapsulation costs.
enum IPIP {
    /// Bytes of an outer header without options (RFC 2003 section 3.1).
    static let overhead = 20

    /// The tunnel device's MTU over an underlay device, as far as IPv4 and the kernel allow one: at least 68 (RFC 791),
    /// and 65,535 with the outer header at most.
    static func tunnelMTU(underlay: Int) -> Int {
        min(max(underlay - overhead, 68), 65_535 - overhead)
    }

    /// The MTU that a tunnel route needs of its own, because outer packets have a narrower `path` than the device is
    /// made for; 0 for none. By it the kernel answers or fragments inner packets before they are encapsulated.
    static func routeMTU(path: Int?, device: Int) -> UInt16 {
        guard let path else { return 0 }
        let inner = tunnelMTU(underlay: path)
        return inner < device ? UInt16(inner) : 0
    }
}

extension Route {
    /// The route that carries a decision out; nil for an unrouted block. Only tunnel routes take the `mtu`.
    init?(_ destination: IPv4Prefix, _ decision: Decision, peer: IPv4Address, source: IPv4Address, mtu: UInt16) {
        switch decision.verdict {
        case .unrouted:
            return nil
        case .local:
            self.init(destination: destination, kind: .blackhole, metric: Route.blackholeMetric)
        case .tunnel:
            self.init(
                destination: destination, gateway: peer, link: Route.tunnelLink, source: source, mtu: mtu,
                flags: .onlink)
        case .direct:
            guard let path = decision.path else { return nil }
            self.init(
                destination: destination, gateway: path.gateway ?? peer, link: path.link,
                flags: path.gatewayIsOnlink ? .onlink : [])
        }
    }
}

/// Which routes of others stand where ours would: same destination, same metric. Both lists ascend, so they are merged.
private struct ForeignRoutes {
    private let routes: [(key: UInt64, metric: UInt32, routeProtocol: UInt8, predecessor: Predecessor?)]
    private var next = 0

    init(_ others: [(route: UnderlayRoute, predecessor: Predecessor?)]) {
        routes = others.map {
            (ForeignRoutes.key($0.route.destination), $0.route.metric, $0.route.routeProtocol, $0.predecessor)
        }.sorted { ($0.key, $0.metric, $0.routeProtocol) < ($1.key, $1.metric, $1.routeProtocol) }
    }

    /// The route in the way.
    ///
    /// - Precondition: destinations ascend from call to call.
    mutating func holder(of route: Route) -> RouteConflict? {
        let key = ForeignRoutes.key(route.destination)
        while next < routes.count && routes[next].key < key { next += 1 }
        return routes[next...].prefix { $0.key == key }.first { $0.metric == route.metric }.map {
            RouteConflict(
                destination: route.destination, routeProtocol: $0.routeProtocol, predecessor: $0.predecessor)
        }
    }

    private static func key(_ prefix: IPv4Prefix) -> UInt64 {
        UInt64(prefix.address.rawValue) << 8 | UInt64(prefix.length)
    }
}
