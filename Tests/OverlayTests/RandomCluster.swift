// Clusters with every trouble that a datastore can hold, small enough that troubles meet.

import Net
import Overlay
import TestSupport

struct RandomCluster {
    var local: LocalNode
    var state: ClusterState
    var facts: HostFacts

    init(_ random: inout SeededGenerator) {
        // Underlay and pools share 10.0.0.0/16 now and then, so that blocks around node addresses occur.
        let base: UInt32 = random.oneIn(3) ? 0x0A00_0000 : 0x0AF4_0000
        let nodes = (0..<Int.random(in: 1...12, using: &random)).map { index in
            Node(
                name: "n\(index)",
                address: IPv4InterfaceAddress(
                    address: IPv4Address(
                        rawValue: 0x0A00_0000 | .random(in: 0...2, using: &random) << 8
                            | .random(in: 1...40, using: &random)),
                    prefixLength: random.oneIn(6) ? .random(in: 16...32, using: &random) : 24),
                tunnelAddress: random.oneIn(3)
                    ? nil
                    : random.oneIn(2)
                        ? IPv4Address(rawValue: 0x0AC0_0000 + UInt32(index))
                        : IPv4Address(rawValue: base | .random(in: 0..<256, using: &random)))
        }
        let pools = (0..<Int.random(in: 1...3, using: &random)).map { index in
            Pool(
                name: "p\(index)",
                prefix: IPv4Prefix(
                    containing: IPv4Address(rawValue: base | .random(in: 0...3, using: &random) << 10),
                    length: .random(in: 16...22, using: &random)),
                ipipMode: IPIPMode.allCases.randomElement(using: &random) ?? .never)
        }
        let blocks = (0..<Int.random(in: 0...60, using: &random)).map { _ in
            Block(
                prefix: IPv4Prefix(
                    containing: IPv4Address(rawValue: base | .random(in: 0..<4096, using: &random)),
                    length: random.oneIn(3) ? 32 : .random(in: 24...28, using: &random)),
                node: random.oneIn(15) ? "ghost" : "n\(Int.random(in: 0..<nodes.count, using: &random))",
                created: random.oneIn(2) ? .max : .random(in: 0...3, using: &random))
        }
        state = ClusterState(nodes: nodes, pools: pools, blocks: blocks)
        let own = nodes[Int.random(in: 0..<nodes.count, using: &random)]
        local = LocalNode(
            name: own.name, address: own.address, ipipMode: IPIPMode.allCases.randomElement(using: &random))
        if random.oneIn(2) { local.ipipMode = nil }
        var routes = random.oneIn(8) ? [] : [Host.defaultRoute]
        routes.append(Host.connected(own.address.prefix))
        for block in blocks where random.oneIn(20) {
            routes.append(
                UnderlayRoute(
                    destination: block.prefix, gateway: "10.0.0.99", link: 2, metric: random.oneIn(2) ? 0 : 50))
        }
        facts = Host.facts(own.address, routes: routes)
    }

    /// The same facts told in another order.
    func shuffled(_ random: inout SeededGenerator) -> RandomCluster {
        var other = self
        other.state.nodes.shuffle(using: &random)
        other.state.pools.shuffle(using: &random)
        other.state.blocks.shuffle(using: &random)
        other.facts.links.shuffle(using: &random)
        other.facts.underlayRoutes.shuffle(using: &random)
        return other
    }

    var reversed: RandomCluster {
        var other = self
        other.state.nodes.reverse()
        other.state.pools.reverse()
        other.state.blocks.reverse()
        other.facts.links.reverse()
        other.facts.underlayRoutes.reverse()
        return other
    }

    var desired: DesiredState { DesiredState(local, state, facts) }
}
