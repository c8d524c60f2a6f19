// The host filter in the running kernel: what is written is read back, changed by its difference, and seen by nft.

import Dataplane
import LinuxSystem
import Net
import Nftables
import Overlay
import Rtnetlink
import TestSupport
import Testing

@Suite(.needsNamespaces, .needsPacketFilter)
struct FilterTableTests {
    @Test func `Without a table there is no filter, and what is written is read back as it was`() throws {
        try inNamespace {
            var table = FilterTable()
            let before = try #require(try table.observe())
            #expect(before.filter.isEmpty && before.isIntact)
            let masquerade = try sampleMasquerade()
            let pinned = sampleAdmission()
            var open = pinned
            open.local = nil
            open.others = []
            var unchecked = pinned
            unchecked.checksSources = false
            for filter in [
                HostFilter(masquerade: masquerade), HostFilter(admission: pinned, masquerade: masquerade),
                HostFilter(admission: open), HostFilter(admission: unchecked), HostFilter(admission: pinned),
                HostFilter(admission: Admission(local: nil, peers: [])), HostFilter(),
            ] {
                try table.set(filter)
                let after = try #require(try table.observe())
                #expect(after.filter == filter)
                let listing = try nft("list ruleset")
                #expect(after.isIntact, "\(listing)")
                #expect(listing.isEmpty == filter.isEmpty)
            }
        }
    }

    @Test func `nft shows the rules as the documentation does`() throws {
        try inNamespace {
            var table = FilterTable()
            try table.set(HostFilter(admission: sampleAdmission(), masquerade: try sampleMasquerade()))
            let listing = try nft("list table ip poplin")
            for line in [
                "ip protocol ipencap ip daddr 10.0.1.1 jump admission",
                "ip saddr 192.0.2.9 ip daddr 10.0.1.1 accept",
                #"ip saddr != @peers counter name "unknownOuterSource" drop"#,
                "ip saddr . @th,96,32 @sources32 goto admitted",
                "ip saddr . @th,96,32 & 0xffffffc0 @sources26 goto admitted",
                "ip saddr . @th,96,32 & 0xffffff00 @sources24 goto admitted",
                "ip protocol ipencap ip saddr 10.0.1.1 ip daddr @sent",
                "ip saddr @masqueraded ip daddr != @pools masquerade",
                "elements = { 10.244.0.0-10.245.127.255 }", "elements = { 10.244.0.0/15, 255.255.255.0/24 }",
            ] {
                #expect(listing.contains("\t\(line)\n"), "\(line) is not in \(listing)")
            }
        }
    }

    @Test func `A small change is sent as its elements alone: rules and sets stay the ones that they were`() throws {
        try inNamespace {
            var table = FilterTable()
            var admission = sampleAdmission()
            try table.set(HostFilter(admission: admission))
            _ = try table.observe()
            let before = try handles()
            admission.peers.append(address("10.0.4.1"))
            admission.sources.append(.init(prefix: prefix("10.244.4.0/26"), peer: address("10.0.4.1")))
            admission.sources.removeAll { $0.prefix == prefix("10.244.9.0/26") }
            let changed = Admission(
                local: admission.local, peers: admission.peers, sources: admission.sources,
                singleAddresses: admission.singleAddresses, others: admission.others)
            try table.set(HostFilter(admission: changed))
            let after = try #require(try table.observe())
            #expect(after.filter.admission == changed && after.isIntact)
            #expect(try handles() == before)
        }
    }

    @Test(arguments: [
        "flush table ip poplin", "flush chain ip poplin admitted", "insert rule ip poplin input accept",
        "add element ip poplin peers { 10.9.9.9 }", "delete element ip poplin sources26 { 10.0.2.1 . 10.244.2.0 }",
        "add chain ip poplin own", "add set ip poplin own { type inet_service; }",
        "add set ip poplin own { type ipv4_addr; }", "add counter ip poplin own",
        "add map ip poplin own { type ipv4_addr : verdict; }", "add table ip poplin { flags dormant; }",
        "add chain ip poplin input { policy drop; }", "add element ip poplin pools { 10.9.0.0/16 }",
        "delete table ip poplin",
    ])
    func `A change by hand is told and seen, and put right; our own is not told`(command: String) throws {
        try inNamespace {
            var table = FilterTable()
            let wanted = HostFilter(admission: sampleAdmission(), masquerade: try sampleMasquerade())
            try table.set(wanted)
            var monitor = try ChangeMonitor(.table(HostFilter.tableName))
            let seenBefore = try #require(try table.observe())
            #expect(seenBefore.filter == wanted && seenBefore.isIntact)
            try nft(command)
            let isTold = try monitor.drain(ignoring: table.portID)
            #expect(isTold)
            let seen = try #require(try table.observe())
            #expect(seen.filter != wanted || !seen.isIntact)
            try table.set(wanted)
            let isToldOfOwn = try monitor.drain(ignoring: table.portID)
            #expect(!isToldOfOwn)
            let after = try #require(try table.observe())
            let listing = try nft("list table ip poplin")
            #expect(after.filter == wanted && after.isIntact, "\(listing)")
        }
    }

    @Test func `A table of another layout is replaced in one transaction; other tables are left alone`() throws {
        try inNamespace {
            try nft("add table ip poplin")
            try nft("add chain ip poplin input { type nat hook prerouting priority -100; }")
            try nft("add set ip poplin peers { type inet_service; elements = { 80 } }")
            try nft("add rule ip poplin input tcp dport @peers accept")
            try nft("add table ip site")
            var table = FilterTable()
            let found = try #require(try table.observe())
            #expect(!found.isIntact)
            var monitor = try ChangeMonitor(.table(HostFilter.tableName))
            try nft("add chain ip site own")
            let isTold = try monitor.drain()
            #expect(!isTold)
            let wanted = HostFilter(admission: sampleAdmission())
            try table.set(wanted)
            let after = try #require(try table.observe())
            #expect(after.filter == wanted && after.isIntact)
            #expect(try nft("list tables") == "table ip site\ntable ip poplin\n")
        }
    }

    @Test func `A refusal names the object, and nothing has changed`() throws {
        try inNamespace {
            var socket = try TableSocket()
            let rule: [Nftables.Expression] = [.decide(.goto("nowhere"))]
            let wanted = Table(sets: [ElementSet("s", .addresses, [1])], chains: [Chain("c", rules: [rule])])
            do {
                try socket.change("poplin", from: nil, to: wanted)
                Issue.record("the kernel took a rule that leads nowhere")
            } catch let error as NetlinkError {
                #expect(error.operation == "add rule to" && error.object == "chain c of table ip poplin", "\(error)")
            }
            #expect(try nft("list ruleset").isEmpty)
        }
    }

    @Test func `65,536 prefixes of 1,000 peers are written in one transaction and read back the same`() throws {
        try inNamespace {
            var table = FilterTable()
            let peers = (0..<1000).map { number in
                let blocks = stride(from: number, to: 65536, by: 1000).map { UInt32($0) }
                return TunnelPeer(
                    name: "n\(number)", address: IPv4Address(rawValue: 0x0A00_0000 + UInt32(number)),
                    tunnelAddress: IPv4Address(rawValue: 0x6440_0000 + UInt32(number) * 64),
                    prefixes: blocks.map { block in
                        IPv4Prefix(containing: IPv4Address(rawValue: 0x6440_0000 + block * 64), length: 26)
                    })
            }
            let local = address("10.200.0.1")
            let wanted = HostFilter(admission: Admission(local: local, peers: peers))
            let isThere = try settle(&table, wanted)
            #expect(isThere)
            let fewer = HostFilter(admission: Admission(local: local, peers: Array(peers.dropFirst())))
            let isLess = try settle(&table, fewer)
            #expect(isLess)
        }
    }

    /// As an agent does, which looks again after each change: the kernel may pass over elements of a set that it is
    /// resizing.
    private func settle(_ table: inout FilterTable, _ wanted: HostFilter) throws -> Bool {
        for _ in 0..<5 {
            try table.set(wanted)
            let seen = try #require(try table.observe())
            if seen.filter == wanted && seen.isIntact { return true }
        }
        return false
    }
}

/// The numbers by which the kernel knows the objects of our table.
private func handles() throws -> [Substring] {
    let listing = try nft("--handle list table ip poplin")
    return listing.split(separator: "\n").filter { $0.contains("# handle") }
}
