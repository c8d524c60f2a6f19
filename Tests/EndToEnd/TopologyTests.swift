// Nodes that come, go and move, and underlays that are not as tidy as in the book: verdict, reason, and traffic.

import Lab
import Net
import Rtnetlink
import Testing

extension EndToEndTests {
    @Suite("Topology")
    struct Topologies {
        @Test("A node that joins is reached by all, and one that leaves takes its routes along")
        func joinAndLeave() throws {
            try withLab(.twoNodes()) { lab in
                let newcomer = LabSpecification.standardNode(4, subnet: "net2", address: interface("10.0.2.4/24"))
                try lab.addNode(newcomer.withTier)
                try lab.startAgent(on: "n4")
                try lab.waitReady("n4")
                try lab.expectRoute("n1", to: "n4", .tunnel)
                try lab.expectRoute("n3", to: "n4", .direct)
                try lab.expectTraffic(from: "n4", to: "n1", forth: .tunnel, back: .tunnel)
                try lab.expectTraffic(from: "n3", to: "n4", forth: .direct, back: .direct)

                let block = try lab.block(of: "n4")
                try lab.removeNode("n4")
                for node in ["n1", "n3"] {
                    try waitUntil("\(node) to forget n4") { try lab.ownRoute(node, to: block) == nil }
                    let status = try lab.waitReady(node)
                    #expect(status.peer("n4") == nil)
                }
                try lab.waitForRest("n3")
                try lab.expectTraffic(from: "n1", to: "n3", forth: .tunnel, back: .tunnel)
            }
        }

        @Test("A node that moves to another subnet is direct there and tunnelled from where it was")
        func moveToAnotherSubnet() throws {
            try withLab(.threeNodes()) { lab in
                try lab.expectRoute("n1", to: "n2", .direct)
                try lab.stopAgent(on: "n2")
                try lab.moveNode("n2", toSubnet: "net2", address: interface("10.0.2.2/24"))
                try lab.startAgent(on: "n2")
                try lab.waitReady("n2")
                try lab.expectRoute("n1", to: "n2", .tunnel)
                try lab.expectRoute("n3", to: "n2", .direct)
                try lab.expectTraffic(from: "n1", to: "n2", forth: .tunnel, back: .tunnel)
                try lab.expectTraffic(from: "n2", to: "n3", forth: .direct, back: .direct)
            }
        }

        @Test("A node that changes its address is reached at the new one, and the old one is a stranger")
        func changeAddress() throws {
            try withLab(.twoNodes()) { lab in
                let old = try lab.underlay("n3")
                try lab.stopAgent(on: "n3")
                try lab.changeAddress("n3", to: interface("10.0.2.33/24"))
                try lab.startAgent(on: "n3")
                try lab.waitReady("n3")
                try lab.expectRoute("n1", to: "n3", .tunnel)
                try lab.expectTraffic(from: "n3", to: "n1", forth: .tunnel, back: .tunnel)

                // The driver by itself takes a packet from whoever sends it.
                guard Tiers.current.countPeers else { return }
                let before = try lab.drops("n1", "unknownOuterSource")
                let inner = ForgedPacket.ping(source: address("10.244.3.2"), destination: address("10.244.1.2"))
                try lab.host("n3").sendRaw(
                    ForgedPacket.ipip(source: old, destination: try lab.underlay("n1"), inner: inner),
                    to: try lab.underlay("n1"))
                try waitUntil("n1 to drop what comes from the old address") {
                    try lab.drops("n1", "unknownOuterSource") == before + 1
                }
            }
        }

        @Test("Unequal masks: both ends tunnel and both say asymmetricPrefix")
        func unequalMasks() throws {
            var specification = LabSpecification.twoNodes()
            // n1 takes the other subnet for its own; n3 does not.
            specification.nodes[0].address = interface("10.0.1.1/16")
            specification.subnets[0].proxyARP = true
            try withLab(specification) { lab in
                for (node, peer) in [("n1", "n3"), ("n3", "n1")] {
                    try lab.expectVerdict(node, to: peer, .tunnel, "asymmetricPrefix", warns: true)
                    try lab.expectRoute(node, to: peer, .tunnel)
                    try lab.expectTraffic(from: node, to: peer, forth: .tunnel, back: .tunnel)
                }
            }
        }

        @Test("A mask that leaves out a neighbour on the same wire: both ends tunnel all the same")
        func narrowMask() throws {
            var specification = LabSpecification.threeNodes()
            specification.nodes[0].address = interface("10.0.1.1/25")
            specification.nodes[1].address = interface("10.0.1.200/24")
            try withLab(specification) { lab in
                for (node, peer) in [("n1", "n2"), ("n2", "n1")] {
                    try lab.expectVerdict(node, to: peer, .tunnel, "asymmetricPrefix", warns: true)
                    try lab.expectTraffic(from: node, to: peer, forth: .tunnel, back: .tunnel)
                }
            }
        }

        @Test("A /32 address on one end: both tunnel and both say hostPrefix")
        func hostPrefix() throws {
            var specification = LabSpecification.threeNodes()
            specification.nodes[1].address = interface("10.0.1.2/32")
            try withLab(specification) { lab in
                for (node, peer) in [("n1", "n2"), ("n2", "n1"), ("n2", "n3"), ("n3", "n2")] {
                    try lab.expectVerdict(node, to: peer, .tunnel, "hostPrefix", warns: true)
                    try lab.expectRoute(node, to: peer, .tunnel)
                    try lab.expectTraffic(from: node, to: peer, forth: .tunnel, back: .tunnel)
                }
                try lab.expectVerdict("n1", to: "n3", .tunnel, "differentSubnet")
            }
        }

        @Test("One subnet whose nodes meet only at a gateway: tunnelled, notOnLink")
        func gatewayOnly() throws {
            var specification = LabSpecification.threeNodes()
            specification.subnets[0].wiring = .gatewayOnly
            try withLab(specification) { lab in
                for (node, peer) in [("n1", "n2"), ("n2", "n1")] {
                    try lab.expectVerdict(node, to: peer, .tunnel, "notOnLink", warns: true)
                    try lab.expectRoute(node, to: peer, .tunnel)
                    try lab.expectTraffic(from: node, to: peer, forth: .tunnel, back: .tunnel)
                }
            }
        }

        @Test("One node alone reaches its neighbour through a gateway: it tunnels and warns, the other sends direct")
        func notOnLinkAtOneEnd() throws {
            try withIdleLab(.threeNodes()) { lab in
                try lab.host("n1").setRoute(IPv4Prefix(host: address("10.0.1.2")), via: address("10.0.1.254"))
                try lab.startAgents()
                for node in ["n1", "n2", "n3"] { try lab.waitReady(node) }
                try lab.expectVerdict("n1", to: "n2", .tunnel, "notOnLink", warns: true)
                try lab.expectVerdict("n2", to: "n1", .direct, "sameSubnet")
                try lab.expectTraffic(from: "n1", to: "n2", forth: .tunnel, back: .direct)
                try lab.expectTraffic(from: "n2", to: "n1", forth: .direct, back: .tunnel)

                try lab.host("n1").removeRoute(IPv4Prefix(host: address("10.0.1.2")))
                try lab.expectVerdict("n1", to: "n2", .direct, "sameSubnet")
                try lab.expectTraffic(from: "n1", to: "n2", forth: .direct, back: .direct)
            }
        }

        @Test("Never behind a gateway: the gateway is the next hop, underlayMustRoute is said, and it must")
        func neverBehindGateway() throws {
            try withLab(.twoNodes(poolMode: .never)) { lab in
                for (node, peer) in [("n1", "n3"), ("n3", "n1")] {
                    try lab.expectRoute(node, to: peer, .routed)
                    let status = try lab.waitReady(node)
                    let codes = (status.ownWarnings ?? []).map(\.code)
                    #expect(codes == ["underlayMustRoute"], "\(node)")
                }
                // The router does not know the blocks yet, as the warning says.
                let (sniffer, target) = (try #require(lab.sniffer), try lab.address(of: "w3"))
                let vain = try Pinger.start(from: try lab.host("w1"), to: target, count: 2)
                try waitUntil("two requests at the router") {
                    sniffer.counts().plain(from: address("10.244.1.2"), to: target) == 2
                }
                #expect(vain.stop(lateReplyMilliseconds: 0).received == 0)
                try lab.teachRouterBlocks()
                try lab.expectTraffic(from: "n1", to: "n3", forth: .routed, back: .routed)
            }
        }

        @Test("A block that goes to another node: every route follows, also between its old and new owner")
        func blockMoves() throws {
            let block = prefix("10.244.9.0/26")
            var specification = LabSpecification.threeNodes()
            specification.nodes[1].blocks.append(block)
            try withLab(specification) { lab in
                #expect(try lab.ownRoute("n1", to: block)?.gateway == address("10.0.1.2"))
                #expect(try lab.ownRoute("n2", to: block)?.kind == .blackhole)

                var (old, new) = (try lab.node("n2"), try lab.node("n3"))
                old.blocks.removeLast()
                new.blocks.append(block)
                try lab.update(old)
                try lab.update(new)
                let tunnel = try lab.host("n1").linkIndex("tunl0")
                for node in ["n1", "n2"] {
                    try waitUntil("\(node) to route the block to n3") {
                        let route = try lab.ownRoute(node, to: block)
                        return route?.gateway == address("10.0.2.1") && (node != "n1" || route?.link == tunnel)
                    }
                }
                try waitUntil("n3 to own the block") { try lab.ownRoute("n3", to: block)?.kind == .blackhole }
                for node in ["n1", "n2", "n3"] {
                    let routes = try lab.ownRoutes(node).filter { $0.destination == block }
                    #expect(routes.count == 1, "\(node)")
                    try lab.waitReady(node)
                }
                // D4 follows as well, where somebody looks at it: n3 may now speak for the block.
                guard Tiers.current.countPeers else { return }
                let packets = try lab.status("n1")?.peer("n3")?.rxPackets ?? 0
                let inner = ForgedPacket.ping(source: address("10.244.9.5"), destination: address("10.244.1.2"))
                try lab.host("n3").sendRaw(
                    ForgedPacket.ipip(
                        source: address("10.0.2.1"), destination: address("10.0.1.1"), inner: inner),
                    to: address("10.0.1.1"))
                try waitUntil("n1 to take the packet") {
                    try lab.status("n1")?.peer("n3")?.rxPackets == packets + 1
                }
            }
        }
    }
}
