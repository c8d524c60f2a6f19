// What the receiving node does with packets that are wrong, hostile or odd, as the conformance list demands.

import Lab
import LinuxSystem
import Net
import Packet
import TestSupport
import Testing

extension EndToEndTests {
    @Suite("Decapsulation")
    struct ConformanceDecapsulation {
        typealias Sender = HostileSender

        @Test(
            "D3: a packet from an outer source that is no peer is dropped and counted",
            .refusesStrangers(at: "n3"))
        func unknownOuterSource() throws {
            var specification = LabSpecification.twoNodes()
            // In the subnet, with a forged inner source, but not in the cluster.
            specification.nodes.append(
                NodeSpecification(
                    name: "x", subnet: "net1", address: interface("10.0.1.66/24"), isRegistered: false))
            try withLab(specification) { lab in
                let sender = try Sender(lab)
                try sender.expectDrops("unknownOuterSource", "a forged outer source", count: 3) { sender in
                    for source in ["10.0.9.9", "192.0.2.1", "10.244.1.2"] {
                        try sender.send(Sender.inner(), from: address(source))
                    }
                }
                try sender.expectDrops("unknownOuterSource", "a stranger in the subnet") { sender in
                    try lab.host("x").sendRaw(
                        ForgedPacket.ipip(
                            source: address("10.0.1.66"), destination: Sender.there, inner: Sender.inner()),
                        to: Sender.there)
                }
            }
        }

        @Test(
            "D4: a peer speaks for its own blocks, its tunnel address and its node address, and for nobody else",
            .refusesStrangers(at: "n3"))
        func innerSourceNotOfPeer() throws {
            try withLab(.threeNodes()) { lab in
                let sender = try Sender(lab)
                for (source, whose) in [
                    ("10.244.2.2", "another node's workload"), ("10.244.3.2", "the receiver's own workload"),
                    ("10.0.1.2", "another node"), ("10.0.2.1", "the receiver itself"),
                    ("10.244.3.1", "the receiver's tunnel address"), ("10.244.77.1", "an address of the pool"),
                    ("192.0.2.1", "an address of nobody"), ("0.0.0.0", "no address"), ("127.0.0.1", "loopback"),
                ] {
                    try sender.expectDrops("innerSourceNotOfPeer", "a packet in the name of \(whose)") { sender in
                        try sender.send(Sender.inner(source: address(source)))
                    }
                }
                for source in ["10.244.1.2", "10.244.1.63", "10.244.1.1", "10.0.1.1"] {
                    try sender.expectArrival("in its own name \(source)") { sender in
                        try sender.send(Sender.inner(source: address(source)))
                    } check: { packet in
                        #expect(packet[12..<16] == bytes(of: address(source))[...])
                    }
                }
            }
        }

        @Test(
            "D4: where foreign sources are allowed, a peer may forward for anybody, but no stranger may",
            .refusesStrangers(at: "n3"))
        func foreignSourcesAllowed() throws {
            var specification = LabSpecification.threeNodes()
            specification.nodes[2].extraConfig = "tunnel: {acceptForeignSources: true}"
            try withLab(specification) { lab in
                let sender = try Sender(lab)
                for source in ["192.0.2.1", "10.244.2.2", "10.244.77.1"] {
                    try sender.expectArrival("a foreign source \(source)") { sender in
                        try sender.send(Sender.inner(source: address(source)))
                    } check: { packet in
                        #expect(packet[12..<16] == bytes(of: address(source))[...])
                    }
                }
                try sender.expectDrops("unknownOuterSource", "a stranger") { sender in
                    try sender.send(Sender.inner(), from: address("10.0.1.77"))
                }
            }
        }

        @Test(
            "D2: an inner packet with TTL 0, another version or an impossible length is dropped and counted",
            .tiers(
                .userspace, .mixed, .bpf, .bpfMixed, .bpfKernel,
                because: "the driver counts no reasons for what it drops"))
        func wrongInnerHeaders() throws {
            try withLab(.twoNodes()) { lab in
                let sender = try Sender(lab)
                for (reason, what, edit) in Self.damages {
                    try sender.expectDrops(reason, what) { sender in
                        var inner = Sender.inner()
                        edit(&inner)
                        try sender.send(inner)
                    }
                }
            }
        }

        private static let damages: [(reason: String, what: String, edit: @Sendable (inout [UInt8]) -> Void)] = [
            ("ttlZero", "TTL 0", { $0 = Sender.inner(timeToLive: 0) }),
            ("notIPv4", "version 6", { $0[0] = 0x60 }),
            ("notIPv4", "version 0", { $0[0] = 0x05 }),
            ("badHeaderLength", "IHL 4", { $0[0] = 0x44 }),
            ("badHeaderLength", "IHL beyond the packet", { $0[0] = 0x4F }),
            ("badTotalLength", "total length below a header", { ($0[2], $0[3]) = (0, 19) }),
            ("truncated", "total length beyond the packet", { ($0[2], $0[3]) = (0xFF, 0xFF) }),
        ]

        @Test(
            "D9: truncated, nested and random input is dropped and counted, and the node goes on",
            .tiers(
                .userspace, .mixed, .bpf, .bpfMixed, .bpfKernel,
                because: "the driver counts no reasons for what it drops"))
        func hostileInput() throws {
            try withLab(.twoNodes()) { lab in
                let sender = try Sender(lab)
                try sender.expectDrops("badTotalLength", "cut off within the inner header", count: 20) { sender in
                    for length in 0..<20 { try sender.send(Array(Sender.inner().prefix(length))) }
                }
                try sender.expectDrops("truncated", "cut off behind the inner header", count: 7) { sender in
                    for length in 20..<27 { try sender.send(Array(Sender.inner("payload").prefix(length))) }
                }
                try sender.expectDrops("recursion", "a tunnel in the tunnel") { sender in
                    try sender.send(
                        ForgedPacket.ipip(source: Sender.here, destination: Sender.there, inner: Sender.inner()))
                }
                try sender.expectDrops("innerSourceNotOfPeer", "a tunnel in the tunnel in another's name") { sender in
                    try sender.send(
                        ForgedPacket.ipip(
                            source: address("10.0.1.2"), destination: Sender.there, inner: Sender.inner()))
                }
                let before = try sender.drops().values.reduce(0, +)
                var generator = SeededGenerator(seed: 9)
                for _ in 0..<100 {
                    var noise = (0..<Int.random(in: 0..<1400, using: &generator)).map { _ in
                        UInt8.random(in: 0...255, using: &generator)
                    }
                    // Never by chance an address of the sender's block.
                    if noise.count > 12 { noise[12] = 192 }
                    try sender.send(noise)
                }
                try waitUntil("100 more drops") { try sender.drops().values.reduce(0, +) == before + 100 }
                let status = try lab.waitReady("n3")
                #expect(status.pid == lab.agent("n3")?.pid)
                try sender.expectArrival("an honest packet after noise") { sender in
                    try sender.send(Sender.inner("honest"))
                } check: { packet in
                    #expect(packet.dropFirst(20) == Array("honest".utf8)[...])
                }
            }
        }

        @Test(
            "D6: the ECN fields combine as in RFC 6040, and the illegal combination is dropped and counted",
            .tiers(
                .userspace, .mixed, .bpf, .bpfMixed, .bpfKernel,
                because: "the driver combines the ECN fields as in RFC 3168"))
        func ecn() throws {
            try withLab(.twoNodes()) { lab in
                let sender = try Sender(lab)
                let (notECT, ect1, ect0, ce): (UInt8, UInt8, UInt8, UInt8) = (0, 1, 2, 3)
                try sender.expectDrops("ecnIllegalCombination", "outer CE around inner Not-ECT") { sender in
                    try sender.send(Sender.inner(typeOfService: 0xB8 | notECT), typeOfService: 0xB8 | ce)
                }
                for (outer, inner, result) in [
                    (ce, ect0, ce), (ce, ect1, ce), (ce, ce, ce), (ect1, ect0, ect1), (ect0, ect1, ect1),
                    (ect0, ect0, ect0), (ect0, notECT, notECT), (ect1, notECT, notECT), (notECT, ce, ce),
                    (notECT, ect0, ect0), (ect0, ce, ce),
                ] {
                    try sender.expectArrival("outer \(outer), inner \(inner)") { sender in
                        try sender.send(Sender.inner(typeOfService: 0xB8 | inner), typeOfService: 0xB8 | outer)
                    } check: { packet in
                        // It came through two kernels: the checksum is right, or they would have dropped it.
                        #expect(packet[1] == 0xB8 | result, "outer \(outer), inner \(inner)")
                    }
                }
            }
        }

        @Test("D7: the inner TTL is what the sender wrote, less one for the forwarding to the workload")
        func innerTTL() throws {
            try withLab(.twoNodes()) { lab in
                let sender = try Sender(lab)
                for ttl: UInt8 in [2, 64, 255] {
                    try sender.expectArrival("TTL \(ttl)") { sender in
                        try sender.send(Sender.inner(timeToLive: ttl))
                    } check: { packet in
                        #expect(packet[8] == ttl - 1)
                    }
                }
            }
        }

        @Test("D5: an outer packet in fragments is reassembled first, and counted once")
        func outerFragments() throws {
            try withLab(.twoNodes()) { lab in
                let sender = try Sender(lab)
                let text = String(repeating: "0123456789abcdef", count: 40)
                let inner = Sender.inner(text)
                let cut = 320
                try sender.expectCount(bytes: inner.count) {
                    try sender.expectArrival("two fragments, the second first") { sender in
                        for (piece, flags) in [
                            (inner[cut...], UInt16(cut / 8)), (inner[..<cut], UInt16(0x2000)),
                        ] {
                            var packet = ForgedPacket.ipip(
                                source: Sender.here, destination: Sender.there, inner: Array(piece), identification: 77)
                            (packet[6], packet[7]) = (UInt8(flags >> 8), UInt8(flags & 0xFF))
                            try lab.host("n1").sendRaw(packet, to: Sender.there)
                        }
                    } check: { packet in
                        #expect(packet.dropFirst(20) == Array(text.utf8)[...])
                    }
                }
            }
        }

        @Test("An outer header with options, and an inner one, arrive with the inner options as they were")
        func options() throws {
            try withLab(.twoNodes()) { lab in
                let sender = try Sender(lab)
                let (plain, inner) = (Sender.inner(), Sender.inner().withOptions())
                for (what, packet, isOuter) in [
                    ("outer options", plain, true), ("inner options", inner, false), ("options in both", inner, true),
                ] {
                    // The packet filter counts what is behind an outer header of 20 bytes.
                    let counted = isOuter && Tiers.current.dataplane(of: "n3") == "kernel" ? 8 : 0
                    try sender.expectCount(bytes: packet.count + counted) {
                        try sender.expectArrival(what) { sender in
                            let outer = ForgedPacket.ipip(
                                source: Sender.here, destination: Sender.there, inner: packet)
                            try lab.host("n1").sendRaw(isOuter ? outer.withOptions() : outer, to: Sender.there)
                        } check: { arrived in
                            #expect(arrived.count == packet.count && arrived[0] == packet[0], "\(what)")
                            #expect(arrived[20...] == packet[20...], "\(what)")
                        }
                    }
                }
                // From a workload to a workload, where nothing is forged but the packet.
                try sender.expectArrival("options of a workload's packet") { _ in
                    try lab.host("w1").sendRaw(inner, to: Sender.workload)
                } check: { arrived in
                    #expect(arrived[0] == 0x47 && arrived[20...] == inner[20...])
                }
            }
        }

        private func bytes(of address: IPv4Address) -> [UInt8] {
            [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: address.rawValue >> UInt32($0)) }
        }
    }
}
