// The bpf tier's programs come back wherever they are taken away, and follow the underlay's devices.

import Lab
import LinuxSystem
import Net
import Rtnetlink
import TestSupport
import Testing

extension EndToEndTests {
    @Suite(
        "Repair of programs by event", .needsProgram("tc"), .needsProgram("ip"),
        .tiers(.bpf, .bpfMixed, because: "the others have no programs"))
    struct BPFRepair {
        @Test(arguments: [
            "tc filter del dev tunl0 egress pref 112", "tc qdisc del dev tunl0 clsact",
            "tc filter del dev eth0 ingress pref 112", "tc qdisc del dev eth0 clsact",
        ])
        func `Programs that are removed by hand are put back`(command: String) throws {
            try withLab(Self.specification) { lab in
                let node = try lab.host("n1")
                let before = try lab.waitPrograms("n1")
                try lab.waitForRest("n1")
                try node.tool(command)
                let after = try lab.waitPrograms("n1")
                #expect(before.keys.sorted() == after.keys.sorted())
                try lab.waitReady("n1")
                let report = try lab.ping(from: "w1", to: "w3")
                #expect(report.isComplete, "\(report.summary)")
                try Self.expectShortWay(lab)
            }
        }

        @Test func `A filter of somebody else in our place is overwritten, and one beside it is not`() throws {
            try withLab(Self.specification) { lab in
                let node = try lab.host("n1")
                try lab.waitPrograms("n1")
                let place = ProgramPlace(device: "eth0", direction: .ingress)
                let beside = ForeignProgram(place: place, priority: 111, dropped: 253)
                try beside.attach(to: node)
                try node.tool("tc filter del dev eth0 ingress pref 112")
                try lab.waitPrograms("n1")
                #expect(try beside.isThere(on: node))
                // Their going is no reason for ours to go.
                try node.tool("tc filter del dev eth0 ingress pref 111")
                try lab.waitForRest("n1")
                try lab.waitPrograms("n1")
                #expect(try lab.ping(from: "w1", to: "w3").isComplete)
            }
        }

        @Test(.needs(.programLinks))
        func `Programs are linked before all filters, except where one of somebody else comes first`() throws {
            try withLab(Self.specification) { lab in
                let node = try lab.host("n1")
                try lab.waitPrograms("n1")
                func expectLinked(_ count: Int, _ moment: String) throws {
                    try waitUntil("\(count) linked programs, \(moment)") { try node.linkedPrograms() == count }
                    #expect(try lab.ping(from: "w1", to: "w3").isComplete, "\(moment)")
                }
                try expectLinked(1, "alone")
                let place = ProgramPlace(device: "tunl0", direction: .egress)
                let first = ForeignProgram(place: place, priority: 111, dropped: 253)
                try first.attach(to: node)
                try expectLinked(0, "behind a filter")
                let dropped = try lab.echo(
                    .ip(protocolNumber: 253), from: "w1", to: "w3", count: 1, timeoutMilliseconds: 200)
                #expect(!dropped.isComplete)
                try node.tool("tc filter del dev tunl0 egress pref 111")
                try expectLinked(1, "alone again")
                try lab.killAgent(on: "n1")
                try expectLinked(0, "without an agent")
                try lab.startAgent(on: "n1")
                try lab.waitReady("n1")
                try expectLinked(1, "with a new agent")
            }
        }

        /// What may become of an underlay device, after which n1 has its address on the device that is named.
        enum Change: String, CaseIterable, CustomTestStringConvertible {
            case made = "it is deleted and made again"
            case renamed = "it gets another name"
            case moved = "the address moves to another"

            var testDescription: String { rawValue }

            func make(_ lab: Lab) throws -> String {
                let node = try lab.host("n1")
                switch self {
                case .made:
                    try node.perform([.deleteLink(.name("eth0"))])
                    try lab.layCable("n1", device: "eth0", port: "to-n1")
                    try lab.setUnderlayAddress("n1", on: "eth0", isThere: true)
                    return "eth0"
                case .renamed:
                    try node.setLink("eth0", isUp: false)
                    try node.perform([.renameLink(try node.linkIndex("eth0"), to: "uplink")])
                    try node.setLink("uplink", isUp: true)
                    return "uplink"
                case .moved:
                    try lab.layCable("n1", device: "eth1", port: "to-n1b")
                    try lab.setUnderlayAddress("n1", on: "eth0", isThere: false)
                    try lab.setUnderlayAddress("n1", on: "eth1", isThere: true)
                    return "eth1"
                }
            }
        }

        @Test(arguments: Change.allCases)
        func `The underlay device changes, and the program is where the packets come in`(change: Change) throws {
            try withLab(Self.specification) { lab in
                try lab.waitPrograms("n1")
                let device = try change.make(lab)
                try lab.setDefaultRoute("n1", over: device)
                try lab.waitPrograms("n1", over: [device])
                if change == .moved { try lab.host("n1").setLink("eth0", isUp: false) }
                // The others' kernels have to learn the address's new neighbour first.
                try waitUntil("n1 to be reached") {
                    try lab.ping(from: "w1", to: "w3", count: 1, lateReplyMilliseconds: 1000).isComplete
                }
                try lab.waitReady("n1")
                try Self.expectShortWay(lab)
            }
        }

        @Test func `Two underlay devices have the program, each as long as a peer is behind it`() throws {
            try withLab(.threeNodes(mode: .always)) { lab in
                let node = try lab.host("n1")
                try lab.waitPrograms("n1")
                try lab.layCable("n1", device: "eth1", port: "to-n1b")
                try node.tool("ip route add 10.0.2.1/32 via 10.0.1.254 dev eth1 onlink")
                try lab.waitPrograms("n1", over: ["eth0", "eth1"])
                try node.tool("ip route del 10.0.2.1/32")
                try lab.waitPrograms("n1", over: ["eth0"])
            }
        }

        /// That packets do not wake the agent: they go by the programs, both ways.
        private static func expectShortWay(_ lab: Lab) throws {
            #expect(try lab.ping(from: "w1", to: "w3").isComplete)
            let before = try lab.agentReads("n1")
            let report = try lab.ping(from: "w1", to: "w3", count: 100, intervalMilliseconds: 1)
            #expect(report.isComplete, "\(report.summary)")
            let turns = try lab.agentReads("n1") - before
            #expect(turns < 20, "the thread for packets has slept \(turns) times in 100 pings")
        }

        private static var specification: LabSpecification {
            var specification = LabSpecification.twoNodes()
            specification.hasSniffer = false
            return specification
        }
    }
}

extension Lab {
    /// How often the thread for packets of a node's agent has gone to sleep: once for each time that it had work.
    func agentReads(_ node: String) throws -> Int {
        let process = try #require(agent(node)).pid
        guard let thread = try ProcessThread.all(of: process).first(where: \.carriesPackets) else {
            throw WaitedInVain(description: "the agent of \(node) has no thread for packets")
        }
        return try #require(thread.fields["voluntary_ctxt_switches"].flatMap { Int($0) })
    }
}
