// The plan: which steps, in which order, and that doing them makes true what was desired.

import Net
import Overlay
import TestSupport
import Testing

@Suite("Plan")
struct PlanTests {
    private let local = LocalNode(name: "n1", address: "10.0.1.1/24", ipipMode: .always)
    private let nodes = [
        Node(name: "n1", address: "10.0.1.1/24", tunnelAddress: "10.244.1.0"),
        Node(name: "n2", address: "10.0.1.2/24"),
        Node(name: "n3", address: "10.0.2.1/24"),
    ]

    private func desired(_ blocks: [Block], nodes: [Node]? = nil, local: LocalNode? = nil) -> DesiredState {
        DesiredState(
            local ?? self.local,
            ClusterState(
                nodes: nodes ?? self.nodes, pools: [Pool(name: "pods", prefix: "10.244.0.0/16")], blocks: blocks))
    }

    private func routeSteps(_ desired: DesiredState, _ routes: [Route], mayRemove: Bool = true) -> [RouteStep] {
        Plan(desired: desired, observed: Observed(routes: routes), mayRemove: mayRemove).steps.compactMap {
            if case .route(let step) = $0 { step } else { nil }
        }
    }

    private func done(_ desired: DesiredState) -> Observed {
        var model = PlanModel(Observed())
        model.apply(Plan(desired: desired, observed: model.observed, mayRemove: true))
        return model.observed
    }

    private let blocks = [Block(prefix: "10.244.2.0/26", node: "n2"), Block(prefix: "10.244.3.0/26", node: "n3")]

    @Test("from nothing: the peers, the device, its settings, then every route")
    func fromNothing() {
        let desired = desired(blocks)
        #expect(
            Plan(desired: desired, observed: Observed(), mayRemove: false).steps == [
                .peers(desired.peers), .device(.carry(name: "tunl0")), .device(.setMTU(1480)), .device(.setUp),
                .device(.addAddress("10.244.1.0")), .hostSetting(.forwarding),
                .hostSetting(.looseReversePath(device: "tunl0")), .hostSetting(.looseReversePath(device: "eth0")),
                .route(.add(desired.routes[0])), .route(.add(desired.routes[1])),
            ])
    }

    @Test("where all is as it should be, there is nothing to do")
    func nothing() {
        let desired = desired(blocks)
        #expect(Plan(desired: desired, observed: done(desired), mayRemove: true).isEmpty)
        #expect(Plan(desired: desired, observed: done(desired), mayRemove: false).isEmpty)
    }

    @Test("each thing that is amiss gives just its own step")
    func single() {
        let desired = desired(blocks)
        let good = done(desired)
        func steps(_ change: (inout Observed) -> Void) -> [Step] {
            var observed = good
            change(&observed)
            return Plan(desired: desired, observed: observed, mayRemove: true).steps
        }
        #expect(steps { $0.isCarried = false } == [.device(.carry(name: "tunl0"))])
        #expect(steps { $0.device?.mtu = 1500 } == [.device(.setMTU(1480))])
        #expect(steps { $0.device?.isUp = false } == [.device(.setUp)])
        #expect(steps { $0.deviceAddresses = [] } == [.device(.addAddress("10.244.1.0"))])
        #expect(steps { $0.deviceAddresses.append("10.9.9.9/24") } == [.device(.removeAddress("10.9.9.9/24"))])
        #expect(steps { $0.settings["net/ipv4/ip_forward"] = "0" } == [.hostSetting(.forwarding)])
        #expect(steps { $0.peers = nil } == [.peers(desired.peers)])
        #expect(steps { $0.routes.removeFirst() } == [.route(.add(desired.routes[0]))])
    }

    @Test("every removal comes after every addition and replacement, and a new tunnel address before the old one goes")
    func makeBeforeBreak() {
        let before = done(desired(blocks))
        var moved = nodes
        moved[0].tunnelAddress = "10.244.9.0"
        let after = desired(
            [Block(prefix: "10.244.1.0/26", node: "n2"), Block(prefix: "10.244.3.0/26", node: "n3")], nodes: moved)
        let plan = Plan(desired: after, observed: before, mayRemove: true)
        let narrow = plan.steps.last
        #expect(
            plan.steps.dropLast() == [
                .peers([
                    TunnelPeer(name: "n2", address: "10.0.1.2", prefixes: ["10.244.1.0/26", "10.244.2.0/26"]),
                    TunnelPeer(name: "n3", address: "10.0.2.1", prefixes: ["10.244.3.0/26"]),
                ]),
                .device(.addAddress("10.244.9.0")),
                .route(.add(after.routes[0])),
                .route(.replace(before.routes[1], with: after.routes[1])),
                .route(.remove(before.routes[0])),
                .device(.removeAddress("10.244.1.0/32")),
            ])
        #expect(narrow == .peers(after.peers))
    }

    @Test("before the first complete snapshot nothing is taken away, and the second try has nothing left to do")
    func mayNotRemove() {
        let before = done(desired(blocks))
        let partial = desired([], nodes: [nodes[0], nodes[2]])
        let plan = Plan(desired: partial, observed: before, mayRemove: false)
        #expect(plan.isEmpty || plan.steps.count == 1)
        var model = PlanModel(before)
        model.apply(plan)
        #expect(model.observed.routes == before.routes)
        #expect(Set(model.observed.peers ?? []) == Set(before.peers ?? []))
        #expect(Plan(desired: partial, observed: model.observed, mayRemove: false).isEmpty)
    }

    @Test("a former peer is still heard while routes change, and no longer at the end")
    func formerPeer() {
        let before = done(desired(blocks))
        let after = desired([blocks[0]], nodes: Array(nodes[..<2]))
        var heard = Plan(desired: after, observed: before, mayRemove: true).steps.compactMap { step -> [String]? in
            if case .peers(let peers) = step { peers.map(\.name) } else { nil }
        }
        #expect(heard.popLast() == ["n2"])
        // Only the order changes first, if anything.
        #expect(heard.allSatisfy { Set($0) == ["n2", "n3"] })
    }

    @Test("a block that moves is its new node's from the first step")
    func movedBlock() {
        let before = done(desired(blocks))
        let after = desired([blocks[0], Block(prefix: "10.244.3.0/26", node: "n2")])
        let plan = Plan(desired: after, observed: before, mayRemove: true)
        #expect(plan.steps.first == .peers(after.peers))
        #expect(plan.steps.dropFirst() == [.route(.replace(before.routes[1], with: after.routes[1]))])
    }

    @Test("a block that moves here gets its blackhole before the route to its former node goes")
    func movedHere() {
        let before = done(desired([blocks[0]]))
        let after = desired([Block(prefix: "10.244.2.0/26", node: "n1")])
        #expect(
            routeSteps(after, before.routes) == [.add(after.routes[0]), .remove(before.routes[0])])
    }

    @Test("of several routes under one key the wanted one stays, whichever it is; else the first is replaced")
    func duplicates() {
        let desired = desired([blocks[0]])
        let wanted = desired.routes[0]
        var other = wanted
        other.gateway = "10.0.1.9"
        var odd = wanted
        odd.flags.insert(.foreignDetail)
        #expect(routeSteps(desired, [wanted, other]) == [.remove(other)])
        #expect(routeSteps(desired, [other, wanted]) == [.remove(other)])
        #expect(routeSteps(desired, [other, odd]) == [.replace(other, with: wanted), .remove(odd)])
        #expect(routeSteps(desired, [other, odd], mayRemove: false) == [.replace(other, with: wanted)])
        #expect(routeSteps(desired, [wanted, wanted]).isEmpty)
    }

    @Test("a route of another metric or TOS is another route")
    func otherKeys() {
        let desired = desired([blocks[0]])
        let wanted = desired.routes[0]
        var metric = wanted
        metric.metric = 7
        var tos = wanted
        tos.tos = 8
        #expect(routeSteps(desired, [wanted, metric, tos]) == [.remove(metric), .remove(tos)])
        #expect(routeSteps(desired, [metric]) == [.add(wanted), .remove(metric)])
    }

    @Test(
        "doing the plan makes the desired state true, and no destination of both is ever without a route",
        arguments: 0..<40)
    func property(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        for _ in 0..<10 {
            let cluster = RandomCluster(&random)
            var next = cluster
            next.state.blocks = cluster.state.blocks.compactMap { block in
                guard !random.oneIn(4) else { return nil }
                return Block(
                    prefix: block.prefix,
                    node: random.oneIn(3) ? "n\(Int.random(in: 0..<12, using: &random))" : block.node)
            }
            next.local.ipipMode = IPIPMode.allCases.randomElement(using: &random)
            if random.oneIn(4) {
                next.state.nodes.remove(at: Int.random(in: 0..<next.state.nodes.count, using: &random))
            }
            let (old, new) = (done(cluster.desired), next.desired)
            check(from: old, to: new)
        }
    }

    private func check(from old: Observed, to new: DesiredState) {
        var model = PlanModel(old)
        model.apply(Plan(desired: new, observed: old, mayRemove: true))
        #expect(model.observed.routes == new.routes)
        #expect(model.observed.peers == new.peers)
        #expect(
            model.observed.deviceAddresses
                == (new.device.address.map { [host($0)] } ?? []))
        #expect(Plan(desired: new, observed: model.observed, mayRemove: true).isEmpty)
        let lasting = Set(old.routes.map(\.destination)).intersection(new.routes.map(\.destination))
        for state in model.routeStates {
            #expect(lasting.isSubset(of: state.map(\.destination)))
        }

        var careful = PlanModel(old)
        careful.apply(Plan(desired: new, observed: old, mayRemove: false))
        let kept = Set(careful.observed.routes.map(\.destination))
        #expect(
            kept.isSuperset(of: old.routes.map(\.destination)) && kept.isSuperset(of: new.routes.map(\.destination)))
        #expect(Plan(desired: new, observed: careful.observed, mayRemove: false).isEmpty)
        careful.apply(Plan(desired: new, observed: careful.observed, mayRemove: true))
        #expect(careful.observed.routes == new.routes && careful.observed.peers == new.peers)
    }
}
