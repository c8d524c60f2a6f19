// A host that ran something else: nothing of it is touched unasked, and when it is taken over, no packet is lost.

import Lab
import LinuxSystem
import Net
import Rtnetlink
import TestSupport
import Testing

extension EndToEndTests {
    @Suite("Adoption")
    struct Adoption {
        @Test func `What BIRD and Felix made is named and stays, and is taken over on demand without a lost packet`()
            throws
        {
            try withLab(Self.specification) { lab in
                let node = try lab.host("n1")
                let pings = try ["w2", "w3"].map { try lab.startPing(from: "w1", to: $0, intervalMilliseconds: 5) }
                try Self.layCalico(lab)
                let before = try Self.theirs(node)
                #expect(before.count == 6)
                let status = try lab.waitStatus("n1", "both conflicts") { $0.routes?.conflicts.count == 2 }
                #expect(status.routes?.conflicts.map(\.predecessor) == ["bird", "bird"])
                #expect(status.warnings?.first { $0.code == "leftovers" }?.message.contains("5 routes of bird") == true)
                try Self.expectPlanAndCheck(lab, node)
                #expect(try Self.theirs(node) == before)

                #expect(try lab.replaceAgent(on: "n1", arguments: ["--adopt"]) == .code(0))
                let after = try lab.waitReady("n1")
                #expect(after.ownWarnings?.map(\.code) == ["leftoversKept"])
                // What nobody but BIRD knows of, and the workload's own route.
                let left = try Self.theirs(node).map { "\($0.destination) \($0.routeProtocol)" }.sorted()
                #expect(left == ["10.244.1.2/32 80", "10.244.9.0/26 12"])
                for peer in ["n2", "n3"] { try lab.expectRoute("n1", to: peer, peer == "n2" ? .direct : .tunnel) }
                for ping in pings {
                    let report = ping.stop()
                    #expect(report.isComplete, "\(report.summary)")
                }
                let log = try TextFile.read(lab.logPath("n1"))
                #expect(log.contains("route replace 10.244.3.0/26 via 10.0.2.1 dev tunl0 proto 112"), "\(log)")
                #expect(log.contains("(was via 10.0.2.1 dev tunl0 proto bird onlink)"), "\(log)")

                // It is Poplin's now: an agent without the flag finds nothing to do.
                let watch = try KernelWatch(node)
                #expect(try lab.stopAgent(on: "n1") == .code(0))
                try lab.startAgent(on: "n1")
                try lab.waitReady("n1")
                try watch.drain()
                #expect(watch.changes == [])
            }
        }

        @Test func `Who brings his routes back is named once, and left alone until somebody ends him`() throws {
            try withIdleLab(Self.specification) { lab in
                for name in ["n2", "n3"] { try lab.startAgent(on: name) }
                try lab.startAgent(on: "n1", arguments: ["--adopt"])
                for name in ["n1", "n2", "n3"] { try lab.waitReady(name) }
                let node = try lab.host("n1")
                let block = try lab.block(of: "n3")
                let ping = try lab.startPing(from: "w1", to: "w3", intervalMilliseconds: 5)
                // As BIRD does it: in the place of ours, because it does not heed whose it is.
                let route = Self.bird(block, via: address("10.0.2.1"), try node.linkIndex("tunl0"))
                try node.perform([.replaceRoute(route)])
                try waitUntil("it to be taken over") { try lab.ownRoute("n1", to: block) != nil }
                try node.perform([.replaceRoute(route)])
                let status = try lab.waitStatus("n1", "the name of who still runs") {
                    $0.warnings?.contains { $0.code == "predecessorActive" } == true
                }
                #expect(status.routes?.conflicts.map(\.predecessor) == ["bird"])
                #expect(status.warnings?.contains { $0.message.contains("bird still runs on this host") } == true)
                #expect(try Self.theirs(node).contains { $0.destination == block })

                // When it has ended, a new agent need not wait.
                #expect(try lab.replaceAgent(on: "n1", arguments: ["--adopt"]) == .code(0))
                let after = try lab.waitReady("n1")
                #expect(after.ownWarnings == [])
                #expect(try !Self.theirs(node).contains { $0.destination == block })
                let report = ping.stop()
                #expect(report.isComplete, "\(report.summary)")
                let log = try TextFile.read(lab.logPath("n1"))
                #expect(log.split(separator: "\n").count { $0.contains("came back after being taken over") } == 1)
            }
        }

        @Test(.needsProgram("bird")) func `Routes that a real BIRD left are taken over`() throws {
            var specification = Self.specification
            specification.nodesForward = true
            try withIdleLab(specification) { lab in
                try lab.startAgent(on: "n2")
                try lab.waitReady("n2")
                let node = try lab.host("n1")
                let block = try lab.block(of: "n2")
                let own = try lab.block(of: "n1")
                let config = "\(lab.path)/bird.conf"
                try TextFile.replace(
                    config,
                    with: """
                        router id 10.0.1.1;
                        protocol device { }
                        protocol kernel { metric 0; persist; scan time 1; ipv4 { export all; }; }
                        protocol static { ipv4; route \(block) via 10.0.1.2; route \(own) blackhole; }

                        """)
                let bird = try ChildProcess.spawn(
                    Requirement.path(of: "bird") ?? "bird",
                    ["-f", "-c", config, "-s", "\(lab.path)/bird.ctl", "-P", "\(lab.path)/bird.pid"],
                    inNamespace: node.namespace, output: .null, errors: .null)
                defer { try? bird.terminate(Signals.kill) }
                try waitUntil("its routes") { try Self.theirs(node).count == 2 }
                try lab.startAgent(on: "n1")
                let status = try lab.waitStatus("n1", "a conflict") { $0.routes?.conflicts.isEmpty == false }
                #expect(status.routes?.conflicts.map(\.predecessor) == ["bird"])
                // What its programs hang on costs packets once, on a host that never had it (docs/operation.md).
                if Tiers.current.dataplane(of: "n1") == "bpf" { try lab.waitPrograms("n1") }
                let ping = try lab.startPing(from: "w1", to: "w2", intervalMilliseconds: 5)
                try waitUntil("replies") { ping.received >= 20 }
                try bird.terminate()
                #expect(try bird.wait(timeoutMilliseconds: 30_000) != nil)
                #expect(try Self.theirs(node).count == 2)

                #expect(try lab.replaceAgent(on: "n1", arguments: ["--adopt"]) == .code(0))
                try lab.waitReady("n1")
                #expect(try Self.theirs(node).isEmpty)
                try lab.expectRoute("n1", to: "n2", .direct)
                let report = ping.stop()
                #expect(report.isComplete, "\(report.summary)")
            }
        }

        /// What the agent's tunnel is beside flannel's.
        enum Device: String, CaseIterable, CustomTestStringConvertible {
            case another = "a TUN device of its own"
            case same = "flannel's own device, named in the config"

            var testDescription: String { rawValue }
        }

        @Test(.needs(.ipip), arguments: Device.allCases)
        func `What flannel left is taken over, routes and device, without a lost packet`(device: Device) throws {
            var specification = LabSpecification.twoNodes()
            specification.nodesForward = true
            specification.hasSniffer = false
            for index in specification.nodes.indices {
                // Blocks for the whole of the /24 that flannel gives a node.
                let first = specification.nodes[index].blocks[0].address.rawValue
                specification.nodes[index].blocks = (0..<4).map {
                    IPv4Prefix(containing: IPv4Address(rawValue: first + 64 * $0), length: 26)
                }
            }
            specification.nodes[0].dataplane = device == .same ? "kernel" : "userspace"
            if device == .same { specification.nodes[0].extraConfig = "tunnel:\n  device: flannel.ipip\n" }
            try withIdleLab(specification) { lab in
                try lab.startAgent(on: "n3")
                try lab.waitReady("n3")
                let node = try lab.host("n1")
                try Self.layFlannel(node)
                #expect(try lab.ping(from: "w1", to: "w3").isComplete, "flannel's own way")
                let pings = try ["w1", "n1"].map { try lab.startPing(from: $0, to: "w3", intervalMilliseconds: 5) }
                try lab.startAgent(on: "n1", arguments: ["--adopt"])
                let status = try lab.waitReady("n1", timeoutMilliseconds: 30_000)
                #expect(status.ownWarnings == [])
                #expect(try node.routes().filter { $0.destination == prefix("10.244.3.0/24") } == [])
                let hasDevice = try node.netlink { try $0.link(named: "flannel.ipip") != nil }
                #expect(hasDevice == (device == .same))
                for ping in pings {
                    let report = ping.stop()
                    #expect(report.isComplete, "\(report.summary)")
                }
            }
        }

        private static var specification: LabSpecification {
            var specification = LabSpecification.threeNodes()
            specification.hasSniffer = false
            return specification
        }

        /// Routes of the main table that another overlay made: of protocol 12 and 80.
        private static func theirs(_ node: LabHost) throws -> [RouteMessage] {
            try node.routes().filter { [12, 80].contains($0.routeProtocol) }
        }

        private static func bird(
            _ destination: IPv4Prefix, via gateway: IPv4Address, _ link: Int32, metric: UInt32 = 0
        ) -> RouteSpecification {
            RouteSpecification(
                destination: destination, gateway: gateway, link: link, metric: metric, isOnlink: true,
                routeProtocol: 12)
        }

        /// What Calico leaves on n1 with BIRD, and a workload's route by Felix: in the places of ours, so that packets
        /// have a way all the time.
        private static func layCalico(_ lab: Lab) throws {
            let node = try lab.host("n1")
            let (tunnel, underlay) = (try node.linkIndex("tunl0"), try node.linkIndex("eth0"))
            let workload = IPv4Prefix(host: try lab.address(of: "w1"))
            var felix = RouteSpecification(try #require(try node.routes().first { $0.destination == workload }))
            felix.routeProtocol = 80
            try node.perform([
                .replaceRoute(felix),
                .replaceRoute(bird(try lab.block(of: "n2"), via: address("10.0.1.2"), underlay)),
                .replaceRoute(bird(try lab.block(of: "n3"), via: address("10.0.2.1"), tunnel)),
                .addRoute(bird(try lab.block(of: "n3"), via: address("10.0.2.1"), tunnel, metric: 32)),
                .addRoute(
                    RouteSpecification(destination: try lab.block(of: "n1"), kind: .blackhole, routeProtocol: 12)),
                .addRoute(bird(prefix("10.244.9.0/26"), via: address("10.0.2.1"), tunnel)),
            ])
        }

        /// What flannel's ipip backend makes on n1.
        private static func layFlannel(_ node: LabHost) throws {
            try node.perform([
                .createLink(
                    LinkSpecification(
                        name: "flannel.ipip", kind: "ipip", mtu: 1480, isUp: true,
                        ipip: IPIPParameters(local: address("10.0.1.1"))))
            ])
            let link = try node.linkIndex("flannel.ipip")
            try node.sysctl("net/ipv4/conf/flannel.ipip/rp_filter", "0")
            try node.perform([
                .addAddress(AddressMessage(link: link, address: interface("10.244.1.1/32"))),
                .addRoute(
                    RouteSpecification(
                        destination: prefix("10.244.3.0/24"), gateway: address("10.0.2.1"), link: link,
                        isOnlink: true, routeProtocol: 3)),
            ])
        }

        private static func expectPlanAndCheck(_ lab: Lab, _ node: LabHost) throws {
            let config = lab.configPath("n1")
            let plan = try PoplinProgram.run(["plan", "--adopt", "--config", config], on: node)
            #expect(plan.status == .code(2))
            let lines = plan.output.split(separator: "\n").map(String.init)
            #expect(lines.filter { $0.hasPrefix("route replace") && $0.contains("proto bird") }.count == 2, "\(lines)")
            #expect(lines.filter { $0.hasPrefix("route remove") && $0.contains("proto bird") }.count == 2, "\(lines)")
            let check = try PoplinProgram.run(["check", "--config", config], on: node)
            #expect(check.output.contains("5 routes of bird (10.244.1.0/26, 10.244.2.0/26, 10.244.3.0/26, …)"))
            #expect(check.output.contains("poplin agent --adopt"))
            #expect(check.output.contains("of protocol 12 (bird)"))
        }
    }
}
