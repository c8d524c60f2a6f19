// For which peers programs may send: the whole decision as a table, without a kernel.

import Dataplane
import Net
import Overlay
import Packet
import Rtnetlink
import Testing

@testable import Agent

@Suite("The way of outer packets by programs")
struct RedirectDecisionTests {
    /// This host with one uplink, and a peer behind its gateway that is no neighbour yet.
    struct Scene {
        var link = LinkMessage(index: 2, name: "eth0", mtu: 1500, flags: 0x1003, hardwareType: 1)
        var defaultRoute = UnderlayRoute(
            destination: IPv4Prefix(containing: .any, length: 0), gateway: address("10.0.1.254"), link: 2)
        var facts = ExpressFacts()

        func decide() -> OuterDecision {
            var facts = facts
            facts.links = [link]
            let host = HostFacts(
                links: [Link(index: 2, name: "eth0", mtu: 1500, isUp: true)], underlayRoutes: [defaultRoute])
            let local = LocalNode(
                name: "n1", address: IPv4InterfaceAddress(address: address("10.0.1.1"), prefixLength: 24))
            return RedirectDecider(underlay: Underlay(facts: host, local: local), facts: facts).decide(
                address("10.0.2.1"))
        }
    }

    @Test func `A peer over Ethernet is sent to by the program, over the device that leads there`() {
        let decision = Scene().decide()
        #expect(decision.way == .redirect(link: 2))
        #expect(decision.reason == .program)
        #expect(decision.way.link == 2)
    }

    /// What the kernel itself sees to, packet by packet.
    static let harmless: [@Sendable (inout Scene) -> Void] = [
        { $0.link.flags = 0 },
        { $0.defaultRoute.hasDetail = true },
        { $0.facts.rules = [RuleMessage(priority: 100, table: 1000)] },
        { $0.facts.qdiscs = [QdiscMessage(link: 2, kind: "tbf")] },
        { $0.facts.chains = [FilterChain(family: .ip, table: "t", name: "c", hook: 3, ruleCount: 1)] },
    ]

    @Test(arguments: harmless.indices)
    func `Rules, disciplines, several next hops and a device without carrier are the kernel's to heed`(index: Int) {
        var scene = Scene()
        Self.harmless[index](&scene)
        #expect(scene.decide().way == .redirect(link: 2))
    }

    static let obstacles: [(OuterReason, @Sendable (inout Scene) -> Void)] = [
        (.ipsecPolicies, { $0.facts.ipsecPolicies = 2 }),
        (.noPath, { $0.defaultRoute.isUsable = false }),
        (.noPath, { $0.link.index = 7 }),
        (.routeDetail, { $0.defaultRoute.hasOtherGateway = true }),
        (.notEthernet, { $0.link.hardwareType = 65534 }),
    ]

    @Test(arguments: obstacles.indices)
    func `What a program cannot do right takes the socket`(index: Int) {
        var scene = Scene()
        let (reason, change) = Self.obstacles[index]
        change(&scene)
        #expect(scene.decide().reason == reason)
        #expect(scene.decide().way == .socket)
    }
}

private func address(_ text: String) -> IPv4Address { IPv4Address(text) ?? .any }
