// The walk through packet filters: known programs' rules from listings, and the kernel's own nftables.

import Glibc
import LinuxSystem
import Net
import TestSupport
import Testing

@testable import Agent

@Suite struct HostCheckFirewallTests {
    private let scene = FirewallScene(
        address: address("10.0.1.1"), workload: address("10.244.1.1"), underlayDevice: "eth0", tunnelDevice: "tunl0",
        peers: [
            .init(name: "n2", address: address("10.0.1.2"), workload: address("10.244.2.1"), isTunnelled: false),
            .init(name: "n3", address: address("10.0.2.1"), workload: address("10.244.3.1"), isTunnelled: true),
        ], pools: [prefix("10.244.0.0/16")])

    private func findings(save: String) -> [HostFinding] {
        Firewall(scene: scene, tables: FirewallSave.tables(save, program: "iptables")).findings()
    }

    private func findings(json: String) throws -> [HostFinding] {
        Firewall(scene: scene, tables: try FirewallNFT.tables(json)).findings()
    }

    @Test func nothingInTheWayIsOneGoodFinding() throws {
        #expect(findings(save: "").map(\.level) == [.ok])
        #expect(try findings(json: #"{"nftables": []}"#).map(\.level) == [.ok])
    }

    @Test func aContainerEnginesForwardPolicyIsNamedWithItsOwnPlaceForExceptions() {
        let found = findings(save: FirewallFixture.docker)
        #expect(found.map(\.level) == [.fail, .fail])
        #expect(found.first?.detail.contains("the policy of chain FORWARD, iptables table filter") == true)
        #expect(
            found.first?.remedy
                == "iptables -I DOCKER-USER -s 10.244.0.0/16 -j ACCEPT; iptables -I DOCKER-USER -d 10.244.0.0/16 -j ACCEPT"
        )
    }

    @Test func theContainerEnginesRemedyHelps() {
        #expect(findings(save: FirewallFixture.dockerWithRemedy).map(\.level) == [.ok])
    }

    @Test func ufwDropsTunnelPacketsAndForwarding() {
        let found = findings(save: FirewallFixture.ufw)
        #expect(found.map(\.level) == [.fail, .fail, .fail])
        #expect(
            found.map(\.remedy) == [
                "ufw allow from 10.0.1.2 to 10.0.1.1; ufw allow from 10.0.2.1 to 10.0.1.1",
                "ufw route allow from 10.244.0.0/16; ufw route allow to 10.244.0.0/16",
                "ufw route allow from 10.244.0.0/16; ufw route allow to 10.244.0.0/16",
            ])
    }

    @Test func ufwsRemedyHelps() {
        let allowed = FirewallFixture.ufw.replacing(
            "-A ufw-user-input -p tcp",
            with: """
                -A ufw-user-input -s 10.0.1.2/32 -d 10.0.1.1/32 -j ACCEPT
                -A ufw-user-input -s 10.0.2.1/32 -d 10.0.1.1/32 -j ACCEPT
                -A ufw-user-forward -s 10.244.0.0/16 -j ACCEPT
                -A ufw-user-input -p tcp
                """)
        #expect(findings(save: allowed).map(\.level) == [.ok])
    }

    @Test func firewalldsZoneIsNamed() throws {
        let found = try findings(json: FirewallFixture.firewalld)
        #expect(found.map(\.level) == [.fail, .fail, .fail])
        #expect(
            found.first?.detail
                == "tunnel packets (protocol 4) from n2 (10.0.1.2), n3 (10.0.2.1) are dropped by a rule of chain "
                + "filter_IN_public handle 29, table inet firewalld")
        #expect(
            found.first?.remedy.contains("--zone=public --add-rich-rule='rule family=ipv4 source address=10.0.1.2")
                == true)
        #expect(
            found.last?.remedy
                == "firewall-cmd --permanent --zone=trusted --add-source=10.244.0.0/16; firewall-cmd --reload")
    }

    @Test(arguments: [
        ("-A INPUT -p 4 -j DROP", HostFinding.Level.fail),
        ("-A INPUT -p ipencap -s 10.0.0.0/8 -j REJECT --reject-with icmp-port-unreachable", .fail),
        ("-A INPUT ! -i lo ! -p tcp -j DROP", .fail),
        ("-A INPUT -i eth+ -m u32 --u32 \"0>>22&0x3C@0=1\" -j DROP", .warn),
        ("-A INPUT -p tcp -m tcp --dport 80 -j DROP", .ok),
        ("-A INPUT -i eth1 -j DROP", .ok),
        ("-A INPUT -m mark --mark 0x8000/0x8000 -j DROP", .ok),
        ("-A INPUT -m mark ! --mark 0x1 -j DROP", .fail),
        ("-A INPUT -i eth+ -f -j DROP", .ok),
        ("-A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j DROP", .ok),
        ("-A INPUT -m conntrack --ctstate INVALID -j DROP", .ok),
        ("-A INPUT -m iprange --src-range 10.0.1.0-10.0.1.9 -j DROP", .fail),
        ("-A INPUT -m limit --limit 3/min -j DROP", .ok),
        ("-A INPUT -s 10.9.0.0/255.255.0.0 -j DROP", .ok),
        ("-A INPUT -j LOG --log-prefix \"a DROP\"\n-A INPUT -m dscp --dscp 0x01 -j ACCEPT\n-A INPUT -j DROP", .warn),
    ])
    func oneRuleOfIPTables(rules: String, expected: HostFinding.Level) {
        let listing = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n\(rules)\nCOMMIT\n"
        #expect(findings(save: listing).first?.level == expected)
    }

    @Test func aListingWithALoopComesToAnEnd() {
        let listing =
            "*filter\n:INPUT DROP [0:0]\n:A - [0:0]\n:B - [0:0]\n-A INPUT -j A\n-A A -j B\n-A A -j B\n-A B -j A\nCOMMIT\n"
        #expect(findings(save: listing).first?.level == .fail)
    }

    @Test(arguments: ["", "{", "[]", #"{"nftables": 1}"#, #"{"nftables": [{"rule": {"expr": [{"vmap": {}}]}}]}"#])
    func brokenListingsNeverStopTheCheck(text: String) {
        let tables = try? FirewallNFT.tables(text)
        #expect(tables?.isEmpty ?? true)
        #expect(FirewallSave.tables(text, program: "iptables").isEmpty)
    }

    @Test(
        .needsNamespaces, .needs(.packetFilter),
        arguments: [
            ("", "accept", HostFinding.Level.ok, ""),
            ("", "drop", .fail, "nft insert rule inet f in ip saddr 10.0.1.2 ip protocol 4 accept"),
            ("meta l4proto 4 accept", "drop", .ok, ""),
            ("meta l4proto 94 accept", "drop", .fail, "insert rule"),
            ("ip saddr @peers ip protocol 4 accept", "drop", .ok, ""),
            ("ip saddr { 10.0.1.2, 10.0.2.0/24 } accept", "drop", .ok, ""),
            ("ip protocol vmap { tcp : accept, 4 : drop }", "accept", .fail, "insert rule inet f in"),
            ("iifname vmap { eth0 : jump sub, eth1 : accept }", "accept", .fail, "insert rule inet f in"),
            ("iifname \"eth*\" ip protocol != { tcp, udp, icmp } counter drop", "accept", .fail, "insert rule"),
            ("meta mark 1 drop", "accept", .ok, ""),
            ("meta mark and 0x8000 == 0x8000 drop", "accept", .ok, ""),
            ("ip frag-off & 0x1fff != 0 drop", "accept", .ok, ""),
            ("ct mark != 1 drop", "accept", .fail, "insert rule"),
            ("ip dscp 1 drop", "accept", .warn, "insert rule"),
            ("fib daddr type local accept", "drop", .ok, ""),
            ("tcp dport 22 accept", "drop", .fail, "insert rule"),
            ("ct state established,related accept", "drop", .fail, "insert rule"),
            ("limit rate 5/second accept", "drop", .fail, "insert rule"),
            ("ip6 saddr ::1 drop", "accept", .ok, ""),
            ("meta pkttype broadcast drop", "accept", .ok, ""),
        ])
    func theKernelsOwnRules(rule: String, policy: String, expected: HostFinding.Level, remedy: String) throws {
        let name = "poplin-fw-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        try NetworkNamespace.create(name)
        defer { try? NetworkNamespace.delete(name) }
        let script = """
            table inet f {
                set peers { type ipv4_addr; flags interval; elements = { 10.0.1.2, 10.0.2.0/24 }; }
                chain sub { reject; }
                chain in { type filter hook input priority 0; policy \(policy); \(rule.isEmpty ? "" : rule + ";") }
            }
            """
        let made = try ChildProcess.run("nft", [script], inNamespace: name)
        try #require(made.status.isSuccess, "\(made.errors)")
        let scene = scene
        let found = try NetworkNamespace.run(in: name) {
            let reader = FirewallReader.read()
            let firewall = Firewall(scene: scene, tables: reader.tables, ruleText: FirewallReader.text)
            return reader.problems.isEmpty ? firewall.findings() : []
        }
        #expect(found.map(\.level) == [expected])
        #expect(found.first?.remedy.contains(remedy) == true)
        if expected != .ok, policy == "accept", !rule.contains("jump") {
            // The rule in nft's own words.
            #expect(found.first?.detail.contains("table inet f: \(rule.prefix(6))") == true)
        }
    }

    @Test(.needsNamespaces, .needs(.packetFilter)) func theRemedyForNFTHelps() throws {
        let name = "poplin-fw-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        try NetworkNamespace.create(name)
        defer { try? NetworkNamespace.delete(name) }
        let script = """
            table inet f {
                chain in { type filter hook input priority 0; policy drop; }
                chain passing { type filter hook forward priority 0; policy drop; }
                chain out { type filter hook output priority 0; policy accept; ip protocol 4 drop; }
            }
            """
        #expect(try ChildProcess.run("nft", [script], inNamespace: name).status.isSuccess)
        let scene = scene
        let look = { @Sendable in
            try NetworkNamespace.run(in: name) {
                Firewall(scene: scene, tables: FirewallReader.read().tables).findings()
            }
        }
        let found = try look()
        #expect(found.map(\.level) == [.fail, .fail, .fail, .fail])
        for command in found.flatMap({ $0.remedy.split(separator: "; ") }) {
            let words = command.split(separator: " ").map(String.init)
            #expect(try ChildProcess.run(words[0], Array(words.dropFirst()), inNamespace: name).status.isSuccess)
        }
        #expect(try look().map(\.level) == [.ok])
    }
}

private func address(_ text: String) -> IPv4Address { IPv4Address(text) ?? .any }

private func prefix(_ text: String) -> IPv4Prefix { IPv4Prefix(text) ?? IPv4Prefix(host: .any) }

extension String {
    /// All occurrences of `old` exchanged.
    fileprivate func replacing(_ old: String, with new: String) -> String {
        var result = ""
        var rest = self[...]
        while let range = rest.firstRange(of: old) {
            result += rest[..<range.lowerBound] + new
            rest = rest[range.upperBound...]
        }
        return result + rest
    }
}
