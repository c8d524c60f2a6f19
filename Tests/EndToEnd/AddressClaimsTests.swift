// Addresses of the underlay that are claimed twice, wrongly or by a new name: hosts stay reachable, and it passes.

import Lab
import LinuxSystem
import Net
import Rtnetlink
import Testing

extension EndToEndTests {
    @Suite("Claims on underlay addresses")
    struct AddressClaims {
        @Test("A node that claims another's address gets no routes, and the other keeps its own")
        func duplicateAddress() throws {
            var specification = LabSpecification.threeNodes()
            // n2's resource gives n1's address.
            specification.nodes[1].resourceAddress = specification.nodes[0].address
            try withLab(specification) { lab in
                for node in ["n1", "n3"] {
                    let status = try lab.waitReady(node)
                    #expect((status.ownWarnings ?? []).map(\.code) == ["duplicateAddress"], "\(node)")
                    #expect(status.peer("n2")?.reason == "noRoute" && status.peer("n2")?.verdict == "unrouted")
                    #expect(try lab.ownRoute(node, to: lab.block(of: "n2")) == nil, "\(node)")
                }
                try lab.expectTraffic(from: "n1", to: "n3", forth: .tunnel, back: .tunnel)

                var repaired = try lab.node("n2")
                repaired.resourceAddress = nil
                try lab.update(repaired)
                try lab.expectRoute("n1", to: "n2", .direct)
                try lab.expectRoute("n3", to: "n2", .tunnel)
                try lab.expectTraffic(from: "n2", to: "n3", forth: .tunnel, back: .tunnel)
            }
        }

        /// A claim on addresses of the underlay.
        struct WrongClaim: Sendable, CustomTestStringConvertible {
            var node: String
            var block: String
            var testDescription: String { "\(block) of \(node)" }
        }

        static let wrongClaims = [
            WrongClaim(node: "n3", block: "10.0.1.0/26"), WrongClaim(node: "n3", block: "10.0.2.0/26"),
            WrongClaim(node: "n3", block: "10.0.1.1/32"), WrongClaim(node: "n1", block: "10.0.1.1/32"),
            WrongClaim(node: "n1", block: "10.0.2.1/32"), WrongClaim(node: "n1", block: "10.0.0.0/16"),
        ]

        @Test(
            "A block around a node's own underlay address is never routed, and the underlay goes on",
            arguments: wrongClaims)
        func ownAddressInBlock(claim: WrongClaim) throws {
            var specification = LabSpecification.twoNodes()
            specification.pools.append(
                PoolSpecification(name: "wrong", prefix: prefix("10.0.0.0/16"), ipipMode: .always))
            let index = try #require(specification.nodes.firstIndex { $0.name == claim.node })
            specification.nodes[index].blocks.append(prefix(claim.block))
            try withLab(specification) { lab in
                for node in ["n1", "n3"] {
                    let status = try lab.waitReady(node)
                    #expect((status.ownWarnings ?? []).map(\.code) == ["blockContainsNodeAddress"], "\(node)")
                    let routes = try lab.ownRoutes(node).map { "\($0.destination)" }.sorted()
                    #expect(routes == ["10.244.1.0/26", "10.244.3.0/26"], "\(node)")
                }
                for (node, peer) in [("n1", "n3"), ("n3", "n1")] {
                    let report = try lab.ping(from: node, to: peer, count: 3)
                    #expect(report.isComplete, "host \(node) to host \(peer): \(report.summary)")
                }
                try lab.expectTraffic(from: "n1", to: "n3", forth: .tunnel, back: .tunnel)
            }
        }

        @Test(
            "A host that is registered anew under another name is the owner of its block again",
            arguments: ["a1", "n9"])
        func newName(name: String) throws {
            try withLab(.threeNodes()) { lab in
                let (block, host) = (try lab.block(of: "n2"), try lab.node("n2"))
                try lab.stopAgent(on: "n2")
                // For a while two names have one address: the smaller one is in force, be it the old or the new.
                try lab.write([.node(name, address: host.address, tunnelAddress: host.tunnelAddress)])
                let refused = name < "n2" ? "n2" : name
                try lab.waitStatus("n1", "\(refused) to be refused") { status in
                    status.warnings?.contains {
                        $0.code == "duplicateAddress" && $0.message.contains("\(refused) gets")
                    }
                        == true
                }
                try lab.write([.block(block, node: name)])
                try lab.removeResource(LabResource.block(block, node: "n2").name)
                try lab.removeResource(LabResource.node("n2", address: host.address).name)
                let config = try TextFile.read(lab.configPath("n2"))
                try TextFile.replace(
                    lab.configPath("n2"), with: "node: \(name)\n" + config.drop { $0 != "\n" }.dropFirst())
                try lab.startAgent(on: "n2")
                #expect(try lab.waitReady("n2").node == name)
                try lab.expectRoute("n1", to: "n2", .direct)
                try lab.expectRoute("n3", to: "n2", .tunnel)
                for node in ["n1", "n3"] {
                    let status = try lab.waitStatus(node, "the new name alone") {
                        $0.ready && $0.peer("n2") == nil && $0.peer(name) != nil
                    }
                    #expect(status.ownWarnings == [], "\(node)")
                }
                try lab.expectTraffic(from: "n1", to: "n2", forth: .direct, back: .direct)
                try lab.expectTraffic(from: "n2", to: "n3", forth: .tunnel, back: .tunnel)
            }
        }

        @Test("A peer's address that turns up on this host, as a virtual one may, is no way to the peer, and passes")
        func peerAddressHere() throws {
            try withLab(.threeNodes()) { lab in
                let (node, block) = (try lab.host("n1"), try lab.block(of: "n2"))
                // The subnet goes on asking n2 for it.
                try node.sysctl("net/ipv4/conf/all/arp_ignore", "1")
                try node.perform([.createLink(LinkSpecification(name: "vip0", kind: "bridge", isUp: true))])
                for mode in [LabMode.crossSubnet, .always] {
                    try lab.setMode("n1", mode)
                    try lab.expectRoute("n1", to: "n2", mode == .always ? .tunnel : .direct)
                    let copy = AddressMessage(link: try node.linkIndex("vip0"), address: interface("10.0.1.2/32"))
                    try node.perform([.addAddress(copy)])
                    try waitUntil("no route by way of this host itself") { try lab.ownRoute("n1", to: block) == nil }
                    let status = try lab.waitReady("n1")
                    #expect(status.peer("n2")?.verdict == "unrouted")
                    #expect(status.ownWarnings?.map(\.code) == ["noUnderlayRoute"])
                    try lab.expectTraffic(from: "n1", to: "n3", forth: .tunnel, back: .tunnel)
                    try node.perform([.deleteAddress(copy)])
                    try lab.expectRoute("n1", to: "n2", mode == .always ? .tunnel : .direct)
                    try lab.waitReady("n1")
                    try lab.expectTraffic(
                        from: "n1", to: "n2", forth: mode == .always ? .tunnel : .direct, back: .direct)
                }
            }
        }
    }
}
