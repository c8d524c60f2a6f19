// natOutgoing: what leaves all pools bears the node's address, what stays in them never does, and running flows go on.

import Lab
import LinuxSystem
import Net
import TestSupport
import Testing

extension EndToEndTests {
    @Suite("natOutgoing", .needsPacketFilter, .needsProgram("ip"))
    struct NatOutgoing {
        @Test func `Packets that leave all pools bear the node's address, and no others do`() throws {
            try withNat(true) { lab in
                #expect(try lab.sourceOutside(of: "w1") == lab.underlay("n1"))
                #expect(try lab.sourceOutside(of: "w3") == lab.underlay("n3"))
                // Near and far: through the tunnel and direct, the workloads' own addresses are what arrives.
                try lab.expectTraffic(from: "n1", to: "n3", forth: .tunnel, back: .tunnel)
                try lab.expectTraffic(from: "n1", to: "n2", forth: .direct, back: .direct)
                // The excluded destinations are all pools, those without blocks and disabled ones too.
                let reserved = PoolSpecification(name: "reserved", prefix: prefix("192.0.2.0/24"))
                try lab.write([.pool(reserved)])
                let own = try lab.workload(of: "n1").address
                try waitUntil("w1's own address outside") { try lab.sourceOutside(of: "w1") == own }
                try lab.removeResource("pool-reserved")
                try waitUntil("n1's address outside") { try lab.sourceOutside(of: "w1") == lab.underlay("n1") }
            }
        }

        @Test(arguments: [false, true])
        func `Without natOutgoing nothing is masqueraded, and switching it harms no flow between workloads`(
            translatesAnyway: Bool
        ) throws {
            try withNat(false) { lab in
                let own = try lab.workload(of: "n1").address
                #expect(try lab.sourceOutside(of: "w1") == own)
                for node in nodes {
                    if translatesAnyway { try lab.addTranslation(node) }
                    #expect(try !lab.filterTable(node).contains("masquerade"))
                }
                let traffic = try AllPairsTraffic.start(in: lab)
                for round in 1...3 {
                    traffic.mark("on \(round)")
                    try lab.write([.pool(Self.pool(true))])
                    try lab.waitMasquerading(true)
                    try traffic.waitForReplies(20)
                    traffic.mark("off \(round)")
                    try lab.write([.pool(Self.pool(false))])
                    try lab.waitMasquerading(false)
                    try traffic.waitForReplies(20)
                }
                // Where tracking begins with our table, the kernel drops what it takes from the driver in one batch
                // with an earlier packet of the same flow (nf_ct_resolve_clash): TCP sends it again, a ping is lost.
                let isBegun = !translatesAnyway && Tiers.current != .userspace
                traffic.expectNoLoss(exceptAt: isBegun ? ["on 1", "on 2", "on 3"] : [])
            }
        }

        @Test(arguments: [false, true])
        func `On a host that translates addresses anyway, a flow to the outside goes on whatever is switched`(
            wasOn: Bool
        ) throws {
            try withNat(wasOn) { lab in
                try lab.addTranslation("n1")
                let source = try wasOn ? lab.underlay("n1") : lab.workload(of: "n1").address
                let other = try wasOn ? lab.workload(of: "n1").address : lab.underlay("n1")
                #expect(try lab.sourceOutside(of: "w1") == source)
                let stream = try StreamTraffic.start(
                    from: lab.host("w1"), to: lab.router, address: outside, bytesPerSecond: 1_000_000)
                defer { _ = stream.stop() }
                try waitUntil("the stream to run") { stream.received > 100_000 }
                try lab.write([.pool(Self.pool(!wasOn))])
                try waitUntil("new flows to bear the other address") { try lab.sourceOutside(of: "w1") == other }
                let received = stream.received
                try waitUntil("the stream to go on") { stream.received > received + 200_000 }
                let report = stream.stop()
                #expect(report.isIntact, "\(report)")
            }
        }

        @Test func `What is changed in the table by hand is put right`() throws {
            try withNat(true) { lab in
                let before = try lab.filterTable("n1")
                try #require(before.contains("masquerade"))
                for damage in FilterDamage.allCases {
                    try lab.nft("n1", damage.command)
                    // The repair may come before this look; what counts is the state in the end.
                    try waitUntil("the table as it was, after \(damage.rawValue)") {
                        try lab.filterTable("n1") == before
                    }
                    #expect(try lab.sourceOutside(of: "w1") == lab.underlay("n1"), "\(damage.rawValue)")
                    try lab.waitReady("n1")
                }
            }
        }

        @Test func `The table stays without an agent, a new one leaves it as it is, and clean takes it away`() throws {
            try withNat(true) { lab in
                let before = try lab.filterTable("n1", withHandles: true)
                try lab.killAgent(on: "n1")
                #expect(try lab.sourceOutside(of: "w1") == lab.underlay("n1"))
                try lab.startAgent(on: "n1")
                try lab.waitReady("n1")
                #expect(try lab.filterTable("n1", withHandles: true) == before)
                try lab.stopAgent(on: "n1")
                let (node, clean) = (try lab.host("n1"), ["clean", "--config", lab.configPath("n1")])
                let dry = try PoplinProgram.run(clean + ["--dry-run"], on: node)
                #expect(dry.output.contains("table ip poplin"), "\(dry.output)")
                let cleaned = try PoplinProgram.run(clean, on: node)
                #expect(cleaned.status.isSuccess, "\(cleaned.errors)")
                #expect(try lab.filterTable("n1").isEmpty)
            }
        }

        fileprivate static func pool(_ natOutgoing: Bool) -> PoolSpecification {
            var pool = LabSpecification.threeNodes().pools[0]
            pool.natOutgoing = natOutgoing
            return pool
        }

        private func withNat(_ natOutgoing: Bool, _ body: (Lab) throws -> Void) throws {
            var specification = LabSpecification.threeNodes()
            specification.pools[0].natOutgoing = natOutgoing
            // So that a packet with its own source is not lost on its way to or from the outside.
            specification.routerKnowsBlocks = true
            try withIdleLab(specification) { lab in
                // The outside is the router under an address that no node has a route of its own to.
                let ip = try #require(Requirement.path(of: "ip"))
                let added = try lab.router.execute(ip, ["address", "add", "\(outside)/32", "dev", "lo"])
                try #require(added.status.isSuccess, "\(added.errors)")
                try lab.startAgents()
                for node in specification.nodes { try lab.waitReady(node.name) }
                try body(lab)
            }
        }
    }
}

extension EndToEndTests {
    @Suite("Without a packet filter", .enabled(if: Requirement.packetFilter.missing != nil, "there is one here"))
    struct WithoutPacketFilter {
        @Test func `What the packet filter should do is warned of, and everything else goes on`() throws {
            var specification = LabSpecification.threeNodes()
            specification.pools[0].natOutgoing = true
            try withLab(specification) { lab in
                let codes = try lab.waitStatus("n1", "the first walk") { $0.ready }.warnings?.map(\.code) ?? []
                #expect(codes.contains("notMasqueraded"))
                #expect(codes.contains("anybodyMaySend") == (Tiers.current.dataplane(of: "n1") == "kernel"))
                try lab.expectTraffic(from: "n1", to: "n3", forth: .tunnel, back: .tunnel)
                let plan = try PoplinProgram.run(["plan", "--config", lab.configPath("n1")], on: try lab.host("n1"))
                #expect(plan.status.isSuccess, "\(plan.output)")
            }
        }
    }
}

/// A host in no pool, beyond the router.
private let outside = address("192.0.2.1")
private let nodes = ["n1", "n2", "n3"]

/// What a person may do to the table.
private enum FilterDamage: String, CaseIterable {
    case flushed = "all rules flushed"
    case deleted = "the table deleted"
    case ruleAdded = "a rule added"
    case chainAdded = "a chain added"
    case setAdded = "a set added"
    case elementAdded = "an element added"
    case elementsFlushed = "a set's elements flushed"
    case dormant = "the table put to sleep"

    var command: String {
        switch self {
        case .flushed: "flush table ip poplin"
        case .deleted: "delete table ip poplin"
        case .ruleAdded: "insert rule ip poplin postrouting accept"
        case .chainAdded: "add chain ip poplin own { type filter hook forward priority 0; policy drop; }"
        case .setAdded: "add set ip poplin own { type inet_service; }"
        case .elementAdded: "add element ip poplin pools { 192.0.2.0/24 }"
        case .elementsFlushed: "flush set ip poplin masqueraded"
        case .dormant: "add table ip poplin { flags dormant; }"
        }
    }
}

extension Lab {
    /// Runs an nft command on a host.
    fileprivate func nft(_ host: String, _ command: String) throws {
        let nft = try #require(Requirement.path(of: "nft"))
        let result = try self.host(host).execute(nft, [command])
        try #require(result.status.isSuccess, "nft \(command): \(result.errors)")
    }

    /// Makes a node one that tracks connections whatever we do, as every host with a service proxy.
    fileprivate func addTranslation(_ node: String) throws {
        for command in [
            "add table ip site", "add chain ip site post { type nat hook postrouting priority 90; }",
            "add rule ip site post ip daddr 198.51.100.1 masquerade",
        ] {
            try nft(node, command)
        }
    }

    /// Waits until every node masquerades, or none does. Asked with a packet and not with nft: to start a program again
    /// and again would be a load that an emulated processor cannot carry beside the traffic.
    fileprivate func waitMasquerading(_ expected: Bool) throws {
        for (workload, node) in zip(["w1", "w2", "w3"], nodes) {
            let source = try expected ? underlay(node) : self.workload(of: node).address
            try waitUntil("\(source) outside") { try sourceOutside(of: workload) == source }
        }
    }

    /// A node's table as nft lists it, without what was counted; empty where there is none.
    fileprivate func filterTable(_ node: String, withHandles: Bool = false) throws -> String {
        let nft = try #require(Requirement.path(of: "nft"))
        let arguments = (withHandles ? ["--handle"] : []) + ["list", "table", "ip", "poplin"]
        let words = try host(node).execute(nft, arguments).output.split(separator: " ")
        return words.indices.map { index in
            index > 0 && ["packets", "bytes"].contains(words[index - 1]) ? "N" : words[index]
        }.joined(separator: " ")
    }

    /// Which source a datagram of a workload has when it comes to the outside; nil where none comes.
    fileprivate func sourceOutside(of workload: String) throws -> IPv4Address? {
        let listener = try router.run {
            let socket = try InetSocket(.udp)
            try socket.bind(outside.rawValue)
            return socket
        }
        let port = try listener.localPort()
        try host(workload).run { try InetSocket(.udp).send([1], to: outside.rawValue, port: port) }
        return try listener.receiveDatagram(timeoutMilliseconds: 2000).map { IPv4Address(rawValue: $0.address) }
    }
}
