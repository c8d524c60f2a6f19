// What is the bpf tier's alone: how it looks, that it sleeps while packets pass, its ways, and one run without staying.

import Lab
import LinuxSystem
import Net
import TestSupport
import Testing

extension EndToEndTests {
    @Suite(
        "The bpf tier", .needsProgram("tc"), .needsProgram("ip"),
        .tiers(.bpf, .bpfMixed, because: "the others have no programs"))
    struct BPFTier {
        /// As docs/operation.md shows them; what differs between versions of `ip` and `tc` is left out.
        @Test func `Device, programs and routes look as documented`() throws {
            try withLab(.threeNodes()) { lab in
                let node = try lab.host("n1")
                let programs = try lab.waitPrograms("n1")
                let device = try node.tool("ip -d link show tunl0")
                for words in ["tunl0: <POINTOPOINT", "UP,LOWER_UP> mtu 1480", "tun type tun", "persist on"] {
                    #expect(device.contains(words), "\(device)")
                }
                for (place, program) in programs {
                    let listing = try node.filters(on: place.device, place.direction)
                    for words in ["pref 112 bpf", "handle 0x1 \(program.name)", "direct-action", "id \(program.id) "] {
                        #expect(listing.contains(words), "\(words) is missing: \(listing)")
                    }
                    print(listing)
                }
                let routes = try node.tool("ip route")
                #expect(routes.contains("10.244.3.0/26 via 10.0.2.1 dev tunl0 proto 112 src 10.244.1.1 onlink"))
                let status = try lab.waitReady("n1")
                #expect(status.tier == "bpf" && status.tierReason == "configured")
                let check = try PoplinProgram.run(["check", "--config", lab.configPath("n1")], on: node)
                #expect(check.status == .code(0) && check.output.contains("bpf"), "\(check.output)")
            }
        }

        @Test(.enabled(if: Requirement.ipip.missing != nil, "n/a here: the ipip driver is there"))
        func `auto takes programs before the userspace tier, where there is no driver`() throws {
            var specification = Self.specification
            specification.nodes[0].dataplane = "kernel"
            try withIdleLab(specification) { lab in
                try lab.startAgent(on: "n1", environment: ["POPLIN_DATAPLANE": "auto"])
                let status = try lab.waitReady("n1")
                #expect(status.tier == "bpf")
                #expect(status.tierReason.hasPrefix("auto; kernel: "), "\(status.tierReason)")
            }
        }

        @Test func `The agent sleeps while packets pass, and what is counted is told by peer`() throws {
            try withLab(Self.specification) { lab in
                let node = try lab.host("n1")
                try lab.waitPrograms("n1")
                // Neighbours are known, and nobody asks for them while it counts.
                for device in ["eth0", "caliw1"] {
                    try node.sysctl("net/ipv4/neigh/\(device)/base_reachable_time_ms", "3600000")
                }
                #expect(try lab.ping(from: "w1", to: "w3").isComplete)
                try lab.waitForRest("n1")
                let before = try lab.agentReads("n1")
                let known = try #require(try lab.status("n1")?.peer("n3"))
                let report = try lab.ping(from: "w1", to: "w3", count: 500, intervalMilliseconds: 1)
                #expect(report.isComplete, "\(report.summary)")
                let stream = try lab.transfer(from: "w3", to: "w1", bytes: 8 << 20)
                #expect(stream.isIntact, "\(stream)")
                let turns = try lab.agentReads("n1") - before
                #expect(turns < 20, "the thread for packets has slept \(turns) times")
                let told = try #require(try lab.status("n1")?.peer("n3"))
                #expect(told.txPackets >= known.txPackets + 500 && told.rxBytes > known.rxBytes + 8 << 20)
            }
        }

        /// What keeps outer packets from being redirected, set and unset, and the reason that is told.
        static let obstacles: [(set: String, unset: String, reason: String)] = [
            (
                "ip xfrm policy add dir out src 192.0.2.0/24 dst 192.0.2.0/24 action allow", "ip xfrm policy flush",
                "ipsecPolicies"
            )
        ]

        @Test func `Outer packets are redirected, and left to the agent where they must pass the host's own output`()
            throws
        {
            try withLab(.twoNodes()) { lab in
                let node = try lab.host("n1")
                try lab.expectOuter("n1", to: "n3", "redirect", nil)
                for (set, unset, reason) in Self.obstacles {
                    try node.tool(set)
                    try lab.expectOuter("n1", to: "n3", "socket", reason)
                    try lab.expectTraffic(from: "n1", to: "n3", forth: .tunnel, back: .tunnel)
                    try node.tool(unset)
                    try lab.expectOuter("n1", to: "n3", "redirect", nil)
                    try lab.expectTraffic(from: "n1", to: "n3", forth: .tunnel, back: .tunnel)
                }
            }
            var specification = LabSpecification.twoNodes()
            specification.nodes[0].extraConfig = "tunnel: {express: never}"
            try withLab(specification) { lab in
                try lab.expectOuter("n1", to: "n3", "socket", "configured")
                try lab.expectTraffic(from: "n1", to: "n3", forth: .tunnel, back: .tunnel)
            }
        }

        @Test func `A routing rule for the tunnel's packets is heeded`() throws {
            try withLab(.twoNodes()) { lab in
                let node = try lab.host("n1")
                // The rule leads by another device than the main table does.
                try lab.layCable("n1", device: "eth1", port: "to-n1b")
                try node.sysctl("net/ipv4/conf/eth1/rp_filter", "0")
                try node.tool("ip route add 10.0.2.0/24 via 10.0.1.254 dev eth1 onlink table 100")
                try node.tool("ip rule add priority 100 to 10.0.2.0/24 table 100")
                try lab.waitForRest("n1")
                let sniffer = try PacketSniffer(on: lab.router, devices: ["to-n1b"])
                defer { sniffer.stop() }
                try waitUntil("the other device to be taken") {
                    sniffer.clear()
                    _ = try lab.ping(from: "w1", to: "w3", count: 3, lateReplyMilliseconds: 1000)
                    return sniffer.counts().ipip(from: try lab.underlay("n1"), to: try lab.underlay("n3")) == 3
                }
                #expect(try lab.ping(from: "w1", to: "w3").isComplete)
            }
        }

        @Test func `One run without staying makes everything, and leaves the packets to the kernel`() throws {
            var specification = Self.specification
            // The other end must do without a process as well.
            for index in specification.nodes.indices { specification.nodes[index].dataplane = "bpf" }
            try withIdleLab(specification) { lab in
                let node = try lab.host("n1")
                for name in ["n1", "n3", "n1"] {
                    let run = try PoplinProgram.run(
                        ["agent", "--once", "--config", lab.configPath(name)], on: try lab.host(name))
                    #expect(run.status == .code(0), "\(run.errors)")
                    try lab.waitPrograms(name)
                }
                for size in [56, 1452, 4000] {
                    let report = try lab.ping(from: "w1", to: "w3", payloadBytes: size)
                    #expect(report.isComplete, "\(size): \(report.summary)")
                }
                let stream = try lab.transfer(from: "w1", to: "w3", bytes: 8 << 20)
                #expect(stream.isIntact, "\(stream)")
                // Nobody runs, and nothing is left to do.
                let plan = try PoplinProgram.run(["plan", "--config", lab.configPath("n1")], on: node)
                #expect(plan.status == .code(0), "\(plan.output)")
            }
        }

        private static var specification: LabSpecification {
            var specification = LabSpecification.twoNodes()
            specification.hasSniffer = false
            return specification
        }
    }
}
