// A sender in the kernel hands on superframes whole, and every tier takes them at full rate (D8).

import Lab
import Net
import Packet
import Testing

extension EndToEndTests {
    @Suite(
        "A peer that sends superframes",
        .tiers(.kernel, .mixed, .bpf, .bpfMixed, .bpfKernel, because: "the userspace tier cuts what it sends"))
    struct MixedSuperframes {
        private static let bytes = 64 << 20

        @Test("D8: pings, datagrams and 64 MB over TCP each way arrive unchanged, TCP from the peer in superframes")
        func mixed() throws {
            try Self.withMixedLab { lab in
                for (source, target) in [("w1", "w3"), ("w3", "w1")] {
                    for size in [56, 1452, 20_000] {
                        let report = try lab.ping(from: source, to: target, payloadBytes: size)
                        #expect(report.isComplete, "\(size) bytes from \(source): \(report.summary)")
                    }
                    for size in [64, 1400, 4000] {
                        let report = try lab.echo(.udp, from: source, to: target, payloadBytes: size)
                        #expect(report.isComplete, "\(size) bytes of UDP from \(source): \(report)")
                    }
                }
                for (source, target) in [("w1", "w3"), ("w3", "w1")] {
                    let report = try lab.transfer(from: source, to: target, bytes: Self.bytes)
                    #expect(report.isIntact && report.received == Self.bytes, "from \(source): \(report)")
                }
                try Self.expectNoDrops(lab)
            }
        }

        @Test("D8: TCP in both directions at once arrives byte for byte")
        func atOnce() throws {
            try Self.withMixedLab { lab in
                let forth = try lab.startTransfer(from: "w1", to: "w3", bytes: Self.bytes / 2, bytesPerSecond: nil)
                let back = try lab.startTransfer(from: "w3", to: "w1", bytes: Self.bytes / 2, bytesPerSecond: nil)
                for report in [forth.finish(), back.finish()] {
                    #expect(report.isIntact && report.received == Self.bytes / 2, "\(report)")
                }
                try Self.expectNoDrops(lab)
            }
        }

        /// Runs a body with n1, whose tunnel is in the kernel, and n3, and looks at what n3 gets from n1.
        private static func withMixedLab(_ body: (Lab) throws -> Void) throws {
            var specification = LabSpecification.twoNodes()
            // A bridge cuts tunnelled superframes.
            for index in specification.subnets.indices { specification.subnets[index].wiring = .gatewayOnly }
            specification.hasSniffer = false
            try withLab(specification) { lab in
                let sniffer = try PacketSniffer(on: try lab.host("n3"), devices: ["eth0"])
                defer { sniffer.stop() }
                try body(lab)
                let average = averageLength(sniffer.counts(), from: try lab.underlay("n1"))
                #expect(average > 3000, "\(average) bytes a packet: no superframes were on the way")
            }
        }

        /// Bytes of an IP-in-IP packet with TCP inside, from the outer header on; acknowledgements count as well.
        private static func averageLength(_ counts: SnifferCounts, from source: IPv4Address) -> Int {
            let tallies = counts.kinds.filter {
                $0.key.source == source && $0.key.inner?.protocolNumber == IPProtocol.tcp
            }.values
            return tallies.reduce(0) { $0 + $1.bytes } / max(1, tallies.reduce(0) { $0 + $1.packets })
        }

        /// A sender that the tunnel cannot keep up with fills its queues, which TCP is there to find out.
        private static func expectNoDrops(_ lab: Lab) throws {
            for node in ["n1", "n3"] {
                let drops = try #require(try lab.status(node)?.drops)
                let others = drops.filter { $0.value != 0 && !$0.key.hasSuffix("Full") }
                #expect(others.isEmpty, "\(node): \(others)")
            }
        }
    }
}
