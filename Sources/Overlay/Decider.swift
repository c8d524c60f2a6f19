// Takes each decision once per peer and mode, and adds what only a block can tell.

internal import Net

/// Decides block by block, remembering what it decided for a peer.
struct Decider {
    private let local: LocalNode
    private let topology: Topology
    private let underlay: Underlay
    /// The mode in force for each pool, and the address of each node: the loop over the blocks touches no reference count.
    private let modes: [IPIPMode]
    private let addresses: [IPv4Address]
    /// Three places a node, one for each mode.
    private var decided: [Decision?]
    private(set) var warnings: [Warning] = []

    init(local: LocalNode, topology: Topology, underlay: Underlay) {
        self.local = local
        self.topology = topology
        self.underlay = underlay
        modes = topology.pools.map { local.ipipMode ?? $0.ipipMode }
        addresses = topology.nodes.map(\.address.address)
        decided = Array(repeating: nil, count: topology.nodes.count * 3)
    }

    /// The underlay address of the block's node; `0.0.0.0` where it has none.
    func address(of block: Topology.SettledBlock) -> IPv4Address {
        block.node >= 0 ? addresses[Int(block.node)] : .any
    }

    mutating func decide(_ block: Topology.SettledBlock) -> Decision {
        guard block.pool >= 0 else { return .unrouted(.noPool) }
        guard block.node >= 0 else { return .unrouted(.noNode) }
        if let obstacle = obstacle(of: block) { return .unrouted(obstacle) }
        let mode = modes[Int(block.pool)]
        let place = Int(block.node) * 3 + mode.index
        if let known = decided[place] { return known }
        let decision = decide(node: block.node, mode: mode)
        decided[place] = decision
        if decision.reason == .noRoute {
            // What is missing does not depend on the mode: warned of once.
            for index in 0..<3 { decided[Int(block.node) * 3 + index] = decision }
        }
        return decision
    }

    /// Why no route may lead to these addresses, whoever owns the block and whatever the mode.
    private mutating func obstacle(of block: Topology.SettledBlock) -> Obstacle? {
        if block.prefix.contains(local.address.address) {
            warnings.append(.blockContainsAddress(block.prefix, node: "this node"))
            return .containsOwnAddress
        }
        guard !topology.occupants.isEmpty, let occupant = topology.occupants[block.prefix] else { return nil }
        let name = topology.nodes[Int(occupant)].name
        warnings.append(.blockContainsAddress(block.prefix, node: name))
        return name == local.name ? .containsOwnAddress : .containsPeerAddress
    }

    private mutating func decide(node index: Int32, mode: IPIPMode) -> Decision {
        let peer = topology.nodes[Int(index)]
        if peer.name != local.name && topology.shadowedNodes.contains(index) { return .unrouted(.duplicateAddress) }
        let decision = Decision.decide(
            local: local, peer: peer, mode: mode, path: underlay.path(to: peer.address.address),
            underlayLink: underlay.link?.index)
        switch (decision.reason, decision.path) {
        case (.hostPrefix, _): warnings.append(.hostPrefix(peer, local: local.address))
        case (.asymmetricPrefix, _): warnings.append(.asymmetricPrefix(peer, local: local.address))
        case (.notOnLink, let path?): warnings.append(.notOnLink(peer, path: path))
        case (.modeNever, let path?):
            if let gateway = path.gateway { warnings.append(.underlayMustRoute(peer, gateway: gateway)) }
        case (.noRoute, _) where decision.obstacle == .noUnderlayRoute: warnings.append(.noUnderlayRoute(peer))
        case (.noRoute, _) where decision.obstacle == .duplicateAddress:
            // Where this node's own resource holds the address too, the topology has warned already.
            if !topology.shadowedNodes.contains(where: { topology.nodes[Int($0)].name == local.name }) {
                warnings.append(.duplicateAddress(peer.address.address, kept: local.name, refused: peer.name))
            }
        default: break
        }
        return decision
    }
}

extension IPIPMode {
    fileprivate var index: Int {
        switch self {
        case .never: 0
        case .always: 1
        case .crossSubnet: 2
        }
    }
}
