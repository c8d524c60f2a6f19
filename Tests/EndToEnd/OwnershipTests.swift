// Whose a block, a route or an address is: borrowed, contested, foreign, one's own; and what is not ours stays.

import Lab
import Net
import Packet
import Rtnetlink
import Testing

extension EndToEndTests {
    @Suite("Ownership")
    struct Ownership {
        @Test("A borrowed /32 is reached at its borrower, from its block's own node and from any other")
        func borrowing() throws {
            // n1 has borrowed an address from n2's block, and n3 another one.
            let (local, remote) = (address("10.244.2.40"), address("10.244.2.41"))
            var specification = LabSpecification.threeNodes()
            specification.nodes[0].blocks.append(IPv4Prefix(host: local))
            specification.nodes[0].workloads.append(WorkloadSpecification(name: "b1", address: local))
            specification.nodes[2].blocks.append(IPv4Prefix(host: remote))
            specification.nodes[2].workloads.append(WorkloadSpecification(name: "b3", address: remote))
            try withLab(specification) { lab in
                #expect(try lab.ownRoute("n2", to: IPv4Prefix(host: local))?.gateway == address("10.0.1.1"))
                #expect(try lab.ownRoute("n3", to: IPv4Prefix(host: local))?.gateway == address("10.0.1.1"))
                #expect(try lab.ownRoute("n1", to: IPv4Prefix(host: remote))?.gateway == address("10.0.2.1"))
                for (source, target) in [
                    ("w2", "b1"), ("w3", "b1"), ("w1", "b1"), ("b1", "w2"), ("b1", "w3"), ("w1", "b3"), ("w2", "b3"),
                    ("b3", "b1"), ("b3", "w2"),
                ] {
                    let report = try lab.ping(from: source, to: target, count: 2)
                    #expect(report.isComplete, "\(source) to \(target): \(report.summary)")
                }
                #expect(try lab.status("n3")?.drops?["innerSourceNotOfPeer"] == 0)
                // No host is told to reach its own borrowed address by way of itself, which its kernel would refuse.
                for node in ["n1", "n2", "n3"] {
                    let own = try lab.underlay(node)
                    #expect(try lab.ownRoutes(node).allSatisfy { $0.gateway != own }, "\(node)")
                    let status = try lab.waitReady(node)
                    #expect(status.ownWarnings == [], "\(node)")
                }
                // Given back, it is reached where the rest of its block is.
                try lab.removeResource(LabResource.block(IPv4Prefix(host: remote), node: "n3").name)
                for node in ["n1", "n2", "n3"] {
                    try waitUntil("\(node) to forget it") {
                        try lab.ownRoute(node, to: IPv4Prefix(host: remote)) == nil
                    }
                }
                #expect(try lab.host("n1").netlink { try $0.routeGet(remote)?.gateway } == address("10.0.1.2"))
            }
        }

        @Test("A block of one address leaves the place for its workload's route, which comes later")
        func blockOfOneAddress() throws {
            let block = prefix("10.244.5.5/32")
            var specification = LabSpecification.threeNodes()
            specification.nodes[0].blocks.append(block)
            try withLab(specification) { lab in
                #expect(try lab.ownRoute("n1", to: block)?.kind == .blackhole)
                let (node, workload) = (try lab.host("n1"), try lab.host("w1"))
                let own = IPv4InterfaceAddress(address: block.address, prefixLength: 32)
                try workload.perform([.addAddress(AddressMessage(link: try workload.linkIndex("eth0"), address: own))])
                // As a CNI plugin does, which takes a route that is there for somebody else's.
                let link = try node.linkIndex("caliw1")
                try node.perform([.addRoute(RouteSpecification(destination: block, link: link, routeProtocol: 3))])
                for source in ["w3", "w2", "w1"] {
                    let report = try lab.ping(from: source, to: block.address, count: 3)
                    #expect(report.isComplete, "\(source): \(report.summary)")
                }
                let status = try lab.waitReady("n1")
                #expect(status.routes?.conflicts == [])
            }
        }

        @Test("A block that two nodes claim goes to one, the same everywhere, and all who see it warn")
        func contested() throws {
            let block = prefix("10.244.9.0/26")
            var specification = LabSpecification.threeNodes()
            specification.nodes[1].blocks.append(block)
            specification.nodes[2].blocks.append(block)
            try withLab(specification) { lab in
                // No claim has a time: the smaller name wins.
                #expect(try lab.ownRoute("n1", to: block)?.gateway == address("10.0.1.2"))
                #expect(try lab.ownRoute("n2", to: block)?.kind == .blackhole)
                #expect(try lab.ownRoute("n3", to: block)?.gateway == address("10.0.1.2"))
                for node in ["n1", "n2", "n3"] {
                    let codes = try lab.waitReady(node).ownWarnings?.map(\.code)
                    #expect(codes == ["contestedBlock"], "\(node)")
                }
                try lab.removeResource(LabResource.block(block, node: "n2").name)
                try waitUntil("the block to go to n3") {
                    try lab.ownRoute("n3", to: block)?.kind == .blackhole
                        && lab.ownRoute("n1", to: block)?.gateway == address("10.0.2.1")
                }
                let codes = try lab.waitReady("n1").ownWarnings?.map(\.code)
                #expect(codes == [])
            }
        }

        @Test("A foreign route in the way stays untouched and is reported; when it goes, ours comes")
        func foreignRoute() throws {
            let specification = LabSpecification.twoNodes()
            try withIdleLab(specification) { lab in
                let (host, block) = (try lab.host("n1"), try lab.block(of: "n3"))
                try host.setRoute(block, via: address("10.0.1.254"))
                let before = try host.routes().filter { $0.destination == block }
                try lab.startAgents()
                try lab.waitReady("n3")
                let status = try lab.waitStatus("n1", "a conflict") { !($0.routes?.conflicts.isEmpty ?? true) }
                #expect(!status.ready)
                #expect(status.notReadyBecause.contains { $0.contains("conflict") }, "\(status.notReadyBecause)")
                #expect(status.routes?.conflicts.map(\.destination) == ["\(block)"])
                #expect((status.ownWarnings ?? []).map(\.code) == ["foreignRoute"])
                // The others are in place all the same.
                #expect(try lab.ownRoute("n1", to: lab.block(of: "n1"))?.kind == .blackhole)
                #expect(try host.routes().filter { $0.destination == block } == before)

                try host.removeRoute(block)
                try lab.expectRoute("n1", to: "n3", .tunnel)
                let after = try lab.waitReady("n1")
                #expect(after.routes?.conflicts == [] && after.ownWarnings == [])
                try lab.expectTraffic(from: "n1", to: "n3", forth: .tunnel, back: .tunnel)

                // One that comes later, with another metric, is not in the way and not ours either.
                try host.setRoute(block, via: address("10.0.1.254"), metric: 500)
                try lab.expectTraffic(from: "n1", to: "n3", forth: .tunnel, back: .tunnel)
                let ready = try lab.waitReady("n1")
                #expect(ready.routes?.conflicts == [])
                #expect(try host.routes().contains { $0.destination == block && $0.metric == 500 })
            }
        }

        @Test("The blackhole of an own block stops what nobody has, and shadows no workload")
        func blackhole() throws {
            try withLab(.twoNodes()) { lab in
                let block = try lab.block(of: "n3")
                let route = try #require(try lab.ownRoute("n3", to: block))
                #expect(route.kind == .blackhole && route.metric > 1_000_000)
                let workload = try lab.host("n3").netlink { try $0.routeGet(address("10.244.3.2")) }
                let device = try lab.host("n3").linkIndex("caliw3")
                #expect(workload?.link == device && workload?.kind == .unicast)

                // A workload that is not there: without the blackhole the packet would go back to the router.
                let sniffer = try #require(lab.sniffer)
                sniffer.clear()
                let vain = try Pinger.start(from: try lab.host("w1"), to: address("10.244.3.60"), count: 3)
                try waitUntil("three requests in the tunnel") {
                    sniffer.counts().ipip(from: address("10.0.1.1"), to: address("10.0.2.1")) == 3
                }
                #expect(vain.stop(lateReplyMilliseconds: 0).received == 0)
                // These go the same way after them: what n3 had to say of the former is said.
                let fence = try lab.ping(from: "w1", to: "w3", count: 2)
                #expect(fence.isComplete, "\(fence.summary)")
                // Of the outer packets a kernel whose driver has no device there says that it knows no such protocol,
                // although a program takes them; that is no answer to an inner one.
                let answers = sniffer.counts().kinds.filter { key, _ in
                    key.source == address("10.0.2.1")
                        && !(key.protocolNumber == icmp && key.destination == address("10.0.1.1"))
                }
                #expect(answers.values.reduce(0) { $0 + $1.packets } == 2)
                #expect(answers.keys.allSatisfy { $0.inner?.source == address("10.244.3.2") })
                // A connected route for the very block, as of a bridge, lives beside it.
                try lab.host("n3").setRoute(block, device: "caliw3")
                try lab.expectTraffic(from: "n1", to: "n3", forth: .tunnel, back: .tunnel)
                let status = try lab.waitReady("n3")
                #expect(status.routes?.conflicts == [])
            }
        }
    }
}
