// D8: datagrams larger than any device's MTU, with checksums that are not finished, as a sender on the same kernel makes.

import Lab
import LinuxSystem
import Net
import Packet
import Testing

extension EndToEndTests {
    @Suite("Superframes")
    struct ConformanceSuperframes {
        @Test("D8: 64 MB over TCP, where every cable hands on segments of any size, arrive byte for byte")
        func bulk() throws {
            var specification = LabSpecification.twoNodes()
            // Counting them would take the time of carrying them.
            specification.hasSniffer = false
            try withLab(specification) { lab in
                let report = try lab.transfer(from: "w1", to: "w3", bytes: 64 << 20)
                #expect(report.isIntact && report.received == 64 << 20, "\(report)")
                let status = try lab.waitReady("n3")
                #expect(status.drops?["truncated"] == 0 && status.drops?["badOffload"] == 0)
            }
        }

        @Test(
            "D8: a TCP packet of 32 KB with the sum of the pseudo header alone reaches the receiver's TCP whole",
            .tiers(
                .userspace, .mixed, .bpfMixed,
                because: "within the kernel a superframe is known by more than its bytes"))
        func superframe() throws {
            var specification = LabSpecification.twoNodes()
            // So that one datagram of this size can cross the underlay; tunl0 and the workloads keep theirs.
            specification.underlayMTU = 65535
            for index in specification.nodes.indices { specification.nodes[index].extraConfig = "tunnel: {mtu: 1480}" }
            try withLab(specification) { lab in
                let ping = try lab.ping(from: "w1", to: "w3")
                try #require(ping.isComplete, "\(ping.summary)")
                let device = try PacketSniffer(on: try lab.host("w3"), devices: ["eth0"])
                defer { device.stop() }
                let sniffer = try #require(lab.sniffer)
                sniffer.clear()
                let (source, target) = (address("10.244.1.2"), address("10.244.3.2"))
                let payload = 32000
                try lab.host("n1").sendRaw(
                    ForgedPacket.ipip(
                        source: address("10.0.1.1"), destination: address("10.0.2.1"),
                        inner: Self.segment(from: source, to: target, payload: payload), dontFragment: true),
                    to: address("10.0.2.1"))
                // Nobody listens at the port: the receiver's TCP says so, once it has found the sum right.
                try waitUntil("the reset") {
                    sniffer.counts().packets { $0.inner?.source == target && $0.inner?.protocolNumber == 6 } > 0
                }
                let bytes = device.counts().kinds.reduce(0) { sum, kind in
                    kind.key.source == source && kind.key.protocolNumber == IPProtocol.tcp
                        ? sum + kind.value.bytes - 40 * kind.value.packets : sum
                }
                #expect(bytes == payload)
                #expect(try lab.status("n3")?.drops?.values.allSatisfy { $0 == 0 } == true)
            }
        }

        /// A TCP segment (RFC 9293) whose checksum field holds what a sender leaves to the hardware.
        private static func segment(from source: IPv4Address, to target: IPv4Address, payload: Int) -> [UInt8] {
            var segment: [UInt8] = [0x9C, 0x40, 0x00, 0x50, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0xFF, 0xFF, 0, 0, 0, 0]
            segment += (0..<payload).map { UInt8(truncatingIfNeeded: $0) }
            var sum = UInt32(IPProtocol.tcp) + UInt32(segment.count)
            for address in [source.rawValue, target.rawValue] { sum += address >> 16 + address & 0xFFFF }
            while sum > 0xFFFF { sum = sum >> 16 + sum & 0xFFFF }
            (segment[16], segment[17]) = (UInt8(sum >> 8), UInt8(sum & 0xFF))
            return ForgedPacket.ipv4(
                source: source, destination: target, protocolNumber: IPProtocol.tcp, payload: segment,
                dontFragment: true)
        }
    }
}
