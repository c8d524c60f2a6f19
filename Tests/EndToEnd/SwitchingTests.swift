// A changed ipipMode takes effect node by node under traffic, and not one packet is lost on the way.

import Lab
import Net
import Rtnetlink
import Testing

extension EndToEndTests {
    @Suite("Switching ipipMode under load")
    struct Switching {
        /// One walk through all six changes between the three modes, beginning and ending at `Never`.
        static let walk: [LabMode] = [.never, .always, .never, .crossSubnet, .always, .crossSubnet, .never]
        /// Replies that every series of pings gets between two changes.
        static let pause = 30

        /// What else a host may be like, where a way in and a way out that differ get packets dropped.
        enum HostKind: String, CaseIterable, CustomTestStringConvertible {
            case plain = "plain hosts"
            case withoutTunnelAddresses = "nodes without tunnel addresses"
            case looseReversePath = "rp_filter loose everywhere"
            case strictReversePath = "rp_filter strict everywhere"

            var testDescription: String { rawValue }
            var reversePath: String? {
                switch self {
                case .plain, .withoutTunnelAddresses: nil
                case .looseReversePath: "2"
                case .strictReversePath: "1"
                }
            }
        }

        /// Which of them a run has the time for: where the kernel is emulated, the plain ones.
        static let hostKinds = Tiers.current == .bpfKernel ? [HostKind.plain] : HostKind.allCases

        @Test(arguments: hostKinds)
        func `The six changes, node by node, lose no ping and leave every TCP stream whole`(hosts: HostKind) throws {
            let nodes = ["n1", "n2", "n3"]
            var specification = Self.specification
            if hosts == .withoutTunnelAddresses {
                for index in specification.nodes.indices { specification.nodes[index].tunnelAddress = nil }
            }
            try withIdleLab(specification) { lab in
                for node in nodes {
                    let host = try lab.host(node)
                    // Else the default route, whose router knows the blocks, would stand in for a route that is gone.
                    try host.setRoute(prefix("10.244.0.0/16"), kind: .blackhole)
                    guard let value = hosts.reversePath else { continue }
                    for device in ["all", "default", "eth0"] {
                        try host.sysctl("net/ipv4/conf/\(device)/rp_filter", value)
                    }
                }
                try lab.startAgents()
                for node in nodes { try lab.waitReady(node) }
                let traffic = try AllPairsTraffic.start(in: lab)
                let watches = try nodes.map { try KernelWatch(try lab.host($0)) }
                for (from, to) in zip(Self.walk, Self.walk.dropFirst()) {
                    traffic.mark("\(from.rawValue) to \(to.rawValue)")
                    for node in nodes {
                        try lab.setMode(node, to)
                        try lab.waitStatus(node, "mode \(to.rawValue)") { status in
                            status.ready
                                && status.peers.allSatisfy { $0.verdict == Self.verdict(to, node, $0.node) }
                        }
                        try traffic.waitForReplies(Self.pause)
                    }
                }
                traffic.expectNoLoss()
                // A route that is taken away for some microseconds only may be missed by every ping.
                for watch in watches {
                    try watch.drain()
                    #expect(watch.removals == [])
                }
            }
        }

        @Test(arguments: LabMode.allCases)
        func `The same traffic without any change loses nothing either`(mode: LabMode) throws {
            var specification = Self.specification
            for index in specification.nodes.indices { specification.nodes[index].ipipMode = mode }
            try withLab(specification) { lab in
                let traffic = try AllPairsTraffic.start(in: lab)
                try traffic.waitForReplies(300)
                traffic.expectNoLoss()
            }
        }

        /// The workloads' MTU is the tunnel's from the start, and the router can carry their packets as they are.
        private static var specification: LabSpecification {
            var specification = LabSpecification.threeNodes(mode: walk[0])
            specification.routerKnowsBlocks = true
            specification.hasSniffer = false
            return specification
        }

        private static func verdict(_ mode: LabMode, _ node: String, _ peer: String) -> String {
            switch mode {
            case .never: "direct"
            case .always: "tunnel"
            case .crossSubnet: node == "n3" || peer == "n3" ? "tunnel" : "direct"
            }
        }
    }
}
