// Whatever runs over IP runs through the tunnel, unchanged: between workloads, and between hosts and workloads.

import Lab
import Net
import Packet
import Testing

extension EndToEndTests {
    @Suite("Protocols through the tunnel")
    struct Protocols {
        @Test("UDP, ICMP, SCTP's number and an unknown protocol pass, also in fragments, all inside IP-in-IP")
        func datagrams() throws {
            try withLab(.twoNodes()) { lab in
                let sniffer = try #require(lab.sniffer)
                sniffer.clear()
                for (carrier, number) in [
                    (EchoCarrier.udp, IPProtocol.udp), (.ip(protocolNumber: 253), 253), (.ip(protocolNumber: 132), 132),
                ] {
                    for (source, target) in [("w1", "w3"), ("w3", "w1")] {
                        let small = try lab.echo(carrier, from: source, to: target, count: 3)
                        #expect(small.isComplete, "\(carrier) from \(source): \(small)")
                        let large = try lab.echo(carrier, from: source, to: target, count: 2, payloadBytes: 4000)
                        #expect(large.isComplete, "\(carrier) from \(source), in fragments: \(large)")
                    }
                    // 10 datagrams and 10 echoes, of which 4 and 4 in three fragments.
                    #expect(sniffer.counts().ipip(innerProtocol: number) == 36, "\(carrier)")
                }
                for (source, target) in [("w1", "w3"), ("w3", "w1")] {
                    for bytes in [16, 1452, 4000, 20000] {
                        let report = try lab.ping(from: source, to: target, count: 2, payloadBytes: bytes)
                        #expect(report.isComplete, "\(bytes) bytes from \(source): \(report.summary)")
                    }
                }
                let counts = sniffer.counts()
                let plain = counts.packets { $0.protocolNumber != ipip && $0.source.rawValue >> 16 == 0x0AF4 }
                #expect(plain == 0)
            }
        }

        @Test("TCP in both directions at once arrives byte for byte")
        func streams() throws {
            try withLab(.twoNodes()) { lab in
                let forth = try lab.startTransfer(from: "w1", to: "w3", bytes: 4_000_003, bytesPerSecond: nil)
                let back = try lab.startTransfer(from: "w3", to: "w1", bytes: 4_000_003, bytesPerSecond: nil)
                for report in [forth.finish(), back.finish()] { #expect(report.isIntact, "\(report)") }
                let counts = try #require(lab.sniffer).counts()
                #expect(counts.ipip(innerProtocol: IPProtocol.tcp) > 0)
                #expect(counts.plain(protocolNumber: IPProtocol.tcp) == 0)
            }
        }

        @Test("A host reaches remote workloads, and they it, at its tunnel address")
        func hostsAndWorkloads() throws {
            try withLab(.twoNodes()) { lab in
                let sniffer = try #require(lab.sniffer)
                for (node, peer, tunnelAddress) in [
                    ("n1", "n3", address("10.244.1.1")), ("n3", "n1", address("10.244.3.1")),
                ] {
                    let workload = try lab.workload(of: peer)
                    sniffer.clear()
                    let out = try lab.ping(from: node, to: workload.address, count: 3)
                    #expect(out.isComplete, "\(node) to \(workload.name): \(out.summary)")
                    let back = try lab.ping(from: workload.name, to: tunnelAddress, count: 3)
                    #expect(back.isComplete, "\(workload.name) to \(node): \(back.summary)")
                    let hosts = try lab.ping(from: node, to: try #require(try lab.node(peer).tunnelAddress), count: 3)
                    #expect(hosts.isComplete, "\(node) to \(peer)'s tunnel address: \(hosts.summary)")
                    let counts = sniffer.counts()
                    let (here, there) = (try lab.underlay(node), try lab.underlay(peer))
                    #expect(counts.ipip(from: here, to: there) == 9 && counts.ipip(from: there, to: here) == 9)
                    let sources = Set(counts.kinds.keys.compactMap { $0.source == here ? $0.inner?.source : nil })
                    #expect(sources == [tunnelAddress], "the source is one that the peer accepts")
                }
                try waitUntil("both ends to agree on pings to the byte") { try Self.agree(lab, onBytes: true) }
                let stream = try StreamTraffic.start(
                    from: try lab.host("n1"), to: try lab.host("w3"), address: try lab.address(of: "w3"),
                    bytes: 1_000_000
                ).finish()
                #expect(stream.isIntact, "\(stream)")
                // Both ends have counted the same, where they count by peer, and nothing was dropped.
                // A program counts the headers of a superframe once.
                let areCut = ["n1", "n3"].allSatisfy { Tiers.current.dataplane(of: $0) != "bpf" }
                try waitUntil("both ends to agree on what has passed") { try Self.agree(lab, onBytes: areCut) }
                for node in ["n1", "n3"] {
                    let drops = try lab.status(node)?.drops
                    #expect(drops?.values.allSatisfy { $0 == 0 } == true, "\(node)")
                }
            }
        }

        /// Whether what each end has sent is what the other has taken, where they count.
        private static func agree(_ lab: Lab, onBytes: Bool) throws -> Bool {
            guard Tiers.current.countPeers else { return true }
            guard let here = try lab.status("n1")?.peer("n3"), let there = try lab.status("n3")?.peer("n1") else {
                return false
            }
            return here.txPackets >= 18 && here.txPackets == there.rxPackets && there.txPackets == here.rxPackets
                && (!onBytes || here.txBytes == there.rxBytes && there.txBytes == here.rxBytes)
        }
    }
}
