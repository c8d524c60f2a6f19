// By which way outer packets leave: the whole decision as a table, without a kernel.

import Dataplane
import Net
import Overlay
import Packet
import Rtnetlink
import TestSupport
import Testing

@testable import Agent

@Suite("The way of outer packets")
struct OuterDecisionTests {
    /// This host at its best: eth0 with a gateway that answers, one peer beside it, one behind it.
    struct Scene: Sendable {
        static let gateway = address("10.0.1.254")
        static let near = address("10.0.1.2")
        static let far = address("10.0.2.1")

        var link = LinkMessage(
            index: 2, name: "eth0", mtu: 1500, flags: 0x11043, hardwareAddress: [2, 0, 0, 0, 0, 1], hardwareType: 1)
        var defaultRoute = UnderlayRoute(destination: prefix("0.0.0.0/0"), gateway: gateway, link: 2)
        var gateway = NeighbourMessage(
            link: 2, address: gateway, hardwareAddress: [2, 0, 0, 0, 0, 0xfe], state: .reachable)
        var facts = ExpressFacts(
            rules: [
                RuleMessage(priority: 0, table: 255), RuleMessage(priority: 32766, table: 254),
                RuleMessage(priority: 32767, table: 253),
            ])
        var skipsOutput = false
        var learntMTU: UInt16 = 1500

        func decide(_ peer: IPv4Address = far) -> OuterDecision {
            var facts = facts
            facts.links = [
                link, LinkMessage(index: 1, name: "lo", mtu: 65536, flags: 0x10049, hardwareType: 772),
                LinkMessage(index: 3, name: "wg0", mtu: 1420, flags: 0x11043, hardwareType: 65534),
            ]
            facts.neighbours.append(gateway)
            let host = HostFacts(
                links: [Link(index: 2, name: "eth0", mtu: 1500, isUp: true)],
                addresses: [LinkAddress(link: 2, address: interface("10.0.1.1/24"))],
                underlayRoutes: [UnderlayRoute(destination: prefix("10.0.1.0/24"), link: 2), defaultRoute],
                pathMTUs: [Scene.far: learntMTU])
            let local = LocalNode(name: "n1", address: interface("10.0.1.1/24"))
            return OuterDecider(
                underlay: Underlay(facts: host, local: local), facts: facts, skipsOutput: skipsOutput
            ).decide(peer)
        }

        static func way(_ last: UInt8, mtu: Int = 1500, needsConfirmation: Bool = false) -> OuterWay {
            .frame(
                EthernetWay(
                    link: 2, source: EthernetAddress(rawValue: 0x0200_0000_0001),
                    destination: EthernetAddress(rawValue: 0x0200_0000_0000 | UInt64(last)), mtu: mtu,
                    needsConfirmation: needsConfirmation))
        }
    }

    @Test func `A gateway that answers gets frames for the peers behind it`() {
        let decision = Scene().decide()
        #expect(decision.way == Scene.way(0xfe))
        #expect(decision.reason == .neighbourReachable)
        #expect(decision.nextHop == OuterDecision.NextHop(link: 2, address: Scene.gateway))
    }

    @Test func `A peer on the link is its own next hop`() {
        var scene = Scene()
        #expect(scene.decide(Scene.near).reason == .noNeighbour)
        #expect(scene.decide(Scene.near).nextHop?.address == Scene.near, "so that it is noticed when it appears")
        scene.facts.neighbours = [
            NeighbourMessage(link: 2, address: Scene.near, hardwareAddress: [2, 0, 0, 0, 0, 9], state: .reachable)
        ]
        #expect(scene.decide(Scene.near).way == Scene.way(9))
        scene.facts.neighbours[0].link = 3
        #expect(scene.decide(Scene.near).reason == .noNeighbour, "the same address on another device")
    }

    @Test(arguments: [
        (NeighbourMessage.State.reachable, OuterReason.neighbourReachable), (.permanent, .neighbourReachable),
        (.noARP, .neighbourReachable), (.stale, .neighbourStale), (.delay, .neighbourProbed),
        (.probe, .neighbourProbed), (.incomplete, .noNeighbour), (.failed, .noNeighbour),
        (NeighbourMessage.State(), .noNeighbour),
    ])
    func `A frame goes to a neighbour that the kernel would send to, and a stale one is confirmed`(
        state: NeighbourMessage.State, reason: OuterReason
    ) {
        var scene = Scene()
        scene.gateway.state = state
        let decision = scene.decide()
        #expect(decision.reason == reason)
        #expect(
            decision.way
                == (reason == .noNeighbour
                    ? .socket : Scene.way(0xfe, needsConfirmation: reason == .neighbourStale)))
    }

    @Test(arguments: [[], [1, 0, 0x5e, 0, 0, 1], [255, 255, 255, 255, 255, 255], [0, 0, 0, 0, 0, 0], [10, 0, 1, 2]])
    func `An address that is no station's is none`(address: [UInt8]) {
        var scene = Scene()
        scene.gateway.hardwareAddress = address
        #expect(scene.decide().reason == .noNeighbour)
        scene = Scene()
        scene.link.hardwareAddress = address
        #expect(scene.decide().reason == .notEthernet)
    }

    @Test func `The route's own MTU and what was learnt of the path narrow that of the device`() {
        var scene = Scene()
        scene.defaultRoute.mtu = 1400
        #expect(scene.decide().way == Scene.way(0xfe, mtu: 1400))
        scene.defaultRoute.mtu = 9000
        #expect(scene.decide().way == Scene.way(0xfe, mtu: 1500))
        scene.learntMTU = 1300
        #expect(scene.decide().way == Scene.way(0xfe, mtu: 1300))
    }

    /// What stands in the way, whatever the config says.
    static let obstacles: [(OuterReason, @Sendable (inout Scene) -> Void)] = [
        (.linkDown, { $0.link.flags &= ~1 }),
        (.linkDown, { $0.link.flags &= ~0x10000 }),
        (.linkDown, { $0.link.index = 7 }),
        (.notEthernet, { $0.defaultRoute.link = 3 }),
        (.notEthernet, { $0.link.hardwareType = 512 }),
        (.notEthernet, { $0.link.hardwareAddress = [] }),
        (.noPath, { $0.defaultRoute.isUsable = false }),
        (.noPath, { $0.defaultRoute.destination = prefix("10.9.0.0/16") }),
        (.routeDetail, { $0.defaultRoute.hasDetail = true }),
        (.routeDetail, { $0.defaultRoute.hasOtherGateway = true }),
        (.routingRules, { $0.facts.rules.append(RuleMessage(priority: 100, table: 1000)) }),
        (.routingRules, { $0.facts.rules[1].mark = 1 }),
        (.ipsecPolicies, { $0.facts.ipsecPolicies = 1 }),
    ]

    @Test(arguments: obstacles.indices, [false, true])
    func `What is not certain takes the socket, under auto and under always`(index: Int, skipsOutput: Bool) {
        var scene = Scene()
        scene.skipsOutput = skipsOutput
        let (reason, change) = Self.obstacles[index]
        change(&scene)
        #expect(scene.decide().reason == reason)
        #expect(scene.decide().way == .socket)
    }

    /// What only `auto` heeds, with a word of its name.
    static let stages: [(OuterReason, String, @Sendable (inout ExpressFacts) -> Void)] = [
        (.outputRules, "inet f", { $0.chains = [chain(hook: 3, rules: 1)] }),
        (.outputRules, "chain c", { $0.chains = [chain(hook: 4, drops: true)] }),
        (.outputRules, "and 1 more", { $0.chains = [chain(hook: 3, rules: 1), chain(hook: 4, rules: 2)] }),
        (.outputRules, "nat", { $0.legacyTables = ["nat"] }),
        (.queueingDiscipline, "tbf on eth0", { $0.qdiscs = [QdiscMessage(link: 2, kind: "tbf")] }),
        (.queueingDiscipline, "BPF program on eth0", { $0.linksWithPrograms = [2] }),
        (
            .queueingDiscipline, "traffic filter on eth0",
            {
                $0.qdiscs.append(QdiscMessage(link: 2, kind: "clsact", parent: 1))
                $0.linksWithFilters = [2]
            }
        ),
        (
            .queueingDiscipline, "netem",
            { $0.qdiscs = [QdiscMessage(link: 2, kind: "mq"), QdiscMessage(link: 2, kind: "netem", parent: 1)] }
        ),
    ]

    @Test(arguments: stages.indices)
    func `What has to see sent packets keeps them on the socket under auto, and is named`(index: Int) {
        var scene = Scene()
        let (reason, name, change) = Self.stages[index]
        change(&scene.facts)
        #expect(scene.decide().reason == reason)
        #expect(scene.decide().way == .socket)
        #expect(scene.decide().detail.contains(name), "\(scene.decide().detail)")
        scene.skipsOutput = true
        #expect(scene.decide().way == Scene.way(0xfe))
    }

    @Test func `What does not touch sent packets is no obstacle`() {
        var scene = Scene()
        scene.facts.chains = [
            Self.chain(hook: 1, rules: 9), Self.chain(hook: 2, drops: true), Self.chain(hook: 3), Self.chain(hook: 4),
        ]
        scene.facts.qdiscs =
            ["noqueue", "pfifo_fast", "pfifo", "fq_codel", "fq", "mq", "ingress", "clsact"].map {
                QdiscMessage(link: 2, kind: $0)
            } + [QdiscMessage(link: 3, kind: "tbf")]
        #expect(scene.decide().way == Scene.way(0xfe))
    }

    private static func chain(hook: UInt32, drops: Bool = false, rules: Int = 0) -> FilterChain {
        FilterChain(family: .inet, table: "f", name: "c", hook: hook, dropsByDefault: drops, ruleCount: rules)
    }
}

@Suite("check: the express path")
struct HostCheckExpressTests {
    private func findings(
        _ facts: ExpressFacts, _ choice: ExpressChoice = .auto, usesPrograms: Bool = false
    ) -> [HostFinding] {
        let host = HostFacts(
            links: [Link(index: 2, name: "eth0", mtu: 1500, isUp: true)],
            addresses: [LinkAddress(link: 2, address: interface("10.0.1.1/24"))],
            underlayRoutes: [UnderlayRoute(destination: prefix("10.0.1.0/24"), link: 2)])
        let check = HostCheckExpress(
            choice: choice, usesPrograms: usesPrograms, peers: [address("10.0.1.2"), address("10.0.1.3")],
            underlay: Underlay(facts: host, local: LocalNode(name: "n1", address: interface("10.0.1.1/24"))))
        return choice == .never ? check.findings() : check.findings(facts)
    }

    private func facts(_ neighbours: [IPv4Address]) -> ExpressFacts {
        ExpressFacts(
            links: [
                LinkMessage(
                    index: 2, name: "eth0", mtu: 1500, flags: 0x11043, hardwareAddress: [2, 0, 0, 0, 0, 1],
                    hardwareType: 1)
            ],
            neighbours: neighbours.map {
                NeighbourMessage(link: 2, address: $0, hardwareAddress: [2, 0, 0, 0, 0, 2], state: .reachable)
            })
    }

    @Test func `Both ways are told with their reasons, and neither is a fault`() {
        let found = findings(facts([address("10.0.1.2")]))
        #expect(found.map(\.name) == ["express", "express"])
        #expect(found.allSatisfy { $0.level == .ok })
        #expect(found.first?.detail.contains("10.0.1.2 on eth0, 02:00:00:00:00:02") == true, "\(found)")
        #expect(found.last?.detail.contains("does not know the address of 10.0.1.3 on eth0") == true, "\(found)")
    }

    @Test func `A chain that must see outer packets is named, with the way past it`() {
        var facts = self.facts([address("10.0.1.2")])
        facts.chains = [FilterChain(family: .ip, table: "filter", name: "OUTPUT", hook: 3, ruleCount: 1)]
        let found = findings(facts)
        #expect(found.count == 1)
        #expect(found.first?.detail.contains("chain OUTPUT of table ip filter") == true, "\(found)")
        #expect(found.first?.remedy.contains("tunnel.express=always") == true, "\(found)")
    }

    @Test func `Where programs send, it is said who sees the packets, or why they pass the agent`() {
        var facts = self.facts([])
        let found = findings(facts, usesPrograms: true)
        #expect(found.count == 1 && found.first?.detail.contains("by programs") == true, "\(found)")
        facts.ipsecPolicies = 1
        let withPolicies = findings(facts, usesPrograms: true)
        #expect(withPolicies.first?.detail.contains("pass the agent") == true, "\(withPolicies)")
        #expect(withPolicies.first?.remedy.contains("xfrm") == true, "\(withPolicies)")
    }

    @Test func `never is told as what the config says`() {
        let found = findings(ExpressFacts(), .never)
        #expect(found.count == 1 && found.first?.detail.contains("tunnel.express is never") == true, "\(found)")
    }
}

private func address(_ text: String) -> IPv4Address { IPv4Address(text) ?? .any }
private func prefix(_ text: String) -> IPv4Prefix { IPv4Prefix(text) ?? IPv4Prefix(containing: .any, length: 0) }
private func interface(_ text: String) -> IPv4InterfaceAddress {
    IPv4InterfaceAddress(text) ?? IPv4InterfaceAddress(address: .any, prefixLength: 0)
}
