// A mixed network: the userspace tier on one node, and on the other tc programs that hand on superframes whole (D8).

import Lab
import Net
import Packet
import TestSupport
import Testing

extension EndToEndTests {
    @Suite("A peer that sends superframes", .needs(BPFTunnel.requirement))
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
                for (source, target, hasSuperframes) in [("w1", "w3", false), ("w3", "w1", true)] {
                    let sniffer = try #require(lab.sniffer)
                    sniffer.clear()
                    let report = try lab.transfer(from: source, to: target, bytes: Self.bytes)
                    #expect(report.isIntact && report.received == Self.bytes, "from \(source): \(report)")
                    let average = try Self.averageLength(from: source, to: target, in: lab)
                    #expect((average > 1500) == hasSuperframes, "\(average) bytes a packet from \(source)")
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
                #expect(try Self.averageLength(from: "w3", to: "w1", in: lab) > 1500)
                try Self.expectNoDrops(lab)
            }
        }

        /// n1 with an agent, n3 without one and with tc programs.
        private static func withMixedLab(_ body: (Lab) throws -> Void) throws {
            var specification = LabSpecification.twoNodes()
            // There is no agent on n3 that would see to it.
            specification.nodesForward = true
            try withIdleLab(specification) { lab in
                try BPFTunnel.make(on: "n3", to: "n1", in: lab)
                try lab.startAgent(on: "n1")
                try lab.waitReady("n1")
                try body(lab)
            }
        }

        /// Bytes of an IP-in-IP packet with TCP from one workload to the other, as the router got them.
        private static func averageLength(from source: String, to target: String, in lab: Lab) throws -> Int {
            let (source, target) = (try lab.address(of: source), try lab.address(of: target))
            let tallies = try #require(lab.sniffer).counts().kinds.filter {
                let inner = $0.key.inner
                return inner?.source == source && inner?.destination == target
                    && inner?.protocolNumber == IPProtocol.tcp
            }.values
            let packets = tallies.reduce(0) { $0 + $1.packets }
            try #require(packets > 0)
            return tallies.reduce(0) { $0 + $1.bytes } / packets
        }

        /// A sender that the tunnel cannot keep up with fills its queues, which TCP is there to find out.
        private static func expectNoDrops(_ lab: Lab) throws {
            let drops = try #require(try lab.status("n1")?.drops).filter { $0.value != 0 && $0.key != "socketFull" }
            #expect(drops.isEmpty, "\(drops)")
        }
    }
}
