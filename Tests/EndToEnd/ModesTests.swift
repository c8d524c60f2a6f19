// The three modes, by pool and by node: the route that the kernel has and the packets that pass agree with the verdict.

import Lab
import Net
import Rtnetlink
import Testing

extension EndToEndTests {
    @Suite("Modes")
    struct Modes {
        /// What each mode means for two nodes of one subnet, and for two of different subnets.
        struct Expectation: Sendable, CustomTestStringConvertible {
            var mode: LabMode
            var near: (way: Way, reason: String)
            var far: (way: Way, reason: String)
            var testDescription: String { mode.rawValue }
        }

        static let expectations = [
            Expectation(mode: .never, near: (.direct, "modeNever"), far: (.routed, "modeNever")),
            Expectation(mode: .always, near: (.tunnel, "modeAlways"), far: (.tunnel, "modeAlways")),
            Expectation(mode: .crossSubnet, near: (.direct, "sameSubnet"), far: (.tunnel, "differentSubnet")),
        ]

        @Test("The pool's mode decides within and between subnets, in both directions", arguments: expectations)
        func poolMode(_ expected: Expectation) throws {
            var specification = LabSpecification.threeNodes(poolMode: expected.mode)
            // Only so can plain packets pass between the subnets: what is counted is the agents' choice.
            specification.routerKnowsBlocks = true
            try withLab(specification) { lab in
                for (node, peer, what) in [
                    ("n1", "n2", expected.near), ("n2", "n1", expected.near), ("n1", "n3", expected.far),
                    ("n3", "n1", expected.far),
                ] {
                    try lab.expectRoute(node, to: peer, what.way)
                    try lab.expectVerdict(node, to: peer, what.way, what.reason)
                    try lab.expectTraffic(from: node, to: peer, forth: what.way, back: what.way)
                }
            }
        }

        @Test("The node's own mode wins over the pool's, and each end sends its own way")
        func nodeModeWins() throws {
            var specification = LabSpecification.threeNodes(poolMode: .crossSubnet)
            specification.routerKnowsBlocks = true
            specification.nodes[0].ipipMode = .always
            specification.nodes[2].ipipMode = .never
            try withLab(specification) { lab in
                try lab.expectRoute("n1", to: "n2", .tunnel)
                try lab.expectRoute("n2", to: "n1", .direct)
                try lab.expectTraffic(from: "n1", to: "n2", forth: .tunnel, back: .direct)
                try lab.expectRoute("n1", to: "n3", .tunnel)
                try lab.expectRoute("n3", to: "n1", .routed)
                try lab.expectTraffic(from: "n3", to: "n1", forth: .routed, back: .tunnel)
                try lab.expectRoute("n2", to: "n3", .tunnel)
                try lab.expectTraffic(from: "n2", to: "n3", forth: .tunnel, back: .routed)
            }
        }

        @Test("Without tunnel addresses, a node that sends direct takes in what others tunnel to it")
        func nodesWithoutTunnelAddresses() throws {
            var specification = LabSpecification.twoNodes()
            specification.routerKnowsBlocks = true
            for (index, mode) in [LabMode.always, .never].enumerated() {
                specification.nodes[index].ipipMode = mode
                specification.nodes[index].tunnelAddress = nil
            }
            try withLab(specification) { lab in
                try lab.expectRoute("n1", to: "n3", .tunnel)
                try lab.expectRoute("n3", to: "n1", .routed)
                try lab.expectTraffic(from: "n1", to: "n3", forth: .tunnel, back: .routed)
                try lab.expectTraffic(from: "n3", to: "n1", forth: .routed, back: .tunnel)
            }
        }

        @Test("Blocks of one node follow the modes of their pools, and a pool's new mode at once")
        func poolsDiffer() throws {
            let second = prefix("10.245.2.0/26")
            var specification = LabSpecification.threeNodes(poolMode: .never)
            specification.pools.append(
                PoolSpecification(name: "others", prefix: prefix("10.245.0.0/16"), ipipMode: .always))
            specification.nodes[1].blocks.append(second)
            try withLab(specification) { lab in
                let tunnel = try lab.host("n1").linkIndex("tunl0")
                try lab.expectRoute("n1", to: "n2", .direct)
                #expect(try lab.ownRoute("n1", to: second)?.link == tunnel)

                try lab.write([
                    .pool(PoolSpecification(name: "others", prefix: prefix("10.245.0.0/16"), ipipMode: .never)),
                    .pool(PoolSpecification(name: "pods", prefix: prefix("10.244.0.0/16"), ipipMode: .always)),
                ])
                try lab.expectRoute("n1", to: "n2", .tunnel)
                try waitUntil("the other pool's block to be direct") {
                    try lab.ownRoute("n1", to: second).map { $0.link != tunnel } ?? false
                }
                try lab.expectRoute("n2", to: "n1", .tunnel)
                try lab.expectTraffic(from: "n1", to: "n2", forth: .tunnel, back: .tunnel)
            }
        }
    }
}
