// How the kernel would reach a peer, with everything of ours left out.

import Net
import Overlay
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
