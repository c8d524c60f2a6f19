// The node config while the agent runs: what is live applies, what is not is said, what is bad or half is not taken.

import Lab
import LinuxSystem
import Net
import Rtnetlink
import Testing

extension EndToEndTests {
    @Suite("A changed node config")
    struct BadInputConfig {
        @Test func `tunnel.mtu takes effect live, and goes back`() throws {
            try Self.underTraffic { lab, _ in
                let node = try lab.host("n1")
                var specification = try lab.node("n1")
                specification.extraConfig = "tunnel:\n  mtu: 1400"
                try lab.update(specification)
                try lab.waitStatus("n1", "the new MTU") { $0.tunnel?.mtu == 1400 && $0.ready }
                #expect(try node.netlink { try $0.link(named: "tunl0")?.mtu } == 1400)
                specification.extraConfig = ""
                try lab.update(specification)
                try lab.waitStatus("n1", "the old MTU") { $0.tunnel?.mtu == 1480 && $0.ready }
            }
        }

        @Test(arguments: [
            ("node: n1", "node: n7", "node"), ("address: 10.0.1.1/24", "address: 10.0.1.7/24", "address"),
            ("dataplane: \(Tiers.current.dataplane(of: "n1"))", "dataplane: auto", "dataplane"),
            ("/cluster", "/other-cluster", "datastore.file"), ("/run\n", "/other-run\n", "runDirectory"),
            ("dataplane:", "tunnel: {device: tunl7}\ndataplane:", "tunnel.device"),
        ])
        func `What needs a restart is said in status and log, and changes nothing`(
            old: String, new: String, key: String
        ) throws {
            try Self.underTraffic { lab, text in
                let before = try OwnState(of: try lab.host("n1"))
                try TextFile.replace(lab.configPath("n1"), with: text.replacing(old, with: new))
                let status = try lab.waitStatus("n1", "the word of a restart") {
                    Self.warns($0, "restart needed: '\(key)'")
                }
                #expect(status.node == "n1" && status.address == "10.0.1.1/24")
                #expect(lab.logTail("n1", lines: 5).contains("restart needed: '\(key)'"))
                // What is live is still taken from such a config.
                try TextFile.replace(
                    lab.configPath("n1"), with: text.replacing(old, with: new) + "ipipMode: Always\n")
                try lab.waitStatus("n1", "the live key") { $0.peers.allSatisfy { $0.verdict == "tunnel" } }
                try TextFile.replace(lab.configPath("n1"), with: text)
                try lab.waitStatus("n1", "the warning to go") { $0.ready && $0.ownWarnings?.isEmpty == true }
                try waitUntil("the state as it was") { try OwnState(of: try lab.host("n1")) == before }
            }
        }

        @Test(arguments: [
            ("ipipMode: [\n", ":8"), ("ipipMode: Sometimes\n", ":7"), ("ipipmode: Always\n", ":7"),
            ("tunnel: {mtu: 7}\n", ":7"), ("node: n2\n", ":1"), ("\0\u{1}\n", ":7"),
        ])
        func `A bad config is named by its line, and the last good one stays in force`(
            bad: String, line: String
        ) throws {
            try Self.underTraffic { lab, text in
                let before = try OwnState(of: try lab.host("n1"))
                let path = lab.configPath("n1")
                try TextFile.replace(path, with: text + bad)
                let status = try lab.waitStatus("n1", "the warning") { Self.warns($0, path) }
                let message = status.warnings?.first { $0.code == "config" }?.message ?? ""
                #expect(message.contains(path + line), "\(message)")
                #expect(message.contains("last good") && !message.contains("\n"), "\(message)")
                #expect(lab.logTail("n1", lines: 5).contains(path + line))
                #expect(try OwnState(of: try lab.host("n1")) == before)
                // The agent goes on with its work meanwhile.
                try lab.write([.block(prefix("10.244.9.0/26"), node: "n2")])
                try waitUntil("a resource to apply") { try lab.ownRoute("n1", to: prefix("10.244.9.0/26")) != nil }
                try TextFile.replace(path, with: text)
                try lab.waitStatus("n1", "the warning to go") { $0.ready && $0.ownWarnings?.isEmpty == true }
            }
        }

        @Test func `A config that is gone keeps the last good one in force`() throws {
            try Self.underTraffic { lab, text in
                let path = lab.configPath("n1")
                try Files.move(path, to: path + ".away")
                try lab.waitStatus("n1", "the warning") { Self.warns($0, "\(path): not found") }
                try Files.move(path + ".away", to: path)
                try lab.waitStatus("n1", "the warning to go") { $0.ready && $0.ownWarnings?.isEmpty == true }
            }
        }

        @Test func `A config that is being written is taken when it is finished, never half`() throws {
            try Self.underTraffic(mode: .always) { lab, text in
                let path = lab.configPath("n1")
                let before = try OwnState(of: try lab.host("n1"))
                let whole = text.replacing("ipipMode: Always\n", with: "") + "ipipMode: CrossSubnet\n"
                // Half of it is a good config, with the pools' mode instead of this node's.
                let half = whole.replacing("ipipMode: CrossSubnet\n", with: "")
                var file = try HalfWrittenFile(path)
                try file.append(half)
                // Other files that come and go beside it are no reason to look at it.
                try TextFile.replace(path + ".bak", with: text)
                try lab.write([.block(prefix("10.244.9.0/26"), node: "n2")])
                try waitUntil("a resource to apply") { try lab.ownRoute("n1", to: prefix("10.244.9.0/26")) != nil }
                try lab.removeResource(LabResource.block(prefix("10.244.9.0/26"), node: "n2").name)
                try waitUntil("it to go") { try lab.ownRoute("n1", to: prefix("10.244.9.0/26")) == nil }
                let status = try #require(try lab.status("n1"))
                #expect(status.peers.map(\.reason) == ["modeAlways", "modeAlways"])
                #expect(status.ownWarnings == [])
                #expect(try OwnState(of: try lab.host("n1")) == before)
                try file.append("ipipMode: CrossSubnet\n")
                file.close()
                try lab.waitStatus("n1", "the finished config") {
                    $0.peers.map(\.reason) == ["sameSubnet", "differentSubnet"]
                }
            }
        }

        /// Runs a body with pings from n1's workload to both others, of which none may be lost.
        ///
        /// The body is given the text of n1's config: 6 lines, one more where it has a mode.
        private static func underTraffic(
            mode: LabMode? = nil, _ body: (Lab, String) throws -> Void
        ) throws {
            var specification = LabSpecification.threeNodes(mode: mode)
            specification.hasSniffer = false
            try withLab(specification) { lab in
                let pingers = try [
                    lab.startSteadyPing(from: "w1", to: "w3"), lab.startSteadyPing(from: "w1", to: "w2"),
                ]
                try body(lab, try TextFile.read(lab.configPath("n1")))
                for pinger in pingers {
                    try waitUntil("replies") { pinger.received > 20 }
                    let report = pinger.stop()
                    #expect(report.isComplete, "\(report.summary)")
                }
            }
        }

        private static func warns(_ status: AgentStatus, _ text: String) -> Bool {
            status.warnings?.contains { $0.code == "config" && $0.message.contains(text) } == true
        }
    }
}
