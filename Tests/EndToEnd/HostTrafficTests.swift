// The hosts' own traffic: with workloads of other nodes in both directions, and among themselves beside it all.

import Lab
import Net
import Packet
import Testing

extension EndToEndTests {
    @Suite("Hosts' own traffic")
    struct HostTraffic {
        /// What stands on the tunnel devices, which is where a host's packets into the tunnel come from.
        enum TunnelAddresses: String, CaseIterable, CustomTestStringConvertible {
            case own = "with tunnel addresses"
            case none = "without tunnel addresses"

            var testDescription: String { rawValue }
        }

        @Test(
            "Host to remote workload and workload to remote host, direct and tunnelled: ICMP, UDP and TCP",
            arguments: TunnelAddresses.allCases)
        func hostsAndWorkloads(tunnelAddresses: TunnelAddresses) throws {
            var specification = LabSpecification.threeNodes()
            if tunnelAddresses == .none {
                for index in specification.nodes.indices { specification.nodes[index].tunnelAddress = nil }
            }
            try withLab(specification) { lab in
                for (node, peer) in [("n1", "n2"), ("n2", "n1"), ("n1", "n3"), ("n3", "n1")] {
                    let workload = try lab.workload(of: peer).name
                    // A host's name stands for its underlay address.
                    for (source, target) in [(node, workload), (workload, node)] {
                        let ping = try lab.ping(from: source, to: target, count: 3)
                        #expect(ping.isComplete, "\(source) to \(target): \(ping.summary)")
                        let datagrams = try lab.echo(.udp, from: source, to: target, count: 3)
                        #expect(datagrams.isComplete, "\(source) to \(target): \(datagrams)")
                        let stream = try lab.transfer(from: source, to: target, bytes: 200_000)
                        #expect(stream.isIntact, "\(source) to \(target): \(stream)")
                    }
                }
            }
        }

        @Test("Host to host by underlay address, nothing is lost while agents start, change modes and end")
        func hostNetwork() throws {
            var specification = LabSpecification.threeNodes()
            specification.routerKnowsBlocks = true
            try withIdleLab(specification) { lab in
                let nodes = ["n1", "n2", "n3"]
                // Each direction of each pair is that of a request or of a reply.
                let pairs = [("n1", "n2"), ("n2", "n3"), ("n3", "n1")]
                let pingers = try pairs.map {
                    (name: "\($0) to \($1)", pinger: try lab.startSteadyPing(from: $0, to: $1))
                }
                let streams = try pairs.map {
                    let stream = try lab.startSteadyTransfer(from: $0, to: $1, bytesPerSecond: 1_000_000)
                    return (name: "\($0) to \($1)", stream: stream)
                }
                func goOn(_ moment: String) throws {
                    let counts = pingers.map(\.pinger.received)
                    try waitUntil("pings to go on, \(moment)") {
                        zip(pingers, counts).allSatisfy { $0.0.pinger.received > $0.1 + 20 }
                    }
                    for (source, target) in pairs {
                        let datagrams = try lab.echo(.udp, from: source, to: target, count: 3)
                        #expect(datagrams.isComplete, "\(source) to \(target), \(moment): \(datagrams)")
                    }
                }
                try goOn("before")
                let before = pingers.map(\.pinger.sent)
                try lab.startAgents()
                for node in nodes { try lab.waitReady(node) }
                try goOn("with agents")
                let after = pingers.map(\.pinger.sent)
                for (mode, near, far) in [
                    (LabMode.always, Way.tunnel, Way.tunnel), (.never, .direct, .routed),
                    (.crossSubnet, .direct, .tunnel),
                ] {
                    for node in nodes { try lab.setMode(node, mode) }
                    for (node, peer) in pairs + pairs.map({ ($1, $0) }) {
                        try lab.expectRoute(node, to: peer, node == "n3" || peer == "n3" ? far : near)
                    }
                    try goOn("with mode \(mode.rawValue)")
                }
                for node in nodes { try lab.stopAgent(on: node) }
                try goOn("with agents gone")

                for (index, (name, pinger)) in pingers.enumerated() {
                    let report = pinger.stop()
                    #expect(report.duplicates == 0, "\(name)")
                    let starts = before[index]..<after[index]
                    let lost = report.lost.filter { !Self.interruptsDevices || !starts.contains($0) }
                    #expect(
                        lost.isEmpty && report.lost.count <= 100,
                        "\(name): \(report.summary), and agents started at \(starts)")
                }
                for (name, stream) in streams {
                    let report = stream.stop()
                    #expect(report.isIntact, "\(name): \(report)")
                }
                #expect(try #require(lab.sniffer).counts().ipip == 0, "no workload has sent anything")
            }
        }

        /// Programs hang on a `clsact`, and while that is added to a device for the first time the kernel drops what the
        /// device is to send (`qdisc_graft` in net/sched/sch_api.c deactivates the device).
        private static var interruptsDevices: Bool {
            ["n1", "n2", "n3"].contains { Tiers.current.dataplane(of: $0) == "bpf" }
        }
    }
}
