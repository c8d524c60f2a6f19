// The check's findings from values and from small directory trees, without a network.

import Dataplane
import FoundationEssentials
import Glibc
import LinuxSystem
import Net
import Overlay
import Rtnetlink
import Testing

@testable import Agent

@Suite struct HostCheckTests {
    private func tree(_ files: [String: String], _ body: (String) throws -> Void) throws {
        let root = "/tmp/poplin-check-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        defer { try? FileManager.default.removeItem(atPath: root) }
        for (path, text) in files {
            try Directory.create(root + path.split(separator: "/").dropLast().map { "/\($0)" }.joined())
            try TextFile.replace(root + path, with: text)
        }
        try body(root)
    }

    @Test func withoutNetworkdNothingIsSaidOfIt() throws {
        try tree(["/etc/systemd/networkd.conf": ""]) { root in
            #expect(HostCheckSystem.networkd(root: root).isEmpty)
        }
    }

    @Test(arguments: [
        ([:], HostFinding.Level.warn),
        (["/etc/systemd/networkd.conf": "[Network]\nManageForeignRoutes=no\n"], .ok),
        (["/etc/systemd/networkd.conf": "[Network]\n#ManageForeignRoutes=no\n"], .warn),
        (["/etc/systemd/networkd.conf": "[DHCPv4]\nManageForeignRoutes=no\n"], .warn),
        // The first main file alone counts, and a drop-in wins over it.
        (
            [
                "/etc/systemd/networkd.conf": "",
                "/usr/lib/systemd/networkd.conf": "[Network]\nManageForeignRoutes=no\n",
            ], .warn
        ),
        (
            [
                "/etc/systemd/networkd.conf": "[Network]\nManageForeignRoutes=yes\n",
                "/usr/lib/systemd/networkd.conf.d/10-routes.conf": "[Network]\nManageForeignRoutes = false\n",
            ], .ok
        ),
        (
            [
                "/etc/systemd/networkd.conf.d/10-routes.conf": "[Network]\nManageForeignRoutes=yes\n",
                "/usr/lib/systemd/networkd.conf.d/10-routes.conf": "[Network]\nManageForeignRoutes=no\n",
            ], .warn
        ),
    ])
    func networkdsSay(files: [String: String], expected: HostFinding.Level) throws {
        try tree(files.merging(["/run/systemd/netif/state": ""]) { old, _ in old }) { root in
            #expect(HostCheckSystem.networkd(root: root).map(\.level) == [expected])
        }
    }

    @Test func theIPIPDriverIsFoundWhereItIs() throws {
        try tree(["/lib/modules/6.1/modules.dep": "kernel/net/ipv4/ipip.ko.xz: kernel/net/ipv4/tunnel4.ko.xz\n"]) {
            root in
            let directory = "\(root)/lib/modules/6"
            #expect(
                IPIPDriver.look(release: "6.1", root: root)
                    == .module(path: "\(directory).1/kernel/net/ipv4/ipip.ko.xz"))
            #expect(IPIPDriver.look(release: "6.2", root: root) == .unknown(directory: "\(directory).2"))
        }
        try tree(["/lib/modules/6.1/modules.builtin": "kernel/net/ipv4/ipip.ko\n"]) { root in
            #expect(IPIPDriver.look(release: "6.1", root: root) == .builtIn)
        }
        try tree(["/lib/modules/6.1/modules.dep": "kernel/net/ipv4/my-ipip.ko:\n"]) { root in
            #expect(IPIPDriver.look(release: "6.1", root: root) == .missing(directory: "\(root)/lib/modules/6.1"))
        }
        try tree(["/sys/module/ipip/refcnt": "0"]) { root in
            #expect(IPIPDriver.look(release: "6.1", root: root) == .loaded)
        }
    }

    @Test func onlyTheKernelsOwnRulesAreFine() {
        let own = [(0, 255), (32766, 254), (32767, 253)].map {
            RuleMessage(priority: UInt32($0.0), table: UInt32($0.1))
        }
        #expect(HostCheckSystem.rules(own).map(\.level) == [.ok])
        var marked = RuleMessage(priority: 0, table: 255)
        marked.mark = 1
        for other in [marked, RuleMessage(priority: 100, table: 254), RuleMessage(priority: 32766, table: 100)] {
            #expect(HostCheckSystem.rules(own + [other]).map(\.level) == [.warn])
        }
    }

    private func node(
        facts: HostFacts, observed: Observed = Observed(), state: ClusterState = ClusterState(), mtu: Int? = nil
    ) -> HostCheckNode {
        let local = LocalNode(name: "n1", address: interface("10.0.1.1/24"), tunnelMTU: mtu)
        let topology = Topology(state)
        return HostCheckNode(
            local: local, topology: topology, facts: facts, observed: observed,
            desired: DesiredState(local: local, topology: topology, facts: facts), agent: nil)
    }

    private let eth0 = Link(index: 2, name: "eth0", mtu: 1500, isUp: true)

    private func levels(_ node: HostCheckNode) -> [String: HostFinding.Level] {
        Dictionary(node.findings().map { ($0.name, $0.level) }, uniquingKeysWith: { first, _ in first })
    }

    @Test func anAbsentAddressAndAnEmptyClusterAreTold() {
        let found = levels(node(facts: HostFacts()))
        #expect(found["address"] == .fail)
        #expect(found["node"] == .fail)
        #expect(found["blocks"] == .warn)
        #expect(found["mtu"] == nil)
        #expect(node(facts: HostFacts()).scene == nil)
    }

    @Test func aSoundNodeHasNothingButGoodFindings() {
        let facts = HostFacts(
            links: [eth0], addresses: [LinkAddress(link: 2, address: interface("10.0.1.1/24"))],
            underlayRoutes: [UnderlayRoute(destination: prefix("10.0.1.0/24"), link: 2)])
        let state = ClusterState(
            nodes: [
                Node(name: "n1", address: interface("10.0.1.1/24")),
                Node(name: "n2", address: interface("10.0.1.2/24")),
            ], pools: [Pool(name: "pods", prefix: prefix("10.244.0.0/16"), ipipMode: .always)],
            blocks: [
                Block(prefix: prefix("10.244.1.0/26"), node: "n1"), Block(prefix: prefix("10.244.2.0/26"), node: "n2"),
            ])
        let observed = Observed(settings: ["net/ipv4/ip_forward": "1"])
        let sound = node(facts: facts, observed: observed, state: state)
        #expect(sound.findings().allSatisfy { $0.level == .ok && $0.remedy.isEmpty })
        #expect(
            sound.scene
                == FirewallScene(
                    address: interface("10.0.1.1/24").address, workload: interface("10.244.1.1/32").address,
                    underlayDevice: "eth0", tunnelDevice: "tunl0",
                    peers: [
                        .init(
                            name: "n2", address: interface("10.0.1.2/24").address,
                            workload: interface("10.244.2.1/32").address, isTunnelled: true)
                    ], pools: [prefix("10.244.0.0/16")]))
    }

    @Test func whatDoesNotFitIsToldWithItsRemedy() {
        let facts = HostFacts(
            links: [eth0, Link(index: 3, name: "tunl0", mtu: 1500, isUp: true, kind: "veth")],
            addresses: [LinkAddress(link: 2, address: interface("10.0.1.1/16"))],
            underlayRoutes: [
                UnderlayRoute(destination: prefix("10.0.0.0/16"), link: 2),
                UnderlayRoute(destination: prefix("10.244.3.0/26"), link: 2, routeProtocol: 4),
            ])
        let state = ClusterState(
            nodes: [
                Node(name: "n1", address: interface("10.0.1.1/25")),
                Node(name: "n2", address: interface("192.0.2.1/24")),
                Node(name: "n3", address: interface("10.0.1.3/24")),
            ], pools: [Pool(name: "pods", prefix: prefix("10.244.0.0/16"), ipipMode: .always)],
            blocks: [Block(prefix: prefix("10.244.3.0/26"), node: "n3")])
        let observed = Observed(
            device: facts.links[1],
            settings: [
                "net/ipv4/ip_forward": "0", "net/ipv4/conf/eth0/rp_filter": "1", "net/ipv4/conf/all/rp_filter": "0",
            ])
        let findings = node(facts: facts, observed: observed, state: state, mtu: 1481).findings()
        let found = Dictionary(findings.map { ($0.name, $0.level) }, uniquingKeysWith: { first, _ in first })
        for name in ["address", "forwarding", "rpFilter", "mtu", "node", "blocks"] {
            #expect(found[name] == .warn, "\(name)")
        }
        for name in ["device", "peers", "conflict"] { #expect(found[name] == .fail, "\(name)") }
        #expect(findings.filter { $0.level != .ok && $0.name != "foreignRoute" }.allSatisfy { !$0.remedy.isEmpty })
    }
}

private func interface(_ text: String) -> IPv4InterfaceAddress {
    IPv4InterfaceAddress(text) ?? IPv4InterfaceAddress(address: .any, prefixLength: 0)
}

private func prefix(_ text: String) -> IPv4Prefix { IPv4Prefix(text) ?? IPv4Prefix(host: .any) }
