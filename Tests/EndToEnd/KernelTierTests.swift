// What is the kernel tier's alone: its device, the outer source, `--once`, and a host on which it is chosen or not.

import FoundationEssentials
import Lab
import LinuxSystem
import Net
import Packet
import Rtnetlink
import TestSupport
import Testing

extension EndToEndTests {
    @Suite(
        "The kernel tier", .needs(.ipip), .tiers(.kernel, because: "it is about the devices of the ipip driver"))
    struct KernelTier {
        @Test("The device bears the node's address, the configured TTL and the inner DSCP, and repairs are made")
        func device() throws {
            var specification = LabSpecification.twoNodes()
            specification.nodes[0].extraConfig = "tunnel: {ttl: 64}"
            try withLab(specification) { lab in
                let node = try lab.host("n1")
                let wanted = IPIPParameters(
                    local: address("10.0.1.1"), timeToLive: 64, typeOfService: 1, alwaysDF: true)
                func told() throws -> IPIPParameters? { try node.netlink { try $0.link(named: "tunl0")?.ipip } }
                #expect(try told() == wanted)
                #expect(try lab.status("n1")?.tier == "kernel")

                let other = IPIPParameters(local: address("10.0.1.9"), typeOfService: 4)
                try node.perform([.setLink(.name("tunl0"), LinkChange(ipip: other))])
                try waitUntil("the parameters to be put back") { try told() == wanted }
                try node.perform([.deleteLink(.name("tunl0"))])
                try waitUntil("another device") { try told() == wanted }
                try lab.waitReady("n1")
                let report = try lab.ping(from: "w1", to: "w3")
                #expect(report.isComplete, "\(report.summary)")
            }
        }

        @Test("On a node with several addresses, a pinned device sends from the node's own")
        func pinnedSource() throws {
            try withMisleadingRoute(.twoNodes()) { lab in
                let source = try outerSource(lab)
                #expect(source == address("10.0.1.1"))
                #expect(try lab.waitReady("n1").ownWarnings?.map(\.code) == [])
            }
        }

        @Test(
            "The driver's own device leaves it to the kernel, and the agent names what comes of it; another name helps")
        func fallbackSource() throws {
            try withFallbackDevices {
                var specification = LabSpecification.twoNodes()
                try withMisleadingRoute(specification) { lab in
                    let node = try lab.host("n1")
                    #expect(try node.netlink { try $0.link(named: "tunl0")?.ipip } == IPIPParameters())
                    #expect(try outerSource(lab) == address("10.0.1.50"))
                    let warning = try lab.waitReady("n1").warnings?.first { $0.code == "outerSource" }
                    #expect(warning?.message.contains("n3 leave from 10.0.1.50 instead of 10.0.1.1") == true)
                    let check = try PoplinProgram.run(["check", "--config", lab.configPath("n1")], on: node)
                    #expect(check.output.contains("outerSource"), "\(check.output)")

                    // Nobody can remove it: it is left as the driver makes it.
                    try lab.stopAgent(on: "n1")
                    let config = ["--config", lab.configPath("n1")]
                    #expect(try PoplinProgram.run(["clean"] + config, on: node).status == .code(0))
                    let left = try node.netlink { try $0.link(named: "tunl0") }
                    #expect(left?.isUp == false)
                    #expect(try node.netlink { try $0.addresses() }.allSatisfy { $0.link != left?.index })
                    let again = try PoplinProgram.run(["clean", "--dry-run"] + config, on: node)
                    #expect(!again.output.contains("tunl0"), "\(again.output)")
                }
                specification.nodes[0].extraConfig = "tunnel:\n  device: poplin0\n"
                try withMisleadingRoute(specification) { lab in
                    let source = try outerSource(lab)
                    #expect(source == address("10.0.1.1"))
                    #expect(try lab.waitReady("n1").ownWarnings?.map(\.code) == [])
                }
            }
        }

        @Test("Another device with the node's address stands in the way, and is named")
        func busy() throws {
            try withIdleLab(.twoNodes()) { lab in
                let node = try lab.host("n1")
                let ends = IPIPParameters(local: address("10.0.1.1"))
                try node.perform([.createLink(LinkSpecification(name: "other0", kind: "ipip", ipip: ends))])
                try lab.startAgents()
                let status = try lab.waitStatus("n1", "the device to be busy") {
                    $0.warnings?.contains { $0.message.contains("device busy: other0") } ?? false
                }
                #expect(!status.ready)
                try node.perform([.deleteLink(.name("other0"))])
                try lab.waitReady("n1")
            }
        }

        @Test("One run without staying makes everything, says what is missing, and leaves the packets to the kernel")
        func once() throws {
            try withIdleLab(.twoNodes()) { lab in
                let node = try lab.host("n1")
                let arguments = ["agent", "--once", "--config", lab.configPath("n1")]
                let block = try lab.block(of: "n3")
                try node.setRoute(block, via: address("10.0.1.254"))
                let conflict = try PoplinProgram.run(arguments, on: node)
                #expect(conflict.status == .code(1))
                #expect(conflict.errors.contains("1 route is in conflict"), "\(conflict.errors)")
                try node.removeRoute(block)
                for name in ["n1", "n3", "n1"] {
                    let run = try PoplinProgram.run(
                        ["agent", "--once", "--config", lab.configPath(name)], on: try lab.host(name))
                    #expect(run.status == .code(0), "\(run.errors)")
                }
                let report = try lab.ping(from: "w1", to: "w3")
                #expect(report.isComplete, "\(report.summary)")
                // Nobody runs, and nothing is left to do.
                let plan = try PoplinProgram.run(["plan", "--config", lab.configPath("n1")], on: node)
                #expect(plan.status == .code(0), "\(plan.output)")
            }
        }

        @Test(
            "auto takes the driver; where a TUN has the device's name, it says that the change takes a break, and how")
        func auto() throws {
            try withIdleLab(.twoNodes()) { lab in
                let node = try lab.host("n1")
                let config = ["--config", lab.configPath("n1")]
                let environment = ["POPLIN_DATAPLANE": "auto"]
                try lab.startAgent(on: "n1", environment: ["POPLIN_DATAPLANE": "userspace"])
                try lab.waitReady("n1")
                try lab.stopAgent(on: "n1")

                try lab.startAgent(on: "n1", environment: environment)
                let status = try lab.waitReady("n1")
                #expect(status.tier == "userspace")
                let remedy = "a change of tier takes a break: stop the agent, `poplin clean`, start it"
                #expect(status.tierReason.contains(remedy), "\(status.tierReason)")
                let check = try PoplinProgram.run(["check"] + config, on: node, environment: environment)
                #expect(check.output.contains(remedy), "\(check.output)")
                let successor = try PoplinProgram.run(["agent", "--take-over"] + config, on: node)
                #expect(successor.status == .code(1))
                #expect(successor.errors.contains("tunl0 is a TUN device"), "\(successor.errors)")
                try lab.stopAgent(on: "n1")

                #expect(try PoplinProgram.run(["clean"] + config, on: node).status == .code(0))
                try lab.startAgent(on: "n1", environment: environment)
                #expect(try lab.waitReady("n1").tier == "kernel")
                #expect(try lab.status("n1")?.tierReason == "auto")
                let other = try PoplinProgram.run(
                    ["agent", "--take-over"] + config, on: node, environment: ["POPLIN_DATAPLANE": "userspace"])
                #expect(other.status == .code(1))
                #expect(other.errors.contains("tier is kernel, not userspace"), "\(other.errors)")
                #expect(try lab.waitReady("n1").tier == "kernel")
            }
        }

        @Test("Outer packets need no way chosen for them, and status says so")
        func ways() throws {
            try withLab(.twoNodes()) { lab in
                let peer = try lab.status("n1")?.peers.first { $0.node == "n3" }
                #expect(peer?.outer == "kernel" && peer?.outerReason == nil)
                let check = try PoplinProgram.run(["check", "--config", lab.configPath("n1")], on: try lab.host("n1"))
                #expect(!check.output.contains("express"), "\(check.output)")
            }
        }

        @Test("What the driver drops is counted: an outer CE over an inner packet without ECN")
        func drops() throws {
            try withLab(.twoNodes()) { lab in
                let sender = try HostileSender(lab)
                try sender.send(HostileSender.inner(), typeOfService: 3)
                try waitUntil("the packet to be counted") { try lab.drops("n3", "ecnIllegalCombination") == 1 }
            }
        }

        /// A lab in which n1 has a second address that the route to n3 prefers.
        private func withMisleadingRoute(
            _ specification: LabSpecification, _ body: (Lab) throws -> Void
        ) throws {
            try withIdleLab(specification) { lab in
                let node = try lab.host("n1")
                let link = try node.linkIndex("eth0")
                try node.perform([
                    .addAddress(AddressMessage(link: link, address: interface("10.0.1.50/32"))),
                    .replaceRoute(
                        RouteSpecification(
                            destination: prefix("10.0.2.0/24"), gateway: address("10.0.1.254"), link: link,
                            source: address("10.0.1.50"), routeProtocol: 4)),
                ])
                try lab.startAgents()
                for name in ["n1", "n3"] { try lab.waitReady(name) }
                try body(lab)
            }
        }

        /// The outer source of what n1 tunnels to n3.
        private func outerSource(_ lab: Lab) throws -> IPv4Address {
            let sniffer = try #require(lab.sniffer)
            sniffer.clear()
            _ = try lab.ping(from: "w1", to: "w3", count: 2, lateReplyMilliseconds: 1000)
            let counts = sniffer.counts()
            for source in [address("10.0.1.1"), address("10.0.1.50")]
            where counts.ipip(from: source, to: address("10.0.2.1")) > 0 { return source }
            return .any
        }

        /// While the body runs, new namespaces get a device of the driver's own, as on a host with defaults.
        private func withFallbackDevices(_ body: () throws -> Void) throws {
            let setting = "net/core/fb_tunnels_only_for_init_net"
            let before = try Sysctl.read(setting)
            try Sysctl.write(setting, "0")
            defer { try? Sysctl.write(setting, before) }
            try body()
        }
    }
}
