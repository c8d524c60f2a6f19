// The kernel's driver and the host's packet filter together: what a person sees of them, and the tunnels of others.

import Lab
import LinuxSystem
import Net
import TestSupport
import Testing

extension EndToEndTests {
    @Suite(
        "The driver and the packet filter", .needs(.ipip), .needsPacketFilter, .needsProgram("ip"),
        .tiers(.kernel, .mixed, .bpfKernel, because: "it is about the tunnels of the ipip driver"))
    struct KernelFilter {
        /// As docs/operation.md shows them; what differs between versions of `ip` and `nft` is left out.
        @Test func `Device, routes and table look as documented`() throws {
            var specification = LabSpecification.threeNodes()
            specification.pools[0].natOutgoing = true
            try withLab(specification) { lab in
                let device = try lab.shown("n1", "ip", ["-d", "link", "show", "tunl0"])
                for words in [
                    "tunl0@NONE: <NOARP,UP,LOWER_UP> mtu 1480", "link/ipip 10.0.1.1 brd 0.0.0.0",
                    "ipip remote any local 10.0.1.1 ttl inherit tos inherit nopmtudisc",
                ] { #expect(device.contains(words), "\(device)") }

                let routes = try lab.shown("n1", "ip", ["route"])
                for line in [
                    "default via 10.0.1.254 dev eth0",
                    "10.0.1.0/24 dev eth0 proto kernel scope link src 10.0.1.1",
                    "blackhole 10.244.1.0/26 proto 112 metric 2147418112",
                    "10.244.2.0/26 via 10.0.1.2 dev eth0 proto 112",
                    "10.244.3.0/26 via 10.0.2.1 dev tunl0 proto 112 src 10.244.1.1 onlink",
                ] {
                    let found = routes.split(separator: "\n").contains { $0.hasPrefix(line) }
                    #expect(found, "\(line) is missing: \(routes)")
                }

                let table = try lab.shown("n1", "nft", ["list", "table", "ip", "poplin"])
                for line in Self.documentedTable { #expect(table.contains(line), "\(line) is missing: \(table)") }
                print("\(device)\(routes)\(table)")
            }
        }

        @Test func `What passes is counted by peer, and shows in status without the outer headers`() throws {
            try withLab(.threeNodes()) { lab in
                for (peer, count) in [("w3", 7), ("w2", 3)] {
                    let report = try lab.ping(from: "w1", to: peer, count: count)
                    #expect(report.isComplete, "\(report.summary)")
                }
                let status = try lab.waitReady("n1")
                let (tunnelled, direct) = (status.peer("n3"), status.peer("n2"))
                #expect(tunnelled?.txPackets == 7 && tunnelled?.txBytes == 7 * 84, "\(tunnelled as Any)")
                #expect(tunnelled?.rxPackets == 7 && tunnelled?.rxBytes == 7 * 84, "\(tunnelled as Any)")
                #expect(direct?.txPackets == 0 && direct?.rxPackets == 0, "\(direct as Any)")
                #expect(status.drops?.values.allSatisfy { $0 == 0 } == true, "\(status.drops as Any)")
            }
        }

        @Test func `A tunnel of somebody else on the host goes on, and makes nobody else welcome`() throws {
            var specification = LabSpecification.twoNodes()
            specification.nodes.append(
                NodeSpecification(
                    name: "x", subnet: "net1", address: interface("10.0.1.66/24"), isRegistered: false))
            try withLab(specification) { lab in
                let (node, far) = (address("10.0.1.1"), address("10.0.1.66"))
                try lab.addForeignTunnel("x", from: far, to: node, inner: "192.168.77.2")
                try lab.addForeignTunnel("n1", from: node, to: far, inner: "192.168.77.1")
                // The rule for it comes with the next look at the host.
                try waitUntil("the foreign tunnel to have its rule") {
                    try lab.shown("n1", "nft", ["list", "chain", "ip", "poplin", "admission"])
                        .contains("ip saddr \(far) ip daddr \(node) accept")
                }
                let report = try lab.ping(from: "x", to: address("192.168.77.1"))
                #expect(report.isComplete, "\(report.summary)")
                try lab.waitReady("n1")

                let before = try lab.drops("n1", "unknownOuterSource")
                let inner = ForgedPacket.ping(source: address("10.244.3.2"), destination: address("10.244.1.2"))
                try lab.host("x").sendRaw(
                    ForgedPacket.ipip(source: address("10.0.1.77"), destination: node, inner: inner), to: node)
                try waitUntil("a stranger to be counted") {
                    try lab.drops("n1", "unknownOuterSource") == before + 1
                }

                // Without that tunnel its far end is a stranger as well.
                _ = try lab.shown("n1", "ip", ["link", "delete", "site0"])
                try waitUntil("the rule to go") {
                    try !lab.shown("n1", "nft", ["list", "chain", "ip", "poplin", "admission"]).contains("\(far)")
                }
                try lab.host("x").sendRaw(ForgedPacket.ipip(source: far, destination: node, inner: inner), to: node)
                try waitUntil("the far end to be counted") {
                    try lab.drops("n1", "unknownOuterSource") == before + 2
                }
                let pings = try lab.ping(from: "w1", to: "w3")
                #expect(pings.isComplete, "\(pings.summary)")
            }
        }

        private static let documentedTable = [
            "counter innerSourceNotOfPeer {", "counter unknownOuterSource {",
            "set peers {", "set sent {", "10.0.2.1 counter packets",
            "set sources26 {", "10.0.1.2 . 10.244.2.0", "10.0.2.1 . 10.244.3.0",
            "set sources32 {", "10.0.1.2 . 10.0.1.2", "10.0.2.1 . 10.0.2.1",
            "set masqueraded {", "set pools {", "elements = { 10.244.0.0/16 }",
            "type filter hook input priority filter - 10; policy accept;",
            "ip protocol ipencap ip daddr 10.0.1.1 jump admission",
            "ip saddr != @peers counter name \"unknownOuterSource\" drop",
            "ip saddr . @th,96,32 @sources32 goto admitted",
            "ip saddr . @th,96,32 & 0xffffffc0 @sources26 goto admitted",
            "counter name \"innerSourceNotOfPeer\" drop", "ip saddr @peers accept",
            "type filter hook output priority filter - 10; policy accept;",
            "ip protocol ipencap ip saddr 10.0.1.1 ip daddr @sent",
            "type nat hook postrouting priority srcnat; policy accept;",
            "ip saddr @masqueraded ip daddr != @pools masquerade",
        ]
    }
}

extension Lab {
    /// What one of the host's own programs says on a host of the lab.
    fileprivate func shown(_ host: String, _ program: String, _ arguments: [String]) throws -> String {
        let path = try #require(Requirement.path(of: program))
        let result = try self.host(host).execute(path, arguments)
        try #require(result.status.isSuccess, "\(program) \(arguments): \(result.errors)")
        return result.output
    }

    /// One end of a tunnel that has nothing to do with Poplin.
    fileprivate func addForeignTunnel(
        _ host: String, from local: IPv4Address, to remote: IPv4Address, inner: String
    ) throws {
        for command in [
            "link add site0 type ipip local \(local) remote \(remote)", "address add \(inner)/24 dev site0",
            "link set site0 up",
        ] { _ = try shown(host, "ip", command.split(separator: " ").map(String.init)) }
    }
}
