// Packets that are too big for the way behind the tunnel device: their senders are told, and nothing is lost silently.

import Lab
import LinuxSystem
import Net
import Packet
import Rtnetlink
import TestSupport
import Testing

extension EndToEndTests {
    @Suite("Path MTU")
    struct ConformancePathMTU {
        /// The two-node lab with a way of 1300 bytes from the router to n3; the way back is as wide as ever.
        ///
        /// - Parameter config: further lines for n1's config.
        private func withNarrowPath(config: String = "", _ body: (InnerSender) throws -> Void) throws {
            var specification = LabSpecification.twoNodes()
            specification.nodes[0].extraConfig = config
            try withLab(specification) { lab in
                try lab.router.setMTU("br-net2", 1300)
                try body(try InnerSender(lab))
            }
        }

        /// Finished frames go past the kernel's IP output, so that it refuses none; a program asks it for the path's MTU.
        private static let heedsKernel =
            Tiers.current.dataplane(of: "n1") == "bpf" ? "" : "tunnel: {express: never}"

        @Test("E4, E7: a router's report reaches the inner sender less 20 and is kept; then the route answers")
        func fragmentationNeeded() throws {
            try withNarrowPath { sender in
                #expect(try sender.pathMTU() == nil && sender.routeMTU() == 0)
                try sender.send(InnerSender.ping(bytes: 1480))
                let told = try #require(try sender.nextError())
                #expect(told.type == 3 && told.code == 4 && told.mtu == 1280)
                #expect(told.source == address("10.244.1.1"), "the node's tunnel address")
                #expect(told.quoted[12..<20] == InnerSender.ping()[12..<20] && told.quoted.count >= 28)
                let status = try sender.lab.waitStatus("n1", "the path MTU") { $0.peer("n3")?.pathMTU == 1300 }
                let left = try #require(status.peer("n3")?.pathMTUExpiresIn)
                #expect((1...600).contains(left))
                try waitUntil("the route's MTU") { try sender.routeMTU() == 1280 }
                #expect(try sender.count("relayed") == 1 && sender.count("learnt") == 1)

                // From now on n1's own kernel answers, before the tunnel.
                let sniffer = try #require(sender.lab.sniffer)
                sniffer.clear()
                let elsewhere = InnerSender.elsewhere
                try sender.send(InnerSender.ping(bytes: 1281, to: elsewhere), to: elsewhere)
                let again = try #require(try sender.nextError())
                #expect(again.code == 4 && again.mtu == 1280)
                #expect(sniffer.counts().ipip == 0)
                let report = try sender.lab.ping(from: "w1", to: "w3", payloadBytes: 1252, dontFragment: true)
                #expect(report.isComplete, "1280 bytes fit: \(report.summary)")
                #expect(try sender.lab.drops("n1", "tooBig") == 0)
                try expectShown(sender.lab)
            }
        }

        /// What people and scripts see of it.
        private func expectShown(_ lab: Lab) throws {
            let (node, config) = (try lab.host("n1"), ["--config", lab.configPath("n1")])
            let text = try PoplinProgram.run(["status"] + config, on: node).output
            let lines = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
            #expect(lines.contains { $0.prefix(3) == ["n3", "1300", "for"] }, "\(text)")
            let json = try PoplinProgram.json(["status"] + config, on: node)
            #expect(json["peers"]?.elements.first?["pathMTU"] == .number(1300))
            let story = try PoplinProgram.json(["explain", "10.244.3.2"] + config, on: node)
            #expect(story["mtu"] == .number(1280) && story["installed"] == .bool(true))
            let plan = try PoplinProgram.json(["plan"] + config, on: node)
            #expect(plan["changes"] == .array([]), "\(plan)")
        }

        @Test("E4: TCP, and UDP with DF, find the narrow path by themselves, from a workload and from the host")
        func transports() throws {
            try withNarrowPath { sender in
                let lab = sender.lab
                let stream = try lab.transfer(from: "w1", to: "w3", bytes: 1_000_003)
                #expect(stream.isIntact, "\(stream)")
                #expect(try sender.pathMTU() == 1300)
                for host in ["w1", "n1"] {
                    let socket = try lab.host(host).run {
                        let socket = try InetSocket(.udp)
                        try socket.connect(InnerSender.there.rawValue, port: 9)
                        try socket.setDontFragment(true)
                        return socket
                    }
                    try waitUntil("the path MTU at \(host)") {
                        // Refused once it is known (EMSGSIZE): that is the aim.
                        _ = try? socket.send([UInt8](repeating: 1, count: 1400))
                        return try socket.pathMTU() == 1280
                    }
                }
            }
        }

        @Test("E10: what has no DF arrives, in fragments that are made before encapsulation once the path is known")
        func withoutDF() throws {
            try withNarrowPath { sender in
                let (lab, sniffer) = (sender.lab, try #require(sender.lab.sniffer))
                // Nothing is known yet: the router cuts the outer packets, and n3 puts them together.
                let before = try lab.ping(from: "w1", to: "w3", count: 3, payloadBytes: 4000)
                #expect(before.isComplete, "\(before.summary)")
                #expect(try sender.pathMTU() == nil)
                try sender.send(InnerSender.ping(bytes: 1480))
                try waitUntil("the route's MTU") { try sender.routeMTU() == 1280 }
                sniffer.clear()
                let after = try lab.ping(from: "w1", to: "w3", count: 3, payloadBytes: 4000)
                #expect(after.isComplete, "\(after.summary)")
                let counts = sniffer.counts()
                let there = counts.kinds.filter { $0.key.protocolNumber == ipip && $0.key.source == InnerSender.node }
                // 4008 bytes in pieces of 1256 (1280 less a header, to a multiple of 8): four, each whole in its packet.
                #expect(there.values.reduce(0) { $0 + $1.packets } == 12, "\(there)")
                #expect(there.keys.allSatisfy { $0.inner != nil })
                let small = try lab.echo(.udp, from: "w1", to: "w3", count: 3, payloadBytes: 1400)
                #expect(small.isComplete, "\(small)")
            }
        }

        @Test(
            "E10: with a fixed TTL the first that is too big is lost and tells the path; its sender has nothing to do",
            .tiers(.kernel, .mixed, .bpfKernel, because: "only the ipip driver ties DF to the TTL"))
        func withoutDFInPacketsWithDF() throws {
            try withNarrowPath(config: "tunnel: {ttl: 64}") { sender in
                let lab = sender.lab
                _ = try lab.ping(from: "w1", to: "w3", count: 1, payloadBytes: 1452, lateReplyMilliseconds: 1000)
                try waitUntil("the route's MTU") { try sender.routeMTU() == 1280 }
                let after = try lab.ping(from: "w1", to: "w3", count: 3, payloadBytes: 4000)
                #expect(after.isComplete, "\(after.summary)")
                #expect(try sender.count("relayed") == 0 && sender.pathMTU() == 1300)
                #expect(try sender.nextError(timeoutMilliseconds: 0) == nil)
            }
        }

        @Test(
            "E10: the kernel's own refusal of such a packet is heard by the agent, which has learnt nothing yet",
            .tiers(.kernel, .mixed, .bpfKernel, because: "only the ipip driver ties DF to the TTL"))
        func driversRefusal() throws {
            try withNarrowPath(config: "tunnel: {ttl: 64}") { sender in
                let lab = sender.lab
                try sender.send(InnerSender.ping(bytes: 1480))
                _ = try #require(try sender.nextError())
                try lab.stopAgent(on: "n1")
                try lab.startAgent(on: "n1")
                try lab.waitReady("n1")
                #expect(try sender.pathMTU() == nil && sender.routeMTU() == 0)
                let elsewhere = InnerSender.elsewhere
                // With DF the driver answers by itself, and nobody else needs to know.
                try sender.send(InnerSender.ping(bytes: 1480, to: elsewhere), to: elsewhere)
                let told = try #require(try sender.nextError())
                #expect(told.code == 4 && told.mtu == 1280)
                #expect(try sender.routeMTU() == 0)
                try waitUntil("the driver to count it") { try lab.drops("n1", "tooBig") == 1 }
                // To somebody else: of the former the kernel has kept the MTU, and would cut.
                let other = address("10.244.3.4")
                let packet = ForgedPacket.ping(source: InnerSender.here, destination: other, payloadBytes: 1452)
                try sender.send(packet, to: other)
                try waitUntil("the route's MTU") { try sender.routeMTU() == 1280 }
            }
        }

        @Test("E10: an underlay route's own MTU counts like a learnt one, and so does its going")
        func underlayRoute() throws {
            try withLab(.twoNodes()) { lab in
                let sender = try InnerSender(lab)
                let node = try lab.host("n1")
                let subnet = prefix("10.0.2.0/24")
                try node.setRoute(subnet, via: InnerSender.router, mtu: 1400)
                try waitUntil("the route's MTU") { try sender.routeMTU() == 1380 }
                try sender.send(InnerSender.ping(bytes: 1381))
                let told = try #require(try sender.nextError())
                #expect(told.code == 4 && told.mtu == 1380)
                #expect(try sender.pathMTU() == nil, "nothing was learnt")
                let report = try lab.ping(from: "w1", to: "w3", payloadBytes: 1352, dontFragment: true)
                #expect(report.isComplete, "\(report.summary)")
                try node.removeRoute(subnet)
                try waitUntil("the route without an MTU") { try sender.routeMTU() == 0 }
            }
        }

        @Test(
            "E4, E10: what the kernel knows of the path before the agent does is learnt from its refusal",
            .tiers(
                .userspace, .bpf, .bpfMixed, because: "the ipip driver answers by itself, and nobody has to learn it"))
        func kernelKnowsFirst() throws {
            try withNarrowPath(config: Self.heedsKernel) { sender in
                let lab = sender.lab
                try sender.send(InnerSender.ping(bytes: 1480))
                _ = try #require(try sender.nextError())
                try waitUntil("the kernel's own soft state") {
                    try lab.host("n1").netlink { try $0.routeGet(InnerSender.peer)?.mtu } == 1300
                }
                // A new agent has learnt nothing, and its routes say nothing.
                try lab.stopAgent(on: "n1")
                try lab.startAgent(on: "n1")
                try lab.waitReady("n1")
                #expect(try sender.pathMTU() == nil && sender.routeMTU() == 0)
                let sniffer = try #require(lab.sniffer)
                sniffer.clear()
                let elsewhere = InnerSender.elsewhere
                try sender.send(InnerSender.ping(bytes: 1480, to: elsewhere), to: elsewhere)
                let told = try #require(try sender.nextError())
                #expect(told.code == 4 && told.mtu == 1280)
                #expect(sniffer.counts().ipip == 0, "the kernel refused it")
                try waitUntil("the route's MTU") { try sender.routeMTU() == 1280 }
                #expect(try sender.pathMTU() == 1300)
            }
        }

        @Test(
            "E10: where no ICMP is let in, the kernel's refusal alone tells the path MTU", .needs(.packetFilter),
            .tiers(
                .userspace, .bpf, .bpfMixed,
                because: "the ipip driver answers by itself what has DF, and the rest cannot be heard"))
        func refusalAlone() throws {
            try withNarrowPath(config: Self.heedsKernel) { sender in
                let lab = sender.lab
                try sender.send(InnerSender.ping(bytes: 1480))
                _ = try #require(try sender.nextError())
                try lab.stopAgent(on: "n1")
                for rule in [
                    "add table ip t", "add chain ip t input { type filter hook input priority 0; }",
                    "add rule ip t input icmp type destination-unreachable drop",
                ] {
                    let result = try lab.host("n1").execute("nft", [rule])
                    try #require(result.status.isSuccess, "nft \(rule): \(result.errors)")
                }
                try lab.startAgent(on: "n1")
                try lab.waitReady("n1")
                #expect(try sender.routeMTU() == 0)
                let elsewhere = InnerSender.elsewhere
                try sender.send(InnerSender.ping(bytes: 1480, to: elsewhere), to: elsewhere)
                try waitUntil("the route's MTU") { try sender.routeMTU() == 1280 }
                #expect(try sender.count("learnt") == 0, "not by ICMP")
                #expect(try lab.drops("n1", "tooBig") == 1)
            }
        }

        @Test("E4: a quotation too short for the inner sender is soft state that answers the next packet")
        func shortQuotation() throws {
            try withLab(.twoNodes()) { lab in
                let sender = try InnerSender(lab)
                try sender.forge(type: 3, code: 4, mtu: 1300, quotedBytes: 28)
                try waitUntil("the route's MTU") { try sender.routeMTU() == 1280 }
                #expect(try sender.count("relayed") == 0 && sender.count("learnt") == 1)
                try sender.send(InnerSender.ping(bytes: 1281))
                let told = try #require(try sender.nextError())
                #expect(told.code == 4 && told.mtu == 1280)
            }
        }

        @Test("E7: a larger report raises nothing, a smaller one lowers it, and none goes below 68 outside or inside")
        func onlyDown() throws {
            try withLab(.twoNodes()) { lab in
                let sender = try InnerSender(lab)
                for (told, outer, route) in [(1400, 1400, 1380), (1450, 1400, 1380), (1000, 1000, 980), (1, 68, 68)] {
                    try sender.forge(type: 3, code: 4, mtu: UInt16(told))
                    // Relayed in order: when the answer is there, the message has been taken.
                    _ = try #require(try sender.nextError())
                    #expect(try sender.pathMTU() == outer)
                    try waitUntil("an MTU of \(route)") { try sender.routeMTU() == UInt32(route) }
                }
            }
        }
    }
}
