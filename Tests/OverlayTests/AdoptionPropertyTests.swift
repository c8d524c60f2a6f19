// Random leftovers on random clusters: at no step is an address without a route that had one.

import Net
import Overlay
import TestSupport
import Testing

@Suite("Adoption of random leftovers")
struct AdoptionPropertyTests {
    private let all = Set(Predecessor.allCases)

    /// A cluster's host with routes of everybody, in, around and beside its blocks.
    private func host(_ random: inout SeededGenerator) -> (cluster: RandomCluster, facts: HostFacts) {
        let cluster = RandomCluster(&random)
        var facts = cluster.facts
        facts.links.append(Link(index: 20, name: "flannel.ipip", mtu: 1480, isUp: true, kind: "ipip"))
        let gateways = cluster.state.nodes.map(\.address.address) + ["10.0.0.99"]
        for block in cluster.state.blocks where random.oneIn(2) {
            let length = UInt8(clamping: Int(block.prefix.length) + .random(in: -3...2, using: &random))
            let isBlackhole = random.oneIn(5)
            facts.underlayRoutes.append(
                UnderlayRoute(
                    destination: IPv4Prefix(
                        containing: block.prefix.address,
                        length: random.oneIn(2) ? block.prefix.length : min(length, 32)),
                    gateway: isBlackhole ? nil : gateways.randomElement(using: &random),
                    link: isBlackhole ? 0 : random.oneIn(2) ? 20 : 2, metric: random.oneIn(3) ? 32 : 0,
                    routeProtocol: [3, 4, 12, 12, 17, 80].randomElement(using: &random) ?? 12,
                    isUsable: !isBlackhole, kind: isBlackhole ? .blackhole : .unicast))
        }
        return (cluster, facts)
    }

    private func hasRoute(_ address: IPv4Address, _ table: ([Route], [UnderlayRoute])) -> Bool {
        table.0.contains { $0.destination.contains(address) } || table.1.contains { $0.destination.contains(address) }
    }

    @Test(arguments: 0..<400)
    func `What gives way is replaced first, and everything else stays`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let (cluster, facts) = host(&random)
        let topology = Topology(cluster.state)
        func desired(_ facts: HostFacts, _ adopting: Set<Predecessor>) -> DesiredState {
            DesiredState(local: cluster.local, topology: topology, facts: facts, adopting: adopting)
        }
        let first = desired(facts, all)
        // As the agent was without the flag.
        var model = PlanModel(Observed(), facts: facts)
        model.settle { desired($0, []) }
        #expect(model.facts == facts)
        model.settle { desired($0, all) }

        let gone = Set(facts.underlayRoutes).subtracting(model.facts.underlayRoutes)
        #expect(gone == Set(first.adoption.superseded.map(\.route)))
        let last = desired(model.facts, all)
        #expect(last.adoption.superseded.isEmpty && last.adoption.kept == first.adoption.kept)
        #expect(last.routes == first.routes && model.observed.routes == last.routes)
        for adopting in [all, []] {
            let plan = Plan(desired: desired(model.facts, adopting), observed: model.observed, mayRemove: true)
            #expect(plan.isEmpty && plan.later.isEmpty, "\(plan.steps)")
        }
        let samples = facts.underlayRoutes.map(\.destination.address) + facts.underlayRoutes.map(\.destination.last)
        for table in model.tables.dropFirst() {
            for address in samples { #expect(hasRoute(address, table), "\(address)") }
        }
    }
}
