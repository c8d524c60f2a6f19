// What comes of the verdicts: routes, peers, the device, conflicts; and what never may.

import Net
import Overlay
import TestSupport
import Testing

@Suite("Desired state")
struct DesiredStateTests {
    private let local = LocalNode(name: "n1", address: "10.0.1.1/24", ipipMode: .crossSubnet)
    private let nodes = [
        Node(name: "n1", address: "10.0.1.1/24", tunnelAddress: "10.244.1.0"),
        Node(name: "n2", address: "10.0.1.2/24", tunnelAddress: "10.244.2.0"),
        Node(name: "n3", address: "10.0.2.1/24"),
    ]
    private let pools = [Pool(name: "pods", prefix: "10.244.0.0/16")]

    private func state(_ blocks: [Block]) -> ClusterState { ClusterState(nodes: nodes, pools: pools, blocks: blocks) }

    @Test("a borrowed address has its own route inside the block's, to its own node")
    func borrowed() {
        let desired = DesiredState(
            local, state([Block(prefix: "10.244.3.7/32", node: "n2"), Block(prefix: "10.244.3.0/26", node: "n3")]))
        #expect(
            desired.routes == [
                Route(
                    destination: "10.244.3.0/26", gateway: "10.0.2.1", link: Route.tunnelLink, source: "10.244.1.0",
                    flags: .onlink),
                Route(destination: "10.244.3.7/32", gateway: "10.0.1.2", link: Host.eth0.index),
            ])
        #expect(desired.peers.map(\.prefixes) == [["10.244.3.7/32"], ["10.244.3.0/26"]])
    }

    @Test("an address that this node borrowed is its own inside the other's block")
    func ownBorrowed() {
        let desired = DesiredState(
            local, state([Block(prefix: "10.244.3.7/32", node: "n1"), Block(prefix: "10.244.3.0/26", node: "n3")]))
        #expect(
            desired.route(to: "10.244.3.7/32")
                == Route(destination: "10.244.3.7/32", kind: .blackhole, metric: Route.blackholeMetric))
        #expect(desired.route(to: "10.244.3.0/26")?.link == Route.tunnelLink)
    }

    @Test("every other node is a peer whatever the mode, also without blocks", arguments: IPIPMode.allCases)
    func peers(_ mode: IPIPMode) {
        var local = local
        local.ipipMode = mode
        let desired = DesiredState(local, state([Block(prefix: "10.244.2.0/26", node: "n2")]))
        #expect(
            desired.peers == [
                TunnelPeer(
                    name: "n2", address: "10.0.1.2", tunnelAddress: "10.244.2.0", prefixes: ["10.244.2.0/26"]),
                TunnelPeer(name: "n3", address: "10.0.2.1"),
            ])
    }

    @Test("nobody may speak for a node's underlay address by claiming a block around it")
    func noPrefixAroundUnderlay() {
        var state = state([
            Block(prefix: "10.0.1.0/26", node: "n3"), Block(prefix: "10.0.2.0/26", node: "n2"),
            Block(prefix: "10.0.9.0/26", node: "n3"),
        ])
        state.pools = [Pool(name: "all", prefix: "10.0.0.0/8")]
        #expect(DesiredState(local, state).peers.map(\.prefixes) == [[], ["10.0.9.0/26"]])
    }

    @Test("a block around a third node's address gets no route: it would draw the tunnel to that node into itself")
    func thirdNode() {
        var state = state([Block(prefix: "10.0.2.0/26", node: "n2")])
        state.pools = [Pool(name: "all", prefix: "10.0.0.0/8", ipipMode: .always)]
        let desired = DesiredState(local, state)
        #expect(desired.decision(for: "10.0.2.0/26")?.obstacle == .containsPeerAddress)
        #expect(desired.routes.isEmpty)
        #expect(desired.warnings.first?.message.contains("n3") == true)
    }

    @Test("the device has the underlay's MTU less 20, the configured one, or that of Ethernet")
    func device() {
        let known = DesiredState(local, state([]))
        #expect(known.device == TunnelDevice(name: "tunl0", mtu: 1480, address: "10.244.1.0"))
        var configured = local
        configured.tunnelMTU = 1400
        configured.tunnelDevice = "pop0"
        #expect(
            DesiredState(configured, state([])).device == TunnelDevice(name: "pop0", mtu: 1400, address: "10.244.1.0"))
        let unknown = DesiredState(local, state([]), HostFacts())
        #expect(unknown.device.mtu == 1480)
        #expect(unknown.codes == ["addressNotOnHost"])
    }

    @Test(
        "an underlay device of an odd MTU gives one that the kernel takes", arguments: [(68, 68), (1_000_000, 65515)])
    func oddMTU(_ underlay: Int, _ tunnel: Int) {
        var facts = Host.facts()
        for index in facts.links.indices { facts.links[index].mtu = underlay }
        #expect(DesiredState(local, state([]), facts).device.mtu == tunnel)
    }

    @Test("a node that never tunnels keeps its tunnel address, for others may tunnel to it")
    func neverKeepsTheAddress() {
        var never = local
        never.ipipMode = .never
        #expect(DesiredState(never, state([])).device.address == "10.244.1.0")
        never.ipipMode = nil
        #expect(DesiredState(never, state([])).device.address == "10.244.1.0")
    }

    @Test("a node without a tunnel address gives the device its own, and its routes no source")
    func noTunnelAddress() {
        let nodes = [Node(name: "n1", address: "10.0.1.1/24"), Node(name: "n3", address: "10.0.2.1/24")]
        let desired = DesiredState(
            local, ClusterState(nodes: nodes, pools: pools, blocks: [Block(prefix: "10.244.3.0/26", node: "n3")]))
        #expect(desired.device.address == "10.0.1.1")
        #expect(desired.route(to: "10.244.3.0/26")?.link == Route.tunnelLink)
        #expect(desired.route(to: "10.244.3.0/26")?.source == .any)
    }

    @Test("the config's address wins over the Node resource's, with a warning")
    func configWins() {
        var elsewhere = local
        elsewhere.address = "10.0.2.9/24"
        let desired = DesiredState(
            elsewhere, state([Block(prefix: "10.244.3.0/26", node: "n3")]), Host.facts("10.0.2.9/24"))
        #expect(desired.decision(for: "10.244.3.0/26")?.reason == .sameSubnet)
        #expect(desired.codes == ["nodeDiffersFromConfig"])
    }

    @Test("a foreign route of the same metric is a conflict and left alone; of another metric it is none")
    func conflicts() {
        func desired(_ owner: String, metric: UInt32) -> DesiredState {
            let foreign = UnderlayRoute(
                destination: "10.244.3.0/26", gateway: "10.0.1.77", link: 2, metric: metric, routeProtocol: 4)
            let noise = [
                UnderlayRoute(destination: "10.244.3.0/27", link: 2),
                UnderlayRoute(destination: "10.244.0.0/16", link: 2),
            ]
            return DesiredState(
                local,
                state([Block(prefix: "10.244.3.0/26", node: owner), Block(prefix: "10.244.4.0/26", node: owner)]),
                Host.facts(adding: noise + [foreign]))
        }
        let conflict = desired("n3", metric: 0)
        #expect(conflict.conflicts == [RouteConflict(destination: "10.244.3.0/26", routeProtocol: 4)])
        #expect(conflict.routes.map(\.destination) == ["10.244.4.0/26"])
        #expect(conflict.codes == ["foreignRoute"])
        let plan = Plan(desired: conflict, observed: Observed(), mayRemove: true)
        #expect(
            !plan.steps.contains {
                if case .route(let step) = $0 { step.route.destination == "10.244.3.0/26" } else { false }
            })

        #expect(desired("n3", metric: 100).conflicts.isEmpty)
        #expect(desired("n1", metric: 0).conflicts.isEmpty)
        #expect(desired("n1", metric: Route.blackholeMetric).conflicts.count == 1)
    }

    @Test("a peer without an underlay route is warned of once, also where pools differ in mode")
    func warnedOnce() {
        var state = state([Block(prefix: "10.244.3.0/26", node: "n3"), Block(prefix: "10.245.3.0/26", node: "n3")])
        state.pools.append(Pool(name: "more", prefix: "10.245.0.0/16", ipipMode: .always))
        var byPool = local
        byPool.ipipMode = nil
        let facts = Host.facts(routes: [Host.connected("10.0.1.0/24")])
        #expect(DesiredState(byPool, state, facts).codes == ["noUnderlayRoute"])
    }

    @Test("no route leads to this node or around a node's address, and destinations ascend", arguments: 0..<40)
    func safety(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        for _ in 0..<25 {
            let cluster = RandomCluster(&random)
            let desired = cluster.desired
            for route in desired.routes {
                #expect(route.gateway != cluster.local.address.address)
                #expect(!route.destination.contains(cluster.local.address.address))
                #expect(!cluster.state.nodes.contains { route.destination.contains($0.address.address) })
                #expect(route.kind == .blackhole || route.gateway != .any)
            }
            #expect(zip(desired.routes, desired.routes.dropFirst()).allSatisfy { $0.destination < $1.destination })
            #expect(desired.blocks.allSatisfy { ($0.decision.obstacle != nil) == ($0.decision.reason == .noRoute) })
            #expect(
                !desired.peers.contains { $0.name == cluster.local.name || $0.address == cluster.local.address.address }
            )
        }
    }

    @Test("forwards, backwards and shuffled, the same facts give the same desired state", arguments: 0..<40)
    func replay(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        for _ in 0..<25 {
            let cluster = RandomCluster(&random)
            let desired = cluster.desired
            for other in [cluster.reversed.desired, cluster.shuffled(&random).desired] {
                #expect(other.routes == desired.routes)
                #expect(other.peers == desired.peers)
                #expect(other.device == desired.device)
                #expect(other.blocks == desired.blocks)
                #expect(other.conflicts == desired.conflicts)
                #expect(other.warnings == desired.warnings)
            }
        }
    }
}
