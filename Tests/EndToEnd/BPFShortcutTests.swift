// The shortcut of the bpf tier: what workloads say to one another goes past the host's own IP, and nothing else does.

import Lab
import LinuxSystem
import Net
import TestSupport
import Testing

extension EndToEndTests {
    @Suite(
        "The shortcut", .needsProgram("tc"), .needsPacketFilter,
        .tiers(.bpf, .bpfMixed, because: "the others have no programs"))
    struct BPFShortcut {
        private static func specification(_ shortcut: Bool) -> LabSpecification {
            var specification = LabSpecification.threeNodes()
            for index in specification.nodes.indices {
                specification.nodes[index].extraConfig = "tunnel: {shortcut: \(shortcut)}"
            }
            return specification
        }

        @Test(arguments: [false, true])
        func `Packets of workloads pass tunl0, or go past it where it is asked for`(shortcut: Bool) throws {
            try withLab(Self.specification(shortcut)) { lab in
                let node = try lab.host("n1")
                if shortcut {
                    try waitUntil("a program on the workload's device") {
                        try node.tool("tc filter show dev caliw1 ingress").contains("poplin_workload")
                    }
                }
                // A first packet that waits for a neighbour takes the host's own way.
                #expect(try lab.ping(from: "w1", to: "w3").isComplete)
                // What the host forwards from the tunnel, in the eyes of its packet filter.
                for command in [
                    "add table ip seen", "add chain ip seen forward { type filter hook forward priority 0; }",
                    "add rule ip seen forward iifname tunl0 counter",
                ] {
                    try node.tool("nft", [command])
                }
                func seen() throws -> Int {
                    let words = try node.tool("nft list table ip seen").split(separator: " ")
                    let place = try #require(words.firstIndex(of: "packets"))
                    return try #require(Int(words[place + 1]))
                }
                let before = try seen()
                let report = try lab.ping(from: "w1", to: "w3", count: 50, intervalMilliseconds: 2)
                #expect(report.isComplete, "\(report.summary)")
                for (source, destination) in [("w1", "w3"), ("w3", "w1")] {
                    let stream = try lab.transfer(from: source, to: destination, bytes: 4 << 20)
                    #expect(stream.isIntact, "\(stream)")
                }
                let passed = try seen() - before
                #expect(shortcut ? passed < 50 : passed >= 50, "\(passed) packets were forwarded from tunl0")
                // The host itself, and a node without a tunnel in between.
                try lab.expectTraffic(from: "n1", to: "n2", forth: .direct, back: .direct)
                let told = try #require(try lab.status("n1")?.peer("n3"))
                #expect(told.txPackets >= 50 && told.rxPackets >= 50)
            }
        }

        @Test func `A workload that comes and goes gets its program, and loses it with the config`() throws {
            try withLab(Self.specification(true)) { lab in
                let node = try lab.host("n1")
                func hasProgram() throws -> Bool {
                    try node.tool("tc filter show dev caliw1 ingress").contains("poplin_workload")
                }
                try waitUntil("the program") { try hasProgram() }
                let route = try lab.workload(of: "n1").address
                try node.tool("ip route del \(route)/32")
                try waitUntil("the program to go with the workload's route") { try !hasProgram() }
                try node.tool("ip route add \(route)/32 dev caliw1 scope link")
                try waitUntil("the program to come back") { try hasProgram() }
                #expect(try lab.ping(from: "w1", to: "w3").isComplete)
                try lab.stopAgent(on: "n1")
                try lab.startAgent(on: "n1", environment: ["POPLIN_TUNNEL_SHORTCUT": "false"])
                try lab.waitReady("n1")
                try waitUntil("no program without the config") { try !hasProgram() }
                #expect(try lab.ping(from: "w1", to: "w3").isComplete)
            }
        }
    }
}
