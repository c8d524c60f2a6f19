// What other overlays left: whose it is, and in which steps it gives way without an address ever being without a route.

import Net
import Overlay
import Testing

@Suite("Adoption")
struct AdoptionTests {
    private static let local = LocalNode(name: "n1", address: "10.0.1.1/24", ipipMode: .crossSubnet)
    private static let nodes = [
        Node(name: "n1", address: "10.0.1.1/24", tunnelAddress: "10.244.1.0"),
        Node(name: "n2", address: "10.0.1.2/24"), Node(name: "n3", address: "10.0.2.1/24"),
    ]
    private static let blocks = [
        Block(prefix: "10.244.1.0/26", node: "n1"), Block(prefix: "10.244.2.0/26", node: "n2"),
        Block(prefix: "10.244.3.0/26", node: "n3"),
    ]
    /// As above, with the whole of each node's /24.
    private static let wholeBlocks = blocks.flatMap { block in
        (UInt32(0)..<4).map { quarter in
            let address = IPv4Address(rawValue: block.prefix.address.rawValue + 64 * quarter)
            return Block(prefix: IPv4Prefix(containing: address, length: 26), node: block.node)
        }
    }
    private static let flannel = Link(index: 20, name: "flannel.ipip", mtu: 1480, isUp: true, kind: "ipip")
    private static let fallback = Link(index: 21, name: "tunl1", mtu: 1480, isUp: true, kind: "ipip")
    private static let workload = Link(index: 22, name: "caliw1", mtu: 1480, isUp: true, kind: "veth")
    private static let all = Set(Predecessor.allCases)

    private static func facts(_ routes: [UnderlayRoute], links: [Link] = [flannel, fallback, workload]) -> HostFacts {
        var facts = Host.facts(adding: routes)
        facts.links += links
        return facts
    }

    private static func desired(
        _ facts: HostFacts, adopting: Set<Predecessor> = all, blocks: [Block] = blocks
    ) -> DesiredState {
        DesiredState(
            local: local,
            topology: Topology(
                ClusterState(nodes: nodes, pools: [Pool(name: "pods", prefix: "10.244.0.0/16")], blocks: blocks)),
            facts: facts, adopting: adopting)
    }

    private static func route(
        _ destination: IPv4Prefix, via gateway: IPv4Address? = nil, link: Link = fallback, of number: UInt8 = 12,
        metric: UInt32 = 0
    ) -> UnderlayRoute {
        UnderlayRoute(
            destination: destination, gateway: gateway, link: link.index, metric: metric, routeProtocol: number)
    }

    private static func blackhole(_ destination: IPv4Prefix, of number: UInt8 = 12) -> UnderlayRoute {
        UnderlayRoute(destination: destination, link: 0, routeProtocol: number, isUsable: false, kind: .blackhole)
    }

    /// What Calico leaves with BIRD on a host like n1.
    private static let calico = [
        blackhole("10.244.1.0/26"), route("10.244.1.2/32", link: workload, of: 80),
        route("10.244.2.0/26", via: "10.0.1.2", link: Host.eth0), route("10.244.3.0/26", via: "10.0.2.1"),
    ]

    /// What flannel leaves with its ipip backend.
    private static let flannelRoutes = [
        route("10.244.2.0/24", via: "10.0.1.2", link: flannel, of: 3),
        route("10.244.3.0/24", via: "10.0.2.1", link: flannel, of: 3),
    ]

    @Test("A route is a predecessor's by its number, its device and its place in a pool", arguments: cases)
    func recognised(route: UnderlayRoute, maker: Predecessor?) {
        let left = Self.desired(Self.facts([route])).leftovers
        #expect(left == (maker.map { [Leftover(route: route, predecessor: $0)] } ?? []))
    }

    private static let cases: [(UnderlayRoute, Predecessor?)] = [
        (route("10.244.3.0/26", via: "10.0.2.1"), .bird),
        (route("10.244.3.0/26", via: "10.0.1.254", link: Host.eth0, metric: 32), .bird),
        (blackhole("10.244.1.0/26"), .bird),
        (route("10.244.3.0/26", via: "10.0.2.1", of: 80), .felix),
        (blackhole("10.244.1.0/26", of: 80), .felix),
        (route("10.244.3.0/24", link: fallback, of: 17), .kubeRouter),
        (route("10.244.3.0/24", via: "10.0.2.1", link: flannel, of: 3), .flannel),
        // With DirectRouting.
        (route("10.244.2.0/24", via: "10.0.1.2", link: Host.eth0, of: 3), .flannel),
        // An administrator's, by the same number.
        (route("10.244.2.0/24", via: "10.0.1.77", link: Host.eth0, of: 3), nil),
        (route("10.244.3.0/26", via: "10.0.2.1", of: 4), nil),
        // Workloads of this host.
        (route("10.244.1.2/32", link: workload, of: 80), nil),
        (route("10.244.1.2/32", link: workload, of: 3), nil),
        (route("10.244.1.0/24", link: workload, of: 2), nil),
        // The underlay's own routing.
        (route("10.0.9.0/24", via: "10.0.1.254", link: Host.eth0), nil),
        (route("0.0.0.0/0", via: "10.0.1.254", link: Host.eth0, metric: 32), nil),
        (UnderlayRoute(destination: "10.244.3.0/26", link: 0, routeProtocol: 12, isUsable: false, kind: .other), nil),
    ]

    @Test("Without adoption they are foreign: in the way with their maker's name, and nothing of theirs is touched")
    func foreign() {
        let desired = Self.desired(Self.facts(Self.calico), adopting: [])
        #expect(
            desired.conflicts == [
                RouteConflict(destination: "10.244.2.0/26", routeProtocol: 12, predecessor: .bird),
                RouteConflict(destination: "10.244.3.0/26", routeProtocol: 12, predecessor: .bird),
            ])
        #expect(desired.codes == ["leftovers", "foreignRoute", "foreignRoute"])
        #expect(desired.warnings[0].message.contains("3 routes of bird (10.244.1.0/26, 10.244.2.0/26, 10.244.3.0/26)"))
        #expect(desired.warnings[1].message.contains("protocol 12 (bird)"))
        #expect(desired.adoption.isEmpty && desired.adoption.kept.isEmpty)
        var model = PlanModel(Observed(), facts: Self.facts(Self.calico))
        model.settle { Self.desired($0, adopting: []) }
        #expect(model.facts == Self.facts(Self.calico))
    }

    @Test(
        "With it they give way, one by one, and no address is ever without a route", arguments: [calico, flannelRoutes])
    func taken(routes: [UnderlayRoute]) {
        let facts = Self.facts(routes)
        let before = Set(routes.map(\.destination))
        var model = PlanModel(Observed(), facts: facts)
        model.settle { Self.desired($0, blocks: Self.wholeBlocks) }
        let after = Self.desired(model.facts, blocks: Self.wholeBlocks)
        #expect(after.leftovers.isEmpty && after.conflicts.isEmpty && after.warnings.isEmpty)
        #expect(model.observed.routes == after.routes)
        // Who serves a workload stays.
        #expect(
            model.facts.underlayRoutes.contains { $0.link == Self.workload.index }
                == routes.contains { $0.link == Self.workload.index })
        for (ours, theirs) in model.tables {
            for block in Self.wholeBlocks.map(\.prefix) where before.contains(where: { $0.contains(block) }) {
                let isRouted =
                    ours.contains { $0.destination.contains(block) }
                    || theirs.contains { $0.destination.contains(block) }
                #expect(isRouted, "\(block)")
            }
        }
        // An agent without the flag has nothing to do on what is left.
        let plain = Self.desired(model.facts, adopting: [], blocks: Self.wholeBlocks)
        #expect(Plan(desired: plain, observed: model.observed, mayRemove: true).isEmpty)
    }

    @Test("A plan says each of the steps, those that wait for the others too")
    func lines() {
        let facts = Self.facts(Self.calico)
        let desired = Self.desired(facts)
        var observed = PlanModel(Observed(), facts: facts).observed
        observed.isCarried = true
        let plan = Plan(desired: desired, observed: observed, mayRemove: true)
        let names = Dictionary(uniqueKeysWithValues: facts.links.map { ($0.index, $0.name) })
        let lines = (plan.steps + plan.later).map { "\(StepText($0, device: "tunl0", names: names))" }
        #expect(
            lines.suffix(5) == [
                "route add 10.244.1.0/26 blackhole proto 112 metric 2147418112",
                "route replace 10.244.2.0/26 via 10.0.1.2 dev eth0 proto 112 (was via 10.0.1.2 dev eth0 proto bird)",
                "route replace 10.244.3.0/26 via 10.0.2.1 dev tunl0 proto 112 src 10.244.1.0 onlink "
                    + "(was via 10.0.2.1 dev tunl1 proto bird)",
                "route remove 10.244.1.0/26 blackhole proto bird",
                "device remove flannel.ipip (kind ipip, no longer used)",
            ])
        #expect(plan.steps.count == lines.count - 2)
    }

    @Test("The device of flannel goes last, and not while a route needs it")
    func device() {
        var model = PlanModel(Observed(), facts: Self.facts(Self.flannelRoutes))
        model.settle { Self.desired($0, blocks: Self.wholeBlocks) }
        #expect(!model.facts.links.contains(Self.flannel))
        #expect(model.steps.last == .adoption(.removeDevice(Self.flannel)))

        // Nobody knows this one.
        let unknown = Self.route("10.244.9.0/24", via: "10.0.9.9", link: Self.flannel, of: 3)
        var other = PlanModel(Observed(), facts: Self.facts(Self.flannelRoutes + [unknown]))
        other.settle { Self.desired($0, blocks: Self.wholeBlocks) }
        #expect(other.facts.links.contains(Self.flannel))
        #expect(other.facts.underlayRoutes.contains(unknown))
        #expect(Self.desired(other.facts, blocks: Self.wholeBlocks).codes == ["leftoversKept"])

        // Named as our own device, it is ours.
        var local = Self.local
        local.tunnelDevice = Self.flannel.name
        let own = DesiredState(
            local: local, topology: Topology(ClusterState()), facts: Self.facts([]), adopting: Self.all)
        #expect(own.adoption.devices.isEmpty)
    }

    @Test(
        "What the datastore does not stand for stays",
        arguments: [
            // No block, or not all of it.
            (route("10.244.9.0/26", via: "10.0.2.1"), false), (route("10.244.2.0/24", via: "10.0.1.2"), false),
            (blackhole("10.244.9.0/26"), false),
            // A borrowed address of which the datastore does not tell.
            (route("10.244.2.9/32", via: "10.0.2.1"), false), (route("10.244.1.9/32", via: "10.0.2.1"), false),
            // Said already, by whatever device.
            (route("10.244.2.9/32", via: "10.0.1.2"), true), (blackhole("10.244.1.32/28"), true),
            // About a block, the datastore decides.
            (route("10.244.2.0/26", via: "10.0.2.1", metric: 32), true), (blackhole("10.244.3.0/26"), true),
        ])
    func kept(route: UnderlayRoute, goes: Bool) {
        let desired = Self.desired(Self.facts([route]))
        let left = Leftover(route: route, predecessor: .bird)
        #expect(desired.adoption.superseded == (goes ? [left] : []))
        #expect(desired.adoption.kept == (goes ? [] : [left]))
        #expect(desired.codes == (goes ? [] : ["leftoversKept"]))
    }

    @Test("An aggregate goes when blocks of ours make up the whole of it")
    func aggregate() {
        let quarters: [IPv4Prefix] = ["10.244.4.0/26", "10.244.4.64/26", "10.244.4.128/26", "10.244.4.192/26"]
        let route = Self.route("10.244.4.0/24", via: "10.0.2.1", link: Self.flannel, of: 3)
        for count in 1...4 {
            let blocks = quarters.prefix(count).map { Block(prefix: $0, node: "n3") }
            let desired = Self.desired(Self.facts([route]), blocks: blocks)
            #expect(desired.adoption.superseded.count == (count == 4 ? 1 : 0), "\(count)")
        }
    }

    @Test("A place that somebody else holds too is left to them")
    func severalOfOnePlace() {
        let bird = Self.route("10.244.3.0/26", via: "10.0.2.1")
        let other = Self.route("10.244.3.0/26", via: "10.0.1.9", link: Host.eth0, of: 4)
        let contested = Self.desired(Self.facts([bird, other]))
        #expect(contested.conflicts == [RouteConflict(destination: "10.244.3.0/26", routeProtocol: 4)])
        #expect(contested.adoption.kept.map(\.route) == [bird])

        // Two of predecessors: both go.
        let felix = Self.route("10.244.3.0/26", via: "10.0.2.1", of: 80)
        var model = PlanModel(Observed(), facts: Self.facts([bird, felix]))
        model.settle { Self.desired($0) }
        #expect(Self.desired(model.facts).leftovers.isEmpty)
        #expect(model.observed.routes == Self.desired(model.facts).routes)
    }

    @Test("One that is left alone keeps its routes while another's are taken over")
    func someOnly() {
        let bird = Self.route("10.244.3.0/26", via: "10.0.2.1")
        let felix = Self.route("10.244.2.0/26", via: "10.0.1.2", of: 80)
        let desired = Self.desired(Self.facts([bird, felix]), adopting: [.felix])
        #expect(desired.adoption.superseded.map(\.route) == [felix])
        #expect(desired.conflicts.map(\.predecessor) == [.bird])
        #expect(desired.codes == ["foreignRoute"])
    }

    @Test("A route of ours that the kernel does not take keeps the leftover in its place")
    func refused() {
        let aggregate = Self.route("10.244.3.0/24", via: "10.0.2.1", link: Self.flannel, of: 3)
        let blocks = [Block(prefix: "10.244.3.0/25", node: "n3"), Block(prefix: "10.244.3.128/25", node: "n3")]
        let desired = Self.desired(Self.facts([aggregate]), blocks: blocks)
        let half = Observed(routes: Array(desired.routes.prefix(1)))
        let plan = Plan(desired: desired, observed: half, mayRemove: true)
        #expect(!plan.steps.contains { if case .adoption = $0 { true } else { false } })
        #expect(plan.later.count == 2)
        let whole = Plan(desired: desired, observed: Observed(routes: desired.routes), mayRemove: true)
        #expect(whole.steps.last == .adoption(.remove(Leftover(route: aggregate, predecessor: .flannel))))
    }
}
