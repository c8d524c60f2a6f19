// The programs go on without an agent, a restarted one replaces them, and a change of tier leaves none behind: all of it
// under load, and not one packet is lost.

import Lab
import LinuxSystem
import Net
import TestSupport
import Testing

extension EndToEndTests {
    @Suite(
        "Ending and starting again with programs", .needsProgram("tc"),
        .tiers(.bpf, .bpfMixed, because: "the others have no programs"))
    struct BPFRestart {
        @Test func `A killed agent under load loses nothing, dead or restarted, and neither does a handover`() throws {
            try withLab(Self.specification) { lab in
                let nodes = ["n1", "n3"].filter { Tiers.current.dataplane(of: $0) == "bpf" }
                var programs = try nodes.map { try lab.waitPrograms($0) }
                let load = try TwoWayLoad(lab)
                for round in 1...3 {
                    for node in nodes { try lab.killAgent(on: node) }
                    try load.goOn("while no agent runs, round \(round)")
                    #expect(try nodes.map { try lab.host($0).tunnelPrograms() } == programs)
                    for node in nodes { try lab.startAgent(on: node) }
                    for node in nodes { try lab.waitReady(node) }
                    try load.goOn("with new agents, round \(round)")
                    for node in nodes { #expect(try lab.replaceAgent(on: node) == .code(0)) }
                    for node in nodes { try lab.waitReady(node) }
                    try load.goOn("after a handover, round \(round)")
                    // Each start is an upgrade: the programs are those of the new agent.
                    let later = try nodes.map { try lab.waitPrograms($0) }
                    for (former, new) in zip(programs, later) {
                        #expect(Set(former.values.map(\.id)).isDisjoint(with: new.values.map(\.id)), "\(new)")
                    }
                    programs = later
                }
                load.expectNoLoss()
            }
        }

        @Test func `A tier that is left takes its programs along, and one that comes back brings them`() throws {
            try withLab(Self.specification) { lab in
                let node = try lab.host("n1")
                try lab.waitPrograms("n1")
                let link = try node.linkIndex("tunl0")
                #expect(try lab.ping(from: "w1", to: "w3").isComplete)
                let pingers = [
                    try lab.startSteadyPing(from: "w1", to: "w3"), try lab.startSteadyPing(from: "w3", to: "w1"),
                ]
                let stream = try lab.startSteadyTransfer(from: "w1", to: "w3", bytesPerSecond: 1_000_000)
                func goOn(_ moment: String) throws {
                    let counts = (pingers.map { $0.received + 50 }, stream.received + 50_000)
                    try waitUntil("traffic to go on, \(moment)") {
                        zip(pingers, counts.0).allSatisfy { $0.received > $1 } && stream.received > counts.1
                    }
                }
                func change(to tier: String, byHandover: Bool) throws {
                    var specification = try lab.node("n1")
                    specification.dataplane = tier
                    try lab.update(specification)
                    if byHandover {
                        #expect(try lab.replaceAgent(on: "n1") == .code(0))
                    } else {
                        try lab.stopAgent(on: "n1")
                        try lab.startAgent(on: "n1")
                    }
                    #expect(try lab.waitReady("n1").tier == tier)
                    if tier == "bpf" {
                        try lab.waitPrograms("n1")
                    } else {
                        try waitUntil("the programs to go") { try node.tunnelPrograms().isEmpty }
                    }
                    try goOn("with \(tier)")
                }
                try goOn("before")
                for isRestart in [true, false] {
                    // Until the other tier carries, the programs do.
                    try change(to: "userspace", byHandover: !isRestart)
                    // Without a process nobody carries the packets of that tier, so that it takes a handover.
                    try change(to: "bpf", byHandover: true)
                }
                for report in pingers.map({ $0.stop() }) {
                    #expect(report.isComplete && report.duplicates == 0, "\(report.summary)")
                }
                let report = stream.stop()
                #expect(report.isIntact, "\(report)")
                #expect(try node.linkIndex("tunl0") == link, "the device is the same")
            }
        }

        @Test func `clean takes the programs away, and none of another node's on the same kernel`() throws {
            var specification = LabSpecification.threeNodes(mode: .always)
            specification.hasSniffer = false
            try withLab(specification) { lab in
                let (node, others) = (try lab.host("n1"), ["n2", "n3"])
                let config = ["--config", lab.configPath("n1")]
                try lab.waitPrograms("n1")
                let before = try others.map { try lab.host($0).tunnelPrograms() }
                let pinger = try lab.startSteadyPing(from: "w2", to: "w3")
                try lab.stopAgent(on: "n1")
                let listed = try PoplinProgram.json(["clean", "--dry-run"] + config, on: node)["found"]?.elements ?? []
                let programs = listed.filter { $0["kind"] == .string("program") }
                #expect(programs.count == 2, "\(listed)")
                try lab.waitPrograms("n1")
                let removed = try PoplinProgram.json(["clean"] + config, on: node)
                #expect(removed["removed"]?.elements == listed && removed["failures"] == .array([]), "\(removed)")
                #expect(try node.tunnelPrograms().isEmpty && node.clsactDevices().isEmpty)
                #expect(try PoplinProgram.json(["clean"] + config, on: node)["removed"] == .array([]))

                try lab.startAgent(on: "n1")
                try lab.waitReady("n1")
                try lab.waitPrograms("n1")
                for peer in ["w2", "w3"] { #expect(try lab.ping(from: "w1", to: peer).isComplete) }
                #expect(try others.map { try lab.host($0).tunnelPrograms() } == before)
                let report = pinger.stop()
                #expect(report.isComplete, "\(report.summary)")
            }
        }

        @Test func `What somebody else has hung there stays through restarts, clean and another tier`() throws {
            try withIdleLab(Self.specification) { lab in
                let node = try lab.host("n1")
                let foreign = [
                    ForeignProgram(
                        place: ProgramPlace(device: "eth0", direction: .ingress), priority: 50, dropped: 253),
                    ForeignProgram(
                        place: ProgramPlace(device: "eth0", direction: .egress), priority: 50, dropped: 254),
                ]
                for program in foreign { try program.attach(to: node) }
                func expectForeign(_ moment: String) throws {
                    for program in foreign { #expect(try program.isThere(on: node), "\(program), \(moment)") }
                    // They still work: what they drop does not pass, and all else does.
                    for (number, passes) in [(UInt8(252), true), (253, false), (254, false)] {
                        let echo = try lab.echo(
                            .ip(protocolNumber: number), from: "n3", to: "n1", count: 1,
                            timeoutMilliseconds: passes ? 5000 : 200)
                        #expect(echo.isComplete == passes, "protocol \(number), \(moment)")
                    }
                }
                try expectForeign("before")
                try lab.startAgents()
                for name in ["n1", "n3"] { try lab.waitReady(name) }
                try lab.waitPrograms("n1")
                let above = ForeignProgram(
                    place: ProgramPlace(device: "tunl0", direction: .egress), priority: 50, dropped: 253)
                try above.attach(to: node)
                try waitUntil("packets to come to it first") { try node.linkedPrograms() == 0 }
                func expectTunnel(_ moment: String) throws {
                    try expectForeign(moment)
                    #expect(try lab.ping(from: "w1", to: "w3").isComplete, "\(moment)")
                    #expect(try above.isThere(on: node), "\(moment)")
                    // Inner packets are not theirs to see on the underlay, and those of one kind are on tunl0.
                    for (number, passes) in [(UInt8(254), true), (253, false)] {
                        let echo = try lab.echo(
                            .ip(protocolNumber: number), from: "w1", to: "w3", count: 1,
                            timeoutMilliseconds: passes ? 5000 : 200)
                        #expect(echo.isComplete == passes, "protocol \(number) in the tunnel, \(moment)")
                    }
                }
                try expectTunnel("beside programs")
                try lab.killAgent(on: "n1")
                try lab.startAgent(on: "n1")
                try lab.waitReady("n1")
                try expectTunnel("after a restart")
                try lab.stopAgent(on: "n1")
                try lab.startAgent(on: "n1", environment: ["POPLIN_DATAPLANE": "userspace"])
                try lab.waitReady("n1")
                try waitUntil("the programs to go") { try node.tunnelPrograms().isEmpty }
                try expectTunnel("in the userspace tier")
                try lab.stopAgent(on: "n1")
                try lab.startAgent(on: "n1")
                try lab.waitReady("n1")
                try lab.waitPrograms("n1")
                try expectTunnel("back again")
                try lab.stopAgent(on: "n1")
                let cleaned = try PoplinProgram.run(["clean", "--config", lab.configPath("n1")], on: node)
                #expect(cleaned.status == .code(0), "\(cleaned.errors)")
                #expect(try node.tunnelPrograms().isEmpty)
                try expectForeign("after clean")
            }
        }

        private static var specification: LabSpecification {
            var specification = LabSpecification.twoNodes()
            specification.hasSniffer = false
            // A bridge cuts tunnelled superframes.
            for index in specification.subnets.indices { specification.subnets[index].wiring = .gatewayOnly }
            return specification
        }
    }
}

/// Pings every millisecond, datagrams and streams in both directions between w1 and w3.
///
/// The streams are as fast as they go where all packets stay in the kernel; a queue of the userspace tier would
/// overflow, which is not what this is about.
private final class TwoWayLoad {
    private let lab: Lab
    private let pingers: [Pinger]
    private let datagrams: [SteadyDatagrams]
    private let streams: [StreamTraffic]
    private static let ways = [("w1", "w3"), ("w3", "w1")]

    init(_ lab: Lab) throws {
        self.lab = lab
        for (source, target) in Self.ways { #expect(try lab.ping(from: source, to: target).isComplete) }
        pingers = try Self.ways.map { try lab.startSteadyPing(from: $0, to: $1) }
        datagrams = try Self.ways.map { try lab.startSteadyDatagrams(from: $0, to: $1) }
        streams = try Self.ways.map { source, target in
            if Tiers.current == .bpf { return try lab.startTransfer(from: source, to: target, bytesPerSecond: nil) }
            return try lab.startSteadyTransfer(from: source, to: target, bytesPerSecond: 2_000_000)
        }
        try goOn("before")
    }

    /// Waits until everything has moved on.
    func goOn(_ moment: String) throws {
        let pings = pingers.map { $0.received + 100 }
        let arrived = datagrams.map { $0.received + 200 }
        let bytes = streams.map { $0.received + 200_000 }
        try waitUntil("all traffic to go on, \(moment)") {
            zip(pingers, pings).allSatisfy { $0.received > $1 }
                && zip(datagrams, arrived).allSatisfy { $0.received > $1 }
                && zip(streams, bytes).allSatisfy { $0.received > $1 }
        }
    }

    func expectNoLoss() {
        for (way, pinger) in zip(Self.ways, pingers) {
            let report = pinger.stop()
            #expect(report.isComplete && report.duplicates == 0 && report.corrupted == 0, "\(way): \(report.summary)")
        }
        for (way, flow) in zip(Self.ways, datagrams) {
            let report = flow.stop()
            #expect(report.isComplete, "\(way): \(report)")
        }
        for (way, stream) in zip(Self.ways, streams) {
            let report = stream.stop()
            #expect(report.isIntact, "\(way): \(report)")
        }
    }
}
