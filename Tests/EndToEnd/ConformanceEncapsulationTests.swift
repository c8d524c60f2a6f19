// What the sending node writes around a packet, as it stands on the wire.

import Lab
import LinuxSystem
import Net
import Packet
import Testing

extension EndToEndTests {
    @Suite("Encapsulation")
    struct ConformanceEncapsulation {
        /// An IP-in-IP packet as the router saw it, in two headers.
        private struct OnTheWire {
            let outer: IPv4Header
            let inner: IPv4Header
            let isSumRight: Bool
        }

        /// Sends one ping from w1 to w3 and catches it on its way.
        private func wire(
            _ lab: Lab, typeOfService: UInt8 = 0, dontFragment: Bool = false, timeToLive: UInt8 = 64
        ) throws -> OnTheWire {
            let sniffer = try #require(lab.sniffer)
            sniffer.clear(samplingFrom: try lab.underlay("n1"))
            let (source, target) = (address("10.244.1.2"), address("10.244.3.2"))
            try lab.host("w1").sendRaw(
                ForgedPacket.ping(
                    source: source, destination: target, timeToLive: timeToLive, typeOfService: typeOfService,
                    dontFragment: dontFragment), to: target)
            // The reply as well, or the next call would take it for the request.
            try waitUntil("request and reply in the tunnel") {
                sniffer.counts().ipip(innerProtocol: IPProtocol.icmp) == 2
            }
            let packet = try #require(sniffer.sample())
            let span = packet.span.bytes
            return OnTheWire(
                outer: try IPv4Header.parse(span).get(), inner: try IPv4Header.parse(span, at: 20).get(),
                isSumRight: InternetChecksum.checksum(span.extracting(0..<20)) == 0)
        }

        @Test("E8, E2: the outer header is complete and right, the inner TTL has gone down by one")
        func outerHeader() throws {
            try withLab(.twoNodes()) { lab in
                var identifications: Set<UInt16> = []
                for ttl: UInt8 in [5, 64, 255] {
                    let packet = try wire(lab, timeToLive: ttl)
                    #expect(packet.outer.source == address("10.0.1.1"))
                    #expect(packet.outer.destination == address("10.0.2.1"))
                    #expect(packet.outer.protocolNumber == ipip && packet.outer.headerLength == 20)
                    #expect(packet.outer.timeToLive == (Self.isDriver ? ttl - 1 : 64))
                    #expect(packet.inner.timeToLive == ttl - 1)
                    #expect(packet.outer.totalLength == packet.inner.totalLength + 20)
                    #expect(packet.isSumRight && !packet.outer.isFragment)
                    identifications.insert(packet.outer.identification)
                }
                // The driver draws at random, and so may draw 0 or one twice.
                #expect(Self.isDriver || identifications.count == 3 && !identifications.contains(0))
            }
        }

        @Test("E8, E9: TTL and DSCP of the outer header follow the config, ECN is copied all the same")
        func configuredHeader() throws {
            var specification = LabSpecification.twoNodes()
            specification.nodes[0].extraConfig = "tunnel: {ttl: inherit, dscp: 10}"
            try withLab(specification) { lab in
                let packet = try wire(lab, typeOfService: 0xBA, timeToLive: 99)
                #expect(packet.outer.timeToLive == 98 && packet.inner.timeToLive == 98)
                #expect(packet.outer.typeOfService == 10 << 2 | 2 && packet.inner.typeOfService == 0xBA)
            }
        }

        @Test("E2: a packet whose TTL ends here is answered and not encapsulated")
        func ttlEnds() throws {
            try withLab(.twoNodes()) { lab in
                let sniffer = try #require(lab.sniffer)
                let socket = try lab.host("w1").run { try InetSocket(.raw(proto: IPProtocol.icmp)) }
                sniffer.clear()
                let target = address("10.244.3.2")
                try lab.host("w1").sendRaw(
                    ForgedPacket.ping(source: address("10.244.1.2"), destination: target, timeToLive: 1), to: target)
                let answer = try #require(try socket.receive(timeoutMilliseconds: 10_000))
                #expect(answer[20] == 11, "time exceeded")
                #expect(sniffer.counts().ipip == 0)
            }
        }

        @Test("E1: the outer packet has DF exactly where the inner one has it")
        func dontFragment() throws {
            try withLab(.twoNodes()) { lab in
                for isSet in [true, false, true] {
                    let packet = try wire(lab, dontFragment: isSet)
                    #expect(packet.outer.dontFragment == isSet && packet.inner.dontFragment == isSet)
                }
            }
        }

        @Test(
            "E1: with a fixed TTL the ipip driver sets DF on every outer packet",
            .tiers(.kernel, .mixed, .bpfKernel, because: "the others set it as the inner packet has it"))
        func alwaysDontFragment() throws {
            var specification = LabSpecification.twoNodes()
            specification.nodes[0].extraConfig = "tunnel: {ttl: 64}"
            try withLab(specification) { lab in
                let packet = try wire(lab, dontFragment: false)
                #expect(packet.outer.timeToLive == 64)
                #expect(packet.outer.dontFragment && !packet.inner.dontFragment)
            }
        }

        /// Whether the kernel's driver encapsulates what n1 sends.
        private static var isDriver: Bool { Tiers.current.dataplane(of: "n1") == "kernel" }

        @Test("E9: ECN is copied outwards, and so is DSCP; CE by RFC 6040, or by the ipip driver as in RFC 3168")
        func typeOfService() throws {
            try withLab(.twoNodes()) { lab in
                for tos: UInt8 in [0, 1, 2, 3, 0xB8, 0xBA, 0xFF] {
                    let packet = try wire(lab, typeOfService: tos)
                    let outer = Self.isDriver && tos & 3 == 3 ? tos & ~1 : tos
                    #expect(packet.outer.typeOfService == outer && packet.inner.typeOfService == tos)
                }
            }
        }
    }
}
