// How the kernel would reach a peer, with everything of ours left out.

import Net
import Overlay
import TestSupport
import Testing

@Suite("Underlay")
struct UnderlayTests {
    private let local = LocalNode(name: "n1", address: "10.0.1.1/24")

    private func underlay(_ routes: [UnderlayRoute]) -> Underlay {
        Underlay(facts: Host.facts(routes: routes), local: local)
    }

    @Test("the longest prefix wins, whatever its metric")
    func longest() {
        let underlay = underlay([
            UnderlayRoute(destination: "10.0.2.0/24", gateway: "10.0.1.3", link: 2, metric: 900),
            UnderlayRoute(destination: "10.0.0.0/8", gateway: "10.0.1.4", link: 2),
        ])
        #expect(underlay.path(to: "10.0.2.1") == UnderlayPath(gateway: "10.0.1.3", link: 2))
        #expect(underlay.path(to: "10.0.3.1") == UnderlayPath(gateway: "10.0.1.4", link: 2))
        #expect(underlay.path(to: "11.0.0.1") == nil)
    }

    @Test("of one prefix the lowest metric wins, in any order of the facts", arguments: [false, true])
    func metric(_ reversed: Bool) {
        let routes = [
            UnderlayRoute(destination: "10.0.2.0/24", gateway: "10.0.1.3", link: 2, metric: 200),
            UnderlayRoute(destination: "10.0.2.0/24", gateway: "10.0.1.4", link: 3, metric: 100),
            UnderlayRoute(destination: "10.0.2.0/24", gateway: "10.0.1.5", link: 2, metric: 300),
        ]
        let found = underlay(reversed ? routes.reversed() : routes).path(to: "10.0.2.1")
        #expect(found == UnderlayPath(gateway: "10.0.1.4", link: 3))
    }

    @Test("routes that the kernel holds alike are told apart the same way in any order", arguments: [false, true])
    func tie(_ reversed: Bool) {
        let routes = [
            UnderlayRoute(destination: "10.0.2.0/24", gateway: "10.0.1.9", link: 2),
            UnderlayRoute(destination: "10.0.2.0/24", gateway: "10.0.1.3", link: 2),
        ]
        #expect(underlay(reversed ? routes.reversed() : routes).path(to: "10.0.2.1")?.gateway == "10.0.1.3")
    }

    @Test("nothing leads to an address that stands on this host, on whatever device")
    func hostAddress() {
        var facts = Host.facts(adding: [UnderlayRoute(destination: "10.0.1.2/32", link: 2)])
        #expect(Underlay(facts: facts, local: local).path(to: "10.0.1.2") != nil)
        facts.addresses.append(LinkAddress(link: Host.eth1.index, address: "10.0.1.2/32"))
        let underlay = Underlay(facts: facts, local: local)
        #expect(underlay.path(to: "10.0.1.2") == nil && underlay.pathMTU(to: "10.0.1.2") == nil)
        #expect(underlay.path(to: "10.0.1.3") != nil && underlay.link == Host.eth0)
        let peer = Node(name: "n2", address: "10.0.1.2/24")
        for mode in IPIPMode.allCases {
            let state = ClusterState(
                nodes: [peer], pools: [Pool(name: "pods", prefix: "10.244.0.0/16", ipipMode: mode)],
                blocks: [Block(prefix: "10.244.2.0/26", node: "n2")])
            let desired = DesiredState(local, state, facts)
            #expect(desired.routes.isEmpty && desired.codes == ["noUnderlayRoute"])
        }
    }

    @Test("among random nested routes the longest match is the one that a plain scan finds", arguments: 0..<20)
    func scan(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let ends: [UInt32] = [0, 1, .max - 1, .max]
        for _ in 0..<20 {
            let routes = (0..<Int.random(in: 0...30, using: &random)).map { index in
                let near = UInt32.random(in: 0..<256, using: &random)
                let address = random.oneIn(2) ? near : ~near
                let prefix = IPv4Prefix(
                    containing: IPv4Address(rawValue: address), length: .random(in: 0...32, using: &random))
                return UnderlayRoute(destination: prefix, link: 2, metric: UInt32(index))
            }
            let underlay = underlay(
                routes.map { route in
                    var marked = route
                    marked.gateway = IPv4Address(rawValue: route.metric)
                    return marked
                })
            for raw in ends + (0..<64).map({ _ in UInt32.random(in: 0..<260, using: &random) }).flatMap({ [$0, ~$0] }) {
                let address = IPv4Address(rawValue: raw)
                let best = routes.filter { $0.destination.contains(address) }
                    .max { ($0.destination.length, $1.metric) < ($1.destination.length, $0.metric) }
                #expect(underlay.path(to: address)?.gateway?.rawValue == best?.metric)
            }
        }
    }

    @Test("a blackhole hides a wider usable route")
    func blackhole() {
        let underlay = underlay([
            Host.defaultRoute, UnderlayRoute(destination: "10.0.2.0/24", link: 2, isUsable: false),
        ])
        #expect(underlay.path(to: "10.0.2.1") == nil)
        #expect(underlay.path(to: "10.0.3.1") != nil)
    }

    @Test("a route through the tunnel is not the underlay's: the next wider one counts")
    func tunnel() {
        let underlay = underlay([
            Host.defaultRoute, UnderlayRoute(destination: "10.0.2.0/24", link: Host.tunnel.index, routeProtocol: 4),
        ])
        #expect(underlay.path(to: "10.0.2.1") == UnderlayPath(gateway: Host.gateway, link: 2))
    }

    @Test("the underlay's device is the one that carries the node's address, never the tunnel")
    func link() {
        var facts = Host.facts()
        facts.addresses = [
            LinkAddress(link: Host.tunnel.index, address: "10.0.1.1/32"),
            LinkAddress(link: Host.eth1.index, address: "10.0.1.1/24"),
        ]
        #expect(Underlay(facts: facts, local: local).link == Host.eth1)
        facts.addresses = []
        #expect(Underlay(facts: facts, local: local).link == nil)
    }
}
