// The express path: frames where nothing on the host has to see outer packets, the socket at once where something has.

import Foundation
import Lab
import LinuxSystem
import Net
import Rtnetlink
import TestSupport
import Testing

extension EndToEndTests {
    @Suite(
        "The express path", .needsProgram("ip"), .needsProgram("tc"),
        .tiers(.userspace, because: "driver and programs have ways of their own, which the kernel finds"))
    struct Express {
        private static let gateway = "10.0.1.254"
        private static let otherAddress = "02:00:00:00:07:07"

        @Test func `Outer packets leave as frames where nothing has to see them, and status and check say so`() throws {
            try withLab(.threeNodes()) { lab in
                let first = try #require(try lab.status("n1"))
                #expect(first.peer("n2")?.outer == nil, "nothing is tunnelled to n2")
                #expect(["socket", "frame"].contains(first.peer("n3")?.outer))
                try lab.expectFrames("n1", to: "n3")
                try lab.expectTraffic(from: "n1", to: "n3", forth: .tunnel, back: .tunnel)
                let found = try lab.expressFindings("n1")
                #expect(found.count == 1 && found.first?.contains(Self.gateway) == true, "\(found)")
            }
        }

        @Test(.needs(.packetFilter))
        func `Rules that see sent packets switch to the socket and count every packet; without them it is frames`()
            throws
        {
            try withLab(Self.specification) { lab in
                try lab.expectFrames("n1", to: "n3")
                let node = try lab.host("n1")
                try node.tool("nft", ["add table inet site"])
                try node.tool("nft", ["add chain inet site out { type filter hook output priority 0; }"])
                try node.tool("nft", ["add rule inet site out ip protocol 4 counter"])
                try lab.expectOuter("n1", to: "n3", "socket", "outputRules")
                let found = try lab.expressFindings("n1")
                #expect(found.first?.contains("chain out of table inet site") == true, "\(found)")
                let before = try Self.counted(on: node)
                #expect(try lab.ping(from: "w1", to: "w3", count: 20).isComplete)
                let after = try Self.counted(on: node)
                #expect(after == before + 20)
                // A chain without rules takes nothing from anybody.
                try node.tool("nft", ["flush chain inet site out"])
                try lab.expectFrames("n1", to: "n3")
                try node.tool("nft", ["add chain inet site out { policy drop; }"])
                try lab.expectOuter("n1", to: "n3", "socket", "outputRules")
                try node.tool("nft", ["delete table inet site"])
                try lab.expectFrames("n1", to: "n3")
            }
        }

        @Test(.needs(.packetFilter))
        func `Poplin's own table of the packet filter does not end the express path`() throws {
            var specification = Self.specification
            specification.pools[0].natOutgoing = true
            try withLab(specification) { lab in
                let listing = try lab.host("n1").tool("nft", ["list", "table", "ip", "poplin"])
                #expect(listing.contains("hook postrouting"), "\(listing)")
                try lab.expectFrames("n1", to: "n3")
                let found = try lab.expressFindings("n1")
                #expect(found.count == 1 && found.first?.contains(Self.gateway) == true, "\(found)")
            }
        }

        @Test(.needs(.packetFilter))
        func `always goes past the rules, and never asks nobody`() throws {
            try withIdleLab(Self.specification) { lab in
                let node = try lab.host("n1")
                try node.tool("nft", ["add table inet site"])
                try node.tool("nft", ["add chain inet site out { type filter hook output priority 0; }"])
                try node.tool("nft", ["add rule inet site out ip protocol 4 counter"])
                // One that never becomes stale: else the kernel would have to be asked by a packet through the socket.
                try lab.setGateway("n1", state: "permanent")
                try lab.startAgent(on: "n1", environment: ["POPLIN_TUNNEL_EXPRESS": "always"])
                try lab.startAgent(on: "n3", environment: ["POPLIN_TUNNEL_EXPRESS": "never"])
                for name in ["n1", "n3"] { try lab.waitReady(name) }
                try lab.expectOuter("n1", to: "n3", "frame", "neighbourReachable")
                #expect(try lab.ping(from: "w1", to: "w3", count: 20).isComplete)
                let counted = try Self.counted(on: node)
                #expect(counted == 0)
                try lab.expectOuter("n3", to: "n1", "socket", "configured")
            }
        }

        /// A classic program that takes every packet: no other kind of filter is in every kernel.
        private static let takesAll = "1,6 0 0 4294967295"

        /// What else stands in the way: how it is set up, how it is taken away, and the reason that is told.
        static let obstacles: [(program: String, set: String, unset: String, reason: String)] = [
            (
                "tc", "qdisc replace dev eth0 root tbf rate 1gbit burst 64k latency 50ms", "qdisc del dev eth0 root",
                "queueingDiscipline"
            ),
            (
                "tc", "qdisc add dev eth0 clsact; filter add dev eth0 egress prio 7 protocol ip bpf bytecode PROGRAM",
                "qdisc del dev eth0 clsact", "queueingDiscipline"
            ),
            ("ip", "rule add priority 100 to 192.0.2.0/24 table 1000", "rule del priority 100", "routingRules"),
            (
                "ip", "xfrm policy add dir out src 192.0.2.0/24 dst 192.0.2.0/24 action allow", "xfrm policy flush",
                "ipsecPolicies"
            ),
            (
                "ip", "route add 10.0.2.0/24 proto static via 10.0.1.254 advmss 1400",
                "route del 10.0.2.0/24", "routeDetail"
            ),
        ]

        @Test func `What only the kernel's own output heeds switches to the socket, and back when it is gone`() throws {
            try withLab(Self.specification) { lab in
                let node = try lab.host("n1")
                for (program, set, unset, reason) in Self.obstacles {
                    try lab.expectFrames("n1", to: "n3")
                    for command in set.split(separator: ";") {
                        let words = command.split(separator: " ").map { $0 == "PROGRAM" ? Self.takesAll : String($0) }
                        try node.tool(program, words)
                    }
                    try lab.expectOuter("n1", to: "n3", "socket", reason)
                    #expect(try lab.ping(from: "w1", to: "w3").isComplete, "\(set)")
                    try node.tool(program, unset.split(separator: " ").map(String.init))
                }
                try lab.expectFrames("n1", to: "n3")
            }
        }

        @Test func `A router that changes its address gets frames to the new one`() throws {
            try withLab(Self.specification) { lab in
                try lab.expectFrames("n1", to: "n3")
                try lab.router.tool("ip", ["link", "set", "br-net1", "address", Self.otherAddress])
                // Its announcement is what the kernel of n1 hears, and the agent from it.
                try waitUntil("frames to \(Self.otherAddress)") {
                    try lab.expressFindings("n1").contains { $0.contains(Self.otherAddress) }
                }
                #expect(try lab.ping(from: "w1", to: "w3", count: 20).isComplete)
                try lab.expectFrames("n1", to: "n3")
            }
        }

        @Test func `A cable that is cut leaves the socket, and frames again when it is mended`() throws {
            try withLab(Self.specification) { lab in
                try lab.expectFrames("n1", to: "n3")
                try lab.router.setLink("to-n1", isUp: false)
                try lab.expectOuter("n1", to: "n3", "socket", "linkDown")
                #expect(try lab.ping(from: "w1", to: "w3", count: 3, lateReplyMilliseconds: 1000).received == 0)
                try lab.router.setLink("to-n1", isUp: true)
                try waitUntil("packets that pass again") {
                    try lab.ping(from: "w1", to: "w3", count: 1, lateReplyMilliseconds: 1000).isComplete
                }
                try lab.expectFrames("n1", to: "n3")
            }
        }

        @Test func `A neighbour that the kernel forgets is asked for by the next packet`() throws {
            try withLab(Self.specification) { lab in
                try lab.expectFrames("n1", to: "n3")
                // Or its own question to n1, some seconds after the first packet, would tell n1 its address again.
                try lab.router.sysctl("net/ipv4/neigh/br-net1/delay_first_probe_time", "3600")
                // Where the kernel refuses to say it, the entry would still be there.
                try lab.host("n1").tool("ip", ["neigh", "flush", "dev", "eth0"])
                try lab.expectOuter("n1", to: "n3", "socket", "noNeighbour")
                #expect(try lab.ping(from: "w1", to: "w3", count: 20).isComplete)
                try lab.expectFrames("n1", to: "n3")
            }
        }

        @Test func `A stale neighbour is confirmed by the kernel without a packet lost`() throws {
            try withLab(Self.specification) { lab in
                let node = try lab.host("n1")
                try node.sysctl("net/ipv4/neigh/eth0/delay_first_probe_time", "1")
                try lab.expectFrames("n1", to: "n3")
                try lab.setGateway("n1", state: "stale")
                try lab.expectOuter("n1", to: "n3", "frame", "neighbourStale")
                let pings = try lab.startPing(from: "w1", to: "w3", intervalMilliseconds: 10)
                defer { _ = pings.stop() }
                try lab.expectOuter("n1", to: "n3", "frame", "neighbourReachable")
                let report = pings.stop()
                #expect(report.isComplete, "\(report.summary)")
            }
        }

        /// What the one counter of the chain `out` has counted.
        private static func counted(on node: LabHost) throws -> Int {
            let words = try node.tool("nft", ["list chain inet site out"]).split(whereSeparator: \.isWhitespace)
            let place = try #require(words.firstIndex(of: "packets"))
            return try #require(Int(words[place + 1]))
        }

        private static var specification: LabSpecification {
            var specification = LabSpecification.twoNodes()
            specification.hasSniffer = false
            return specification
        }
    }
}

extension Lab {
    /// Waits until a node's agent says how outer packets to another leave, and why.
    ///
    /// - Parameter reason: nil for any.
    func expectOuter(
        _ node: String, to peer: String, _ outer: String, _ reason: String?,
        location: SourceLocation = #_sourceLocation
    ) throws {
        var last: AgentStatus.Peer?
        do {
            try waitStatus(node, "\(outer), \(reason ?? "for any reason"), for \(peer)") {
                last = $0.peer(peer)
                return last?.outer == outer && (reason == nil || last?.outerReason == reason)
            }
        } catch {
            Issue.record("\(error): the last was \(String(describing: last))", sourceLocation: location)
        }
    }

    /// Pings, so that the kernel knows its neighbour, and waits for frames.
    fileprivate func expectFrames(
        _ node: String, to peer: String, location: SourceLocation = #_sourceLocation
    ) throws {
        let (source, target) = (try workload(of: node), try workload(of: peer))
        #expect(try ping(from: source.name, to: target.name, count: 1).isComplete, sourceLocation: location)
        var last: AgentStatus.Peer?
        do {
            try waitStatus(node, "frames to \(peer)") {
                last = $0.peer(peer)
                return last?.outer == "frame"
            }
        } catch {
            Issue.record("\(error): the last was \(String(describing: last))", sourceLocation: location)
        }
        #expect(try ping(from: source.name, to: target.name).isComplete, sourceLocation: location)
    }

    /// What `poplin check` finds about the express path.
    fileprivate func expressFindings(_ node: String) throws -> [String] {
        let result = try PoplinProgram.run(
            ["check", "--config", configPath(node), "--output", "json"], on: try host(node))
        let findings = try JSONDecoder().decode([JSONValue].self, from: Data(result.output.utf8))
        return findings.filter { $0["name"]?.text == "express" }.compactMap { $0["detail"]?.text }
    }

    /// Puts the router into a state in a node's ARP table, with the address that it has.
    fileprivate func setGateway(_ node: String, state: String) throws {
        let link = try #require(try router.netlink { try $0.link(named: "br-net1") })
        let octets = link.hardwareAddress.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
        try host(node).tool(
            "ip", ["neigh", "replace", "10.0.1.254", "lladdr", octets, "dev", "eth0", "nud", state])
    }
}
