// Packets that GRO has joined come out of the tunnel and are forwarded, whatever the devices on their way can cut or join.

import Lab
import Net
import Packet
import TestSupport
import Testing

extension EndToEndTests {
    @Suite(
        "Forwarding of joined packets", .needsProgram("ethtool"),
        .tiers(.bpf, .bpfMixed, because: "the others have no programs that change what GRO has joined"))
    struct BPFForwarding {
        private static let bytes = 24 << 20

        /// What devices may do: `ethtool -K` on the nodes' and the router's ends of the underlay, and on the workloads'.
        enum Offloads: String, CaseIterable, CustomTestStringConvertible {
            case joined = "GRO on the underlay, where packets come cut"
            case joinedEverywhere = "GRO everywhere"
            case joinedAndCutAgain = "GRO on the underlay, and workloads behind devices that cut nothing"
            case cutBySender = "an underlay device that cuts no tunnelled packets, and GRO"
            case none = "no GRO, and devices that cut nothing"

            var testDescription: String { rawValue }
            /// Of a node's underlay device.
            var node: String {
                switch self {
                case .joined, .joinedEverywhere, .joinedAndCutAgain: "gro on"
                case .cutBySender: "gro on tx-ipxip4-segmentation off tx-ipxip6-segmentation off"
                case .none: "gro off tso off gso off"
                }
            }
            /// Of the router's towards a node; a cable joins nothing whose other end cuts (`veth_skb_is_eligible_for_gro`).
            var router: String { self == .cutBySender ? "gro off tso off" : "gro off tso off gso off" }
            /// Of a node's towards a workload.
            var port: String {
                switch self {
                case .joined, .cutBySender: "gro off"
                case .joinedEverywhere: "gro on"
                case .joinedAndCutAgain, .none: "gro off tso off gso off"
                }
            }
            /// Of a workload's own.
            var workload: String { self == .joinedEverywhere ? "gro on" : "gro off" }
            /// Whether superframes can reach a workload.
            var reachesWhole: Bool { self != .none && self != .joinedAndCutAgain }

            func set(on lab: Lab) throws {
                for (node, workload) in [("n1", "w1"), ("n3", "w3")] {
                    try lab.host(node).tool("ethtool -K eth0 \(self.node)")
                    try lab.router.tool("ethtool -K to-\(node) \(router)")
                    try lab.host(node).tool("ethtool -K cali\(workload) \(port)")
                    try lab.host(workload).tool("ethtool -K eth0 \(self.workload)")
                }
            }
        }

        @Test(arguments: Offloads.allCases)
        func `Pings, datagrams and streams arrive unchanged both ways`(offloads: Offloads) throws {
            var specification = LabSpecification.twoNodes()
            // A bridge cuts tunnelled superframes.
            for index in specification.subnets.indices { specification.subnets[index].wiring = .gatewayOnly }
            specification.hasSniffer = false
            try withLab(specification) { lab in
                try lab.waitPrograms("n1")
                try offloads.set(on: lab)
                for (source, target) in [("w1", "w3"), ("w3", "w1")] {
                    let report = try lab.ping(from: source, to: target, payloadBytes: 20_000)
                    #expect(report.isComplete, "from \(source): \(report.summary)")
                    for size in [64, 1400, 4000] {
                        let echo = try lab.echo(.udp, from: source, to: target, payloadBytes: size)
                        #expect(echo.isComplete, "\(size) bytes of UDP from \(source): \(echo)")
                    }
                    let sniffer = try PacketSniffer(on: try lab.host(target), devices: ["eth0"])
                    defer { sniffer.stop() }
                    let stream = try lab.transfer(from: source, to: target, bytes: Self.bytes)
                    #expect(stream.isIntact && stream.received == Self.bytes, "from \(source): \(stream)")
                    let largest = sniffer.counts().largestPacket { $0.protocolNumber == IPProtocol.tcp }
                    #expect(
                        offloads.reachesWhole ? largest > 3000 : largest <= 1480,
                        "the largest packet that \(target) got has \(largest) bytes")
                }
                // To the host itself, where nothing is forwarded.
                for (source, target) in [("w1", "n3"), ("w3", "n1")] {
                    let stream = try lab.transfer(from: source, to: target, bytes: Self.bytes / 4)
                    #expect(stream.isIntact, "from \(source) to \(target): \(stream)")
                }
                for node in ["n1", "n3"] {
                    let drops = try #require(try lab.status(node)?.drops)
                    // A sender that the userspace tier cannot keep up with fills its queues.
                    let others = drops.filter { $0.value != 0 && !$0.key.hasSuffix("Full") }
                    #expect(others.isEmpty, "\(node): \(others)")
                }
            }
        }
    }
}
