// What a narrow path to one peer changes: the MTU of its tunnel routes and nothing else.

import Net
import Overlay
import Testing

@Suite("Path MTU")
struct PathMTUTests {
    private let local = LocalNode(name: "n1", address: "10.0.1.1/24", ipipMode: .crossSubnet)
    private let state = ClusterState(
        nodes: [
            Node(name: "n1", address: "10.0.1.1/24"), Node(name: "n2", address: "10.0.1.2/24"),
            Node(name: "n3", address: "10.0.2.1/24"), Node(name: "n4", address: "10.0.3.1/24"),
        ],
        pools: [Pool(name: "pods", prefix: "10.244.0.0/16")],
        blocks: (1...4).map { Block(prefix: IPv4Prefix("10.244.\($0).0/26") ?? "0.0.0.0/0", node: "n\($0)") })

    private func mtus(
        learnt: [IPv4Address: UInt16] = [:], routes: [UnderlayRoute] = [], local: LocalNode? = nil
    ) -> [UInt16] {
        var facts = Host.facts(adding: routes)
        facts.pathMTUs = learnt
        return DesiredState(local ?? self.local, state, facts).routes.map(\.mtu)
    }

    @Test("E4, E10: a learnt path MTU becomes that of the peer's tunnel routes, less 20, and of no other route")
    func learnt() {
        #expect(mtus() == [0, 0, 0, 0])
        #expect(mtus(learnt: ["10.0.2.1": 1300]) == [0, 0, 1280, 0])
        // The direct route is plain routing, whose senders learn for themselves.
        #expect(mtus(learnt: ["10.0.1.2": 1300, "10.0.3.1": 1499]) == [0, 0, 0, 1479])
    }

    @Test("a path as wide as the device is made for, or wider, needs no MTU of its own")
    func wide() {
        #expect(mtus(learnt: ["10.0.2.1": 1500, "10.0.3.1": 9000]) == [0, 0, 0, 0])
        var narrow = local
        narrow.tunnelMTU = 1280
        #expect(mtus(learnt: ["10.0.2.1": 1300, "10.0.3.1": 1299], local: narrow) == [0, 0, 0, 1279])
    }

    @Test("E7: whatever was learnt, an inner MTU is at least 68")
    func least() {
        #expect(mtus(learnt: ["10.0.2.1": 68, "10.0.3.1": 88]) == [0, 0, 68, 68])
    }

    @Test("E10: the MTU of the underlay's route counts alike, and the least of all limits holds")
    func underlayRoute() {
        let narrow = UnderlayRoute(destination: "10.0.2.0/24", gateway: Host.gateway, link: 2, mtu: 1400)
        #expect(mtus(routes: [narrow]) == [0, 0, 1380, 0])
        #expect(mtus(learnt: ["10.0.2.1": 1300], routes: [narrow]) == [0, 0, 1280, 0])
        #expect(mtus(learnt: ["10.0.2.1": 1450], routes: [narrow]) == [0, 0, 1380, 0])
        let wide = UnderlayRoute(destination: "10.0.2.0/24", gateway: Host.gateway, link: 2, mtu: 9000)
        #expect(mtus(routes: [wide]) == [0, 0, 0, 0])
    }

    @Test("E10: a tunnel device that was configured wider than the underlay still drops nothing silently")
    func configuredTooWide() {
        var wide = local
        wide.tunnelMTU = 1500
        #expect(mtus(local: wide) == [0, 0, 1480, 1480])
    }

    @Test("of routes that differ only in their MTU the order of the facts does not decide", arguments: [false, true])
    func order(_ reversed: Bool) {
        let routes = ([1400, 1450] as [UInt32]).map { mtu in
            UnderlayRoute(destination: "10.0.2.0/24", gateway: Host.gateway, link: 2, mtu: mtu)
        }
        #expect(mtus(routes: reversed ? routes.reversed() : routes) == [0, 0, 1380, 0])
    }

    @Test("a change of the path MTU replaces the route in place, and `plan` and `explain` show it")
    func shown() throws {
        let facts = Host.facts()
        var narrow = facts
        narrow.pathMTUs = ["10.0.2.1": 1300]
        let (before, after) = (DesiredState(local, state, facts), DesiredState(local, state, narrow))
        let plan = Plan(desired: after, observed: Observed(routes: before.routes), mayRemove: true)
        let steps = plan.steps.compactMap { if case .route(let step) = $0 { step } else { nil } }
        #expect(steps == [.replace(before.routes[2], with: after.routes[2])])
        let text = try #require(plan.steps.last.map { StepText($0, device: "tunl0", names: [:]).detail })
        #expect(text.contains(" mtu 1280 "), "\(text)")
        let told = Explanation(
            of: "10.244.3.2", local: local, topology: Topology(state), facts: narrow, desired: after,
            observed: after.routes, tier: "userspace")
        #expect(told.mtu == 1280 && told.installed)
    }
}
