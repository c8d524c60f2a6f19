// Why packets for one address go the way they go: read off the same decision that the agent applies.

public import Net

/// The story of one destination.
public struct Explanation: Hashable, Sendable {
    /// One condition of CrossSubnet.
    public struct Check: Hashable, Sendable, Encodable {
        public var check: String
        public var holds: Bool
        public var detail: String
    }

    public var destination: IPv4Address
    public var verdict: Verdict
    public var reason: Reason
    public var obstacle: Obstacle?
    public var pool: String?
    public var mode: IPIPMode?
    /// `node` where this node's config decides, `pool` where the pool does.
    public var modeSource: String?
    public var block: IPv4Prefix?
    public var node: String?
    public var peerAddress: IPv4InterfaceAddress?
    public var via: IPv4Address?
    public var device: String?
    public var tier: String?
    /// Bytes of the largest packet that goes this way whole: the device's MTU, or that of the route where it is less.
    public var mtu: Int?
    public var checks: [Check] = []
    /// Whether the kernel has the route that the verdict asks for.
    public var installed: Bool = false
    public var warnings: [Warning] = []

    /// Explains `destination`.
    ///
    /// - Parameters:
    ///   - observed: our routes as they are now.
    ///   - tier: the name of the tier that carries tunnelled packets.
    public init(
        of destination: IPv4Address, local: LocalNode, topology: Topology, facts: HostFacts, desired: DesiredState,
        observed: [Route], tier: String
    ) {
        self.destination = destination
        let index = topology.block(containing: destination)
        let settled = index.map { desired.blocks[$0] }
        let decision =
            settled?.decision
            ?? .unrouted(topology.pool(containing: destination) == nil ? .noPool : .noBlock)
        verdict = decision.verdict
        reason = decision.reason
        obstacle = decision.obstacle

        let poolOfBlock = settled.flatMap { $0.block.pool >= 0 ? topology.pools[Int($0.block.pool)] : nil }
        if let pool = poolOfBlock ?? topology.pool(containing: destination) {
            self.pool = pool.name
            mode = local.ipipMode ?? pool.ipipMode
            modeSource = local.ipipMode == nil ? "pool" : "node"
        }
        if let settled {
            block = settled.block.prefix
            node = topology.owner(of: settled.block)
            if settled.block.node >= 0 {
                let peer = topology.nodes[Int(settled.block.node)]
                if peer.name != local.name { peerAddress = peer.address }
                checks = Explanation.checks(decision, local: local, peer: peer, facts: facts)
            }
            let subjects: Set<String> = [topology.owner(of: settled.block), settled.block.prefix.description]
            warnings = desired.warnings.filter { !subjects.isDisjoint(with: $0.subjects) }
        }
        let wanted = block.flatMap { block in desired.routes.first { $0.destination == block } }
        switch verdict {
        case .tunnel:
            via = peerAddress?.address
            device = local.tunnelDevice
            mtu = wanted.flatMap { $0.mtu == 0 ? nil : Int($0.mtu) } ?? desired.device.mtu
            self.tier = tier
        case .direct:
            via = decision.path?.gateway ?? peerAddress?.address
            let link = facts.links.first { $0.index == decision.path?.link }
            device = link?.name
            mtu = link?.mtu
        case .unrouted:
            // A borrowed address without a route does not stop the kernel from matching the block around it.
            let around = desired.routes.filter { $0.destination.contains(destination) }
            if let wider = around.max(by: { $0.destination.length < $1.destination.length }) {
                warnings.append(.widerRoute(destination, wider: wider.destination))
            }
        case .local:
            break
        }
        installed = wanted.map { observed.contains($0) } ?? false
    }

    private static func checks(_ decision: Decision, local: LocalNode, peer: Node, facts: HostFacts) -> [Check] {
        var checks: [Check] = []
        func contains(_ holds: Bool?, _ name: String, _ prefix: IPv4Prefix, _ address: IPv4Address) {
            guard let holds else { return }
            let detail = "\(prefix) \(holds ? "contains" : "does not contain") \(address)"
            checks.append(Check(check: name, holds: holds, detail: detail))
        }
        contains(
            decision.localPrefixContainsPeer, "localPrefixContainsPeer", local.address.prefix, peer.address.address)
        contains(
            decision.peerPrefixContainsLocal, "peerPrefixContainsLocal", peer.address.prefix, local.address.address)
        if let onLink = decision.isOnLink, let path = decision.path {
            let device = facts.links.first { $0.index == path.link }?.name ?? "device \(path.link)"
            let way = path.gateway.map { "via \($0) dev \(device)" } ?? "on link, dev \(device)"
            checks.append(Check(check: "peerIsOnLink", holds: onLink, detail: "kernel: \(peer.address.address) \(way)"))
        }
        return checks
    }
}

extension Explanation: Encodable {
    private enum CodingKeys: String, CodingKey {
        case destination, verdict, reason, obstacle, pool, mode, modeSource, block, node, peerAddress, via, device, tier
        case mtu, checks, installed, warnings
    }

    /// Every key is always there; what does not apply is null.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(destination.description, forKey: .destination)
        try container.encode(verdict.rawValue, forKey: .verdict)
        try container.encode(reason.rawValue, forKey: .reason)
        try container.encode(obstacle?.rawValue, forKey: .obstacle)
        try container.encode(pool, forKey: .pool)
        try container.encode(mode?.rawValue, forKey: .mode)
        try container.encode(modeSource, forKey: .modeSource)
        try container.encode(block?.description, forKey: .block)
        try container.encode(node, forKey: .node)
        try container.encode(peerAddress?.description, forKey: .peerAddress)
        try container.encode(via?.description, forKey: .via)
        try container.encode(device, forKey: .device)
        try container.encode(tier, forKey: .tier)
        try container.encode(mtu, forKey: .mtu)
        try container.encode(checks, forKey: .checks)
        try container.encode(installed, forKey: .installed)
        try container.encode(warnings, forKey: .warnings)
    }
}
