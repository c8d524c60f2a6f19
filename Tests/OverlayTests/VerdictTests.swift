// The decision itself: each vector, the symmetry of two ends, and whose mode counts.

import Net
import Overlay
import TestSupport
import Testing

@Suite("Verdict")
struct VerdictTests {
    @Test("each reason comes in its order of precedence, with its route and its warnings", arguments: VerdictVector.all)
    func vector(_ vector: VerdictVector) {
        let desired = DesiredState(vector.localNode, vector.cluster, vector.facts)
        let decision = desired.decision(for: vector.block)
        #expect(decision?.verdict == vector.verdict)
        #expect(decision?.reason == vector.reason)
        #expect(decision?.obstacle == vector.obstacle)
        #expect(desired.routes == (vector.route.map { [$0] } ?? []))
        #expect(desired.codes == vector.warnings)
    }

    @Test("the vectors leave no reason and no obstacle of a block out")
    func complete() {
        #expect(Set(VerdictVector.all.map(\.reason)) == Set(Reason.allCases))
        let obstacles: Set<Obstacle> = [
            .noPool, .noNode, .noUnderlayRoute, .duplicateAddress, .containsOwnAddress, .containsPeerAddress,
        ]
        #expect(Set(VerdictVector.all.compactMap(\.obstacle)) == obstacles)
    }

    @Test("two nodes with one mode choose the same way for each other, but for notOnLink", arguments: 0..<20)
    func symmetry(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        for _ in 0..<500 {
            // Few addresses and long prefixes, so that every relation of two subnets comes up.
            func interface() -> IPv4InterfaceAddress {
                IPv4InterfaceAddress(
                    address: IPv4Address(rawValue: 0x0A00_0000 + .random(in: 0..<64, using: &random)),
                    prefixLength: .random(in: 24...32, using: &random))
            }
            func path() -> UnderlayPath { UnderlayPath(gateway: random.oneIn(3) ? Host.gateway : nil, link: 2) }
            let (one, other) = (interface(), interface())
            guard let mode = IPIPMode.allCases.randomElement(using: &random) else { return }
            func decide(_ here: IPv4InterfaceAddress, _ there: IPv4InterfaceAddress) -> Decision {
                Decision.decide(
                    local: LocalNode(name: "\(here)", address: here), peer: Node(name: "\(there) ", address: there),
                    mode: mode, path: path(), underlayLink: 2)
            }
            let (forth, back) = (decide(one, other), decide(other, one))
            let isFactOfOneHost = forth.reason == .notOnLink || back.reason == .notOnLink
            #expect(forth.verdict == back.verdict && forth.reason == back.reason || isFactOfOneHost)
            if isFactOfOneHost {
                #expect(
                    [.notOnLink, .sameSubnet].contains(forth.reason) && [.notOnLink, .sameSubnet].contains(back.reason))
            }
        }
    }

    @Test("without a mode of its own the node follows each block's pool")
    func poolMode() {
        let state = ClusterState(
            nodes: [Node(name: "n1", address: "10.0.1.1/24"), Node(name: "n2", address: "10.0.2.1/24")],
            pools: [
                Pool(name: "a", prefix: "10.244.0.0/16", ipipMode: .never),
                Pool(name: "b", prefix: "10.245.0.0/16", ipipMode: .always),
                Pool(name: "c", prefix: "10.246.0.0/16", ipipMode: .crossSubnet, disabled: true),
            ],
            blocks: [
                Block(prefix: "10.244.0.0/26", node: "n2"), Block(prefix: "10.245.0.0/26", node: "n2"),
                Block(prefix: "10.246.0.0/26", node: "n2"),
            ])
        let byPool = DesiredState(LocalNode(name: "n1", address: "10.0.1.1/24"), state)
        #expect(byPool.blocks.map(\.decision.reason) == [.modeNever, .modeAlways, .differentSubnet])
        let byNode = DesiredState(LocalNode(name: "n1", address: "10.0.1.1/24", ipipMode: .always), state)
        #expect(byNode.blocks.map(\.decision.reason) == [.modeAlways, .modeAlways, .modeAlways])
    }

    @Test("of pools inside pools the narrowest that holds the whole block counts")
    func nestedPools() {
        let topology = Topology(
            ClusterState(
                nodes: [Node(name: "n2", address: "10.0.1.2/24")],
                pools: [Pool(name: "wide", prefix: "10.244.0.0/16"), Pool(name: "narrow", prefix: "10.244.3.0/28")],
                blocks: [
                    Block(prefix: "10.244.3.0/26", node: "n2"), Block(prefix: "10.244.3.4/32", node: "n2"),
                    Block(prefix: "10.0.0.0/8", node: "n2"),
                ]))
        let names = topology.blocks.map { $0.pool < 0 ? "none" : topology.pools[Int($0.pool)].name }
        #expect(names == ["none", "wide", "narrow"])
    }
}
