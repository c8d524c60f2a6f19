// The underlay changes under a running agent: devices, addresses and routes go and come, and verdicts and routes follow.

import Lab
import Net
import Rtnetlink
import Testing

extension EndToEndTests {
    @Suite("A changing underlay")
    struct UnderlayChanges {
        @Test("The node's address moves to another device: direct routes follow at the word of it, and back")
        func addressMoves() throws {
            try withLab(.threeNodes()) { lab in
                let node = try lab.host("n1")
                try lab.layCable("n1", device: "eth1", port: "to-n1b")
                for (from, to) in [("eth0", "eth1"), ("eth1", "eth0")] {
                    try node.setLink(to, isUp: true)
                    try lab.waitForRest("n1")
                    try lab.setUnderlayAddress("n1", on: from, isThere: false)
                    try lab.setUnderlayAddress("n1", on: to, isThere: true)
                    try lab.expectRoute("n1", to: "n2", .direct, over: to)
                    try lab.setDefaultRoute("n1", over: to)
                    try lab.expectVerdict("n1", to: "n2", .direct, "sameSubnet")
                    try lab.expectVerdict("n1", to: "n3", .tunnel, "differentSubnet")

                    try node.setLink(from, isUp: false)
                    // The others' kernels have to learn the address's new neighbour first.
                    for peer in ["w2", "w3"] {
                        try waitUntil("n1 to be reached over \(to)") {
                            try lab.ping(from: "w1", to: peer, count: 1, lateReplyMilliseconds: 1000).isComplete
                        }
                    }
                    try lab.expectTraffic(from: "n1", to: "n2", forth: .direct, back: .direct)
                    try lab.expectTraffic(from: "n1", to: "n3", forth: .tunnel, back: .tunnel)
                    let status = try lab.waitReady("n1")
                    #expect(status.ownWarnings == [])
                }
            }
        }

        /// What may become of an underlay device.
        enum Absence: String, CaseIterable, CustomTestStringConvertible {
            case down = "goes down and up"
            case renamed = "gets another name"
            case deleted = "is deleted and made again"

            var testDescription: String { rawValue }
            /// The device's name afterwards.
            var name: String { self == .renamed ? "uplink" : "eth0" }

            func begin(_ lab: Lab) throws {
                let node = try lab.host("n1")
                try self == .deleted ? node.perform([.deleteLink(.name("eth0"))]) : node.setLink("eth0", isUp: false)
            }

            func end(_ lab: Lab) throws {
                let node = try lab.host("n1")
                switch self {
                case .down: break
                case .renamed: try node.perform([.renameLink(try node.linkIndex("eth0"), to: name)])
                case .deleted:
                    try lab.layCable("n1", device: name, port: "to-n1")
                    try lab.setUnderlayAddress("n1", on: name, isThere: true)
                }
                try node.setLink(name, isUp: true)
            }
        }

        @Test(
            "The underlay device goes and comes: the routes with it, each as soon as its peer is reached",
            arguments: Absence.allCases)
        func deviceGoes(absence: Absence) throws {
            try withLab(.threeNodes()) { lab in
                let watch = try KernelWatch(try lab.host("n1"))
                try lab.waitForRest("n1")
                try absence.begin(lab)
                let own = try lab.block(of: "n1")
                try waitUntil("no route to anybody") { try lab.ownRoutes("n1").map(\.destination) == [own] }
                let lost = try lab.waitStatus("n1", "nobody to be reached") {
                    $0.peers.count == 2 && $0.peers.allSatisfy { $0.verdict == "unrouted" }
                }
                #expect(lost.warnings?.filter { $0.code == "noUnderlayRoute" }.count == 2)

                try absence.end(lab)
                // The subnet is back with the device, and what is behind the router only with the route there.
                try lab.expectRoute("n1", to: "n2", .direct, over: absence.name)
                #expect(try lab.ownRoute("n1", to: lab.block(of: "n3")) == nil)
                try lab.waitForRest("n1")
                try lab.setDefaultRoute("n1", over: absence.name)
                try lab.expectRoute("n1", to: "n3", .tunnel)
                try lab.expectTraffic(from: "n1", to: "n2", forth: .direct, back: .direct)
                try lab.expectTraffic(from: "n1", to: "n3", forth: .tunnel, back: .tunnel)
                let status = try lab.waitReady("n1")
                #expect(status.ownWarnings == [] && status.tunnel?.mtu == 1480)
                // Device and address of the tunnel were right all the time.
                try watch.drain()
                #expect(watch.changes.filter { !$0.contains("route") } == [])
            }
        }

        @Test("Of two routes to a peer the better one decides the verdict, while it is there")
        func betterRouteToPeer() throws {
            try withLab(.threeNodes()) { lab in
                let node = try lab.host("n1")
                let peer = IPv4Prefix(host: try lab.underlay("n2"))
                try node.setRoute(peer, device: "eth0", metric: 100)
                try lab.expectVerdict("n1", to: "n2", .direct, "sameSubnet")
                for _ in 0..<2 {
                    try lab.waitForRest("n1")
                    try node.setRoute(peer, via: try lab.gateway(of: "n1"), metric: 50)
                    try lab.expectVerdict("n1", to: "n2", .tunnel, "notOnLink", warns: true)
                    try lab.expectRoute("n1", to: "n2", .tunnel)
                    try lab.expectTraffic(from: "n1", to: "n2", forth: .tunnel, back: .direct)
                    try lab.waitForRest("n1")
                    try node.removeRoute(peer, metric: 50)
                    try lab.expectVerdict("n1", to: "n2", .direct, "sameSubnet")
                    try lab.expectRoute("n1", to: "n2", .direct)
                    try lab.expectTraffic(from: "n1", to: "n2", forth: .direct, back: .direct)
                }
            }
        }

        @Test("Of two gateways the better one is the next hop of what goes plain, while it is there")
        func betterGateway() throws {
            var specification = LabSpecification.twoNodes(poolMode: .never)
            specification.routerKnowsBlocks = true
            try withLab(specification) { lab in
                let (node, router) = (try lab.host("n1"), lab.router)
                let (subnet, better) = (prefix("10.0.2.0/24"), address("10.0.1.253"))
                let bridge = try router.linkIndex("br-net1")
                try router.perform([.addAddress(AddressMessage(link: bridge, address: interface("10.0.1.253/24")))])
                try node.setRoute(subnet, via: try lab.gateway(of: "n1"), metric: 200)
                try lab.expectRoute("n1", to: "n3", .routed)
                let block = try lab.block(of: "n3")
                for _ in 0..<2 {
                    try lab.waitForRest("n1")
                    try node.setRoute(subnet, via: better, metric: 100)
                    try waitUntil("the better gateway") { try lab.ownRoute("n1", to: block)?.gateway == better }
                    #expect(try lab.ping(from: "w1", to: "w3", count: 3).isComplete)
                    try lab.waitForRest("n1")
                    try node.removeRoute(subnet, metric: 100)
                    try lab.expectRoute("n1", to: "n3", .routed)
                    #expect(try lab.ping(from: "w1", to: "w3", count: 3).isComplete)
                }
                #expect(try lab.ownRoutes("n1").filter { $0.destination == block }.count == 1)
            }
        }

        @Test("A device that has nothing to do with it, as of a VPN, comes and goes, and nothing of ours is touched")
        func unrelatedDevice() throws {
            try withLab(.threeNodes()) { lab in
                let node = try lab.host("n1")
                let watch = try KernelWatch(node)
                for address in ["100.64.0.1/10", "10.0.1.77/32"] {
                    try node.perform([.createLink(LinkSpecification(name: "vpn0", kind: "bridge", mtu: 1300))])
                    let link = try node.linkIndex("vpn0")
                    try node.perform([.addAddress(AddressMessage(link: link, address: interface(address)))])
                    try node.setLink("vpn0", isUp: true)
                    try node.setRoute(prefix("192.0.2.0/24"), device: "vpn0")
                    try lab.waitForRest("n1")
                    try lab.expectVerdict("n1", to: "n2", .direct, "sameSubnet")
                    try lab.expectTraffic(from: "n1", to: "n3", forth: .tunnel, back: .tunnel)
                    try node.perform([.deleteLink(.name("vpn0"))])
                    try lab.waitForRest("n1")
                }
                try watch.drain()
                #expect(watch.changes == [])
            }
        }
    }
}
