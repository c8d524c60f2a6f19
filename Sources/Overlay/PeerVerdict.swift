// The cluster by node instead of by block, for people: how this host reaches each of the others.

public import Net

/// How packets for a node's blocks travel.
public struct PeerVerdict: Hashable, Sendable {
    public var node: Node
    /// That of the node's first block; a node without blocks is judged by the mode that its first would have.
    public var decision: Decision
    /// Ascending.
    public var prefixes: [IPv4Prefix]

    /// All nodes but this one, by name.
    public static func all(
        local: LocalNode, topology: Topology, facts: HostFacts, desired: DesiredState
    ) -> [PeerVerdict] {
        var decisions = [Decision?](repeating: nil, count: topology.nodes.count)
        var prefixes = [[IPv4Prefix]](repeating: [], count: topology.nodes.count)
        for verdict in desired.blocks where verdict.block.node >= 0 {
            let node = Int(verdict.block.node)
            if decisions[node] == nil { decisions[node] = verdict.decision }
            prefixes[node].append(verdict.block.prefix)
        }
        let underlay = Underlay(facts: facts, local: local)
        let mode = local.ipipMode ?? topology.pools.first?.ipipMode ?? .never
        return topology.nodes.indices.compactMap { index in
            let node = topology.nodes[index]
            guard node.name != local.name else { return nil }
            let decision =
                decisions[index]
                ?? .decide(
                    local: local, peer: node, mode: mode, path: underlay.path(to: node.address.address),
                    underlayLink: underlay.link?.index)
            return PeerVerdict(node: node, decision: decision, prefixes: prefixes[index])
        }
    }
}
