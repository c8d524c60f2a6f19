// The commands on a host of a real network, with the agent running and without.

import Dataplane
import Lab
import LinuxSystem
import Net
import Rtnetlink
import TestSupport
import Testing

extension EndToEndTests {
    @Suite("Commands")
    struct CommandLine {
        /// A destination, this node's mode, and what n1 says of it.
        static let explanations: [(destination: String, mode: LabMode?, verdict: String, reason: String)] = [
            ("10.244.2.7", .never, "direct", "modeNever"), ("10.244.3.7", .never, "direct", "modeNever"),
            ("10.244.2.7", .always, "tunnel", "modeAlways"), ("10.244.3.7", nil, "tunnel", "differentSubnet"),
            ("10.244.2.7", nil, "direct", "sameSubnet"), ("10.244.1.2", nil, "local", "ownBlock"),
            ("10.244.4.7", nil, "tunnel", "asymmetricPrefix"), ("10.244.5.7", nil, "tunnel", "hostPrefix"),
            ("10.244.6.7", nil, "tunnel", "notOnLink"), ("10.244.200.1", nil, "unrouted", "noRoute"),
            ("192.0.2.1", nil, "unrouted", "noRoute"), ("10.244.7.7", nil, "unrouted", "noRoute"),
        ]

        @Test func `explain gives every verdict with its reason, with an agent and without, in text and JSON`() throws {
            try withIdleLab(Self.allReasons) { lab in
                let node = try lab.host("n1")
                try node.setRoute(prefix("10.0.1.6/32"), via: address("10.0.1.254"))
                for isRunning in [false, true] {
                    if isRunning {
                        try lab.startAgent(on: "n1")
                        try lab.waitReady("n1")
                    }
                    for (destination, mode, verdict, reason) in Self.explanations {
                        try lab.setMode("n1", mode)
                        if isRunning {
                            try lab.waitStatus("n1", "the mode") { status in
                                status.ready && status.peers.allSatisfy { Self.agrees($0, with: mode) }
                            }
                        }
                        let arguments = ["explain", destination, "--config", lab.configPath("n1")]
                        let json = try PoplinProgram.json(arguments, on: node)
                        #expect(json["destination"] == .string(destination))
                        #expect(json["verdict"] == .string(verdict), "\(destination)")
                        #expect(json["reason"] == .string(reason), "\(destination)")
                        #expect(Self.explainKeys.subtracting(json.keys) == [])
                        #expect(json["installed"] == .bool(isRunning && verdict != "unrouted"), "\(destination)")
                        let text = try PoplinProgram.run(arguments, on: node)
                        #expect(text.status == .code(0))
                        #expect(text.output.hasPrefix("\(destination): \(verdict) (\(reason))\n"))
                        // The line that decides is marked, and nothing is coloured where nobody looks.
                        #expect(text.output.contains("\n→ ") && !text.output.contains("\u{1B}"), "\(text.output)")
                    }
                }
            }
        }

        @Test func `plan lists what the agent then does, and has nothing left after it`() throws {
            try withIdleLab(Self.plain) { lab in
                let node = try lab.host("n1")
                let arguments = ["plan", "--config", lab.configPath("n1")]
                let before = try PoplinProgram.run(arguments, on: node)
                #expect(before.status == .code(2))
                let lines = before.output.split(separator: "\n")
                #expect(before.output.contains("10.244.3.0/26 via 10.0.2.1 dev tunl0 proto 112"), "\(before.output)")
                #expect(lines.contains { $0.contains("net/ipv4/ip_forward = 1") })
                let changes = try PoplinProgram.json(arguments, on: node, expected: 2)["changes"]?.elements
                #expect(changes?.count == lines.count)
                #expect(try lab.ownRoutes("n1").isEmpty, "it only lists")

                try lab.startAgent(on: "n1")
                try lab.waitReady("n1")
                for line in lines {
                    #expect(try TextFile.read(lab.logPath("n1")).contains(line), "the agent's log lacks: \(line)")
                }
                let after = try PoplinProgram.run(arguments, on: node)
                #expect(after.status == .code(0) && after.output.isEmpty, "\(after.output)")
                #expect(try PoplinProgram.json(arguments, on: node)["changes"] == .array([]))
            }
        }

        @Test func `set takes effect in the running agent and keeps the rest of the file`() throws {
            try withLab(Self.plain, ready: ["n1"]) { lab in
                let node = try lab.host("n1")
                let path = lab.configPath("n1")
                try TextFile.replace(path, with: "# ours\n" + (try TextFile.read(path)))
                let result = try PoplinProgram.run(["set", "ipipMode=Always", "--config", path], on: node)
                #expect(result.status == .code(0) && result.output.contains("at once"), "\(result)")
                try lab.waitStatus("n1", "Always") { $0.ready && $0.peers.allSatisfy { $0.reason == "modeAlways" } }
                let mtu = try PoplinProgram.json(["set", "tunnel.mtu=1400", "--config", path], on: node)
                #expect(mtu["takesEffectLive"] == .bool(true))
                try lab.waitStatus("n1", "the MTU") { $0.tunnel?.mtu == 1400 }
                #expect(try TextFile.read(path).hasPrefix("# ours\nnode: n1\n"))

                let wrong = try PoplinProgram.run(["set", "ipipMode=Sometimes", "--config", path], on: node)
                #expect(wrong.status != .code(0) && wrong.errors.split(separator: "\n").count == 1, "\(wrong.errors)")
                #expect(try TextFile.read(path).contains("ipipMode: Always"))
            }
        }

        @Test func `check finds the host of a running agent good, and says what is wrong with a bad one`() throws {
            try withLab(Self.plain, ready: ["n1"]) { lab in
                let node = try lab.host("n1")
                let arguments = ["check", "--config", lab.configPath("n1")]
                let findings = try PoplinProgram.json(arguments, on: node).elements
                #expect(findings.count >= 5)
                let keys: Set<String> = ["level", "name", "detail", "remedy"]
                for finding in findings { #expect(keys.subtracting(finding.keys) == []) }
                #expect(!findings.contains { $0["level"] == .string("fail") }, "\(findings)")

                try lab.stopAgent(on: "n1")
                try node.sysctl("net/ipv4/ip_forward", "0")
                let bad = try PoplinProgram.run(arguments, on: node)
                #expect(bad.output.contains("ip_forward") || bad.output.contains("forward"), "\(bad.output)")
            }
        }

        @Test func `clean takes away all that is ours and nothing else, and not from under an agent`() throws {
            try withIdleLab(Self.plain) { lab in
                let node = try lab.host("n1")
                try node.sysctl("net/ipv4/ip_forward", "0")
                try node.setRoute(prefix("10.244.99.0/26"), via: address("10.0.1.254"))
                try node.setRoute(prefix("10.244.98.0/26"), kind: .blackhole)
                let foreign = try Self.foreignRoutes(node)
                try lab.startAgent(on: "n1")
                try lab.waitReady("n1")
                let config = ["--config", lab.configPath("n1")]

                let refused = try PoplinProgram.run(["clean"] + config, on: node)
                #expect(refused.status == .code(1) && refused.errors.split(separator: "\n").count == 1)
                #expect(refused.errors.contains("stop the agent first"), "\(refused.errors)")
                #expect(try lab.ownRoutes("n1").count == 3)

                try lab.stopAgent(on: "n1")
                let state = try OwnState(of: node)
                let listed = try PoplinProgram.json(["clean", "--dry-run"] + config, on: node)["found"]?.elements ?? []
                let kinds = Set(listed.compactMap { $0["kind"]?.text })
                #expect(Set(["route", "device", "hostSetting"]).subtracting(kinds) == [])
                #expect(listed.count { $0["kind"] == .string("route") } == 3)
                #expect(try OwnState(of: node) == state, "a dry run changes nothing")

                let removed = try PoplinProgram.json(["clean"] + config, on: node)
                #expect(removed["removed"]?.elements == listed && removed["failures"] == .array([]))
                #expect(try lab.ownRoutes("n1").isEmpty)
                #expect(try node.netlink { try $0.link(named: "tunl0") == nil })
                #expect(try node.run { try Sysctl.read("net/ipv4/ip_forward") } == "0")
                #expect(try Self.foreignRoutes(node) == foreign)
                #expect(try Directory.list(lab.runDirectory("n1")) == [])
                let again = try PoplinProgram.json(["clean"] + config, on: node)
                #expect(again["removed"] == .array([]))
            }
        }

        @Test(.enabled(if: Self.hasNoPrograms, "n/a here: the kernel has programs for traffic control"))
        func `The bpf tier is refused in one line where the kernel has no programs for traffic control`() throws {
            try Self.expectRefusal(of: "bpf", naming: "kernel")
        }

        @Test(.enabled(if: Self.hasNoDriver, "n/a here: the ipip driver is there"))
        func `The kernel's tier is refused in one line where there is no driver`() throws {
            try Self.expectRefusal(of: "kernel", naming: "ipip driver")
        }

        /// User Mode Linux has maps, and no programs that it could compile.
        private static var hasNoPrograms: Bool { !File.exists("/proc/sys/net/core/bpf_jit_enable") }

        private static var hasNoDriver: Bool {
            switch IPIPDriver.look() {
            case .missing, .unknown: true
            case .loaded, .builtIn, .module: false
            }
        }

        private static func expectRefusal(of tier: String, naming word: String) throws {
            var specification = plain
            specification.nodes[0].dataplane = tier
            try withIdleLab(specification) { lab in
                try expectRefusal(lab, naming: ["dataplane", tier, word])
            }
        }

        @Test(arguments: [
            ("POPLIN_IPIP_MODE", "Sometimes"), ("POPLIN_TUNNEL_MTU", "many"), ("POPLIN_ADDRESS", "10.0.1.1"),
            ("POPLIN_DATAPLANE", "quantum"),
        ])
        func `A wrong value in the environment is refused in one line that names it`(
            variable: String, value: String
        ) throws {
            try withIdleLab(Self.plain) { lab in
                try Self.expectRefusal(lab, environment: [variable: value], naming: [variable, value])
            }
        }

        @Test func `The environment wins over the file`() throws {
            try withIdleLab(Self.plain) { lab in
                try lab.startAgent(on: "n1", environment: ["POPLIN_IPIP_MODE": "Always"])
                try lab.waitStatus("n1", "Always") { $0.ready && $0.peers.allSatisfy { $0.reason == "modeAlways" } }
            }
        }

        private static func expectRefusal(
            _ lab: Lab, environment: [String: String] = [:], naming words: [String]
        ) throws {
            let result = try PoplinProgram.run(
                ["agent", "--config", lab.configPath("n1")], on: try lab.host("n1"), environment: environment)
            #expect(result.status == .code(1) && result.output.isEmpty)
            #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
            for word in words { #expect(result.errors.contains(word), "\(result.errors)") }
            #expect(try lab.ownRoutes("n1").isEmpty)
        }

        private static let explainKeys: Set<String> = [
            "destination", "verdict", "reason", "pool", "mode", "modeSource", "block", "node", "peerAddress", "via",
            "device", "tier", "mtu", "checks", "installed", "warnings",
        ]

        private static func agrees(_ peer: AgentStatus.Peer, with mode: LabMode?) -> Bool {
            switch mode {
            case .never: peer.reason == "modeNever" || peer.reason == "noRoute"
            case .always: peer.reason == "modeAlways" || peer.reason == "noRoute"
            default: peer.reason != "modeNever" && peer.reason != "modeAlways"
            }
        }

        private static func foreignRoutes(_ host: LabHost) throws -> Set<String> {
            Set(try host.routes().filter { $0.routeProtocol != poplinRoute }.map { "\($0)" })
        }

        private static var plain: LabSpecification {
            var specification = LabSpecification.threeNodes()
            specification.hasSniffer = false
            return specification
        }

        /// n1 with neighbours of every kind: n2 beside it, n3 in another subnet, and four of which only the cluster
        /// and n1's routes tell.
        private static var allReasons: LabSpecification {
            var specification = plain
            for (number, underlay) in [("4", "10.0.2.4/8"), ("5", "10.0.1.5/32"), ("6", "10.0.1.6/24")] {
                specification.nodes.append(
                    NodeSpecification(
                        name: "n\(number)", subnet: "net1", address: interface(underlay),
                        blocks: [prefix("10.244.\(number).0/26")], workloads: []))
            }
            return specification
        }
    }
}
