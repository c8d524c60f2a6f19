// Both steps against what Linux's ipip driver sent: it is taken in byte for byte, and ours differs only where we say so.

import Net
import Packet
import TestSupport
import Testing

@Suite struct CaptureTests {
    /// What the capturing host sent by the driver, whole and without a superframe: nothing in it is to be changed.
    private static let plain = [
        "icmp", "tcp-segments", "udp", "udp-no-checksum", "options", "inner-fragments", "gre", "protocols", "ttl",
        "traffic-classes",
    ]

    private func deliver(_ datagram: [UInt8]) -> (packet: [UInt8], offload: Offload)? {
        var copy = datagram
        let decision = CapturedHost(in: datagram, at: 16).decapsulate(&copy)
        guard case .deliver(let offset, let length, 0, let offload) = decision else { return nil }
        return (Array(copy[offset..<offset + length]), offload)
    }

    private func drop(_ datagram: [UInt8]) -> DropReason? {
        var copy = datagram
        guard case .drop(let reason) = CapturedHost(in: datagram, at: 16).decapsulate(&copy) else { return nil }
        return copy == datagram ? reason : nil
    }

    @Test("D1, D2, D7: what the driver sends arrives byte for byte and needs no offload", arguments: plain)
    func delivered(name: String) throws {
        let datagrams = try Captures.datagrams(name)
        #expect(datagrams.count >= 2)
        for (index, datagram) in datagrams.enumerated() {
            let out = try #require(deliver(datagram), "packet \(index)")
            #expect(out.packet == Array(datagram[20...]) && out.offload == .none, "packet \(index)")
            // Padding as Ethernet adds to short frames is not handed on.
            #expect(try #require(deliver(datagram + [0, 0, 0])).packet == out.packet)
        }
    }

    @Test("D4: the same packets are refused where the sender's prefix is another's", arguments: plain)
    func refused(name: String) throws {
        for datagram in try Captures.datagrams(name) {
            var foreign = datagram
            foreign.replaceSubrange(32..<36, with: [10, 244, 3, 9])
            #expect(drop(foreign) == .innerSourceNotOfPeer)
        }
    }

    @Test("D8: the driver's superframes and unfinished checksums are told to the device, and nothing of them is lost")
    func superframes() throws {
        var received: [IPv4Address: [UInt8]] = [:]
        var lengths: [Int] = []
        for datagram in try Captures.datagrams("tcp-superframe") {
            let out = try #require(deliver(datagram))
            #expect(out.packet == Array(datagram[20...]))
            let headerLength = 20 + Int(out.packet[32] >> 4) * 4
            received[CapturedHost(in: datagram, at: 16).address, default: []] += out.packet[headerLength...]
            guard out.packet.count > 1480 else {
                #expect(out.offload == .partialChecksum(start: 20, offset: 16))
                continue
            }
            lengths.append(out.packet.count)
            #expect(
                out.offload
                    == .tcpSegments(
                        size: UInt16(1480 - headerLength), headerLength: UInt16(headerLength), checksumStart: 20,
                        congestionWindowReduced: false))
        }
        #expect(lengths.count >= 2 && lengths.allSatisfy { $0 > 1480 })
        // What the two programs wrote into their sockets.
        #expect(received[Cluster.local] == (1...9000).map { UInt8(truncatingIfNeeded: $0 * 7) })
        #expect(received[Cluster.first] == (1...6000).map { UInt8(truncatingIfNeeded: $0 * 5) })
    }

    @Test("D8: an unfinished checksum of the driver's is finished to what it sends with offloads off")
    func partialUDP() throws {
        let partial = try Captures.datagrams("udp-partial")
        let finished = try Captures.datagrams("udp")
        #expect(partial.count == finished.count)
        for (datagram, plain) in zip(partial, finished) {
            var out = try #require(deliver(datagram))
            #expect(out.offload == .partialChecksum(start: 20, offset: 6))
            let reason = finish(&out.packet, VirtioNetHeader(out.offload))
            // The two differ in the port that the kernel chose, so the sum decides.
            #expect(reason == nil && referenceSum(out.packet[20...], adding: referencePseudoSum(out.packet)) == 0xFFFF)
            #expect(out.packet[28...] == plain[48...])
        }
    }

    @Test("D6: marks of a real queue reach the inside with a right checksum, and not the packet that must not bear one")
    func congested() throws {
        let datagrams = try Captures.datagrams("congested")
        #expect(datagrams.count == 5)
        for datagram in datagrams.dropLast() {
            let out = try #require(deliver(datagram))
            #expect(out.packet[1] == 3 && checksumIsRight(out.packet[..<20]))
            #expect(out.packet[20...] == datagram[40...])
        }
        #expect(drop(try #require(datagrams.last)) == .ecnIllegalCombination)
    }

    @Test("D5: fragments of outer packets are not taken; put together as the kernel does, they are")
    func outerFragments() throws {
        let datagrams = try Captures.datagrams("outer-fragments")
        #expect(datagrams.count == 6)
        for datagram in datagrams { #expect(drop(datagram) == .outerFragment) }
        for start in [0, 3] {
            let inner = datagrams[start..<start + 3].flatMap { $0[20...] }
            var header = PacketSpec(payload: inner).bytes[..<4] + datagrams[start][4..<20]
            header.replaceSubrange(6..<8, with: [0, 0])
            header.replaceSubrange(10..<12, with: [0, 0])
            let out = try #require(deliver(header + inner))
            #expect(out.packet == inner && inner.count == 3028 && referenceSum(inner[20...]) == 0xFFFF)
        }
    }

    @Test("D9: a tunnel in the tunnel passes between workloads and not between the tunnel's own ends")
    func nested() throws {
        let datagrams = try Captures.datagrams("nested")
        #expect(datagrams.count == 3)
        for datagram in datagrams.dropLast() {
            #expect(try #require(deliver(datagram)).packet == Array(datagram[20...]))
        }
        #expect(drop(try #require(datagrams.last)) == .recursion)
    }

    @Test("D2: IPv6 is taken neither as what protocol 4 carries nor as protocol 41")
    func ipv6() throws {
        #expect(try Captures.datagrams("ipv6").map(drop) == [.notIPv4, .notIPIP])
    }

    /// What the driver itself sent, as inner packet and outer header; the latter is not looked at where a queue has
    /// marked it or another program has made it.
    private static func sent() throws -> [(outer: [UInt8], inner: [UInt8])] {
        let names = plain + ["tcp-superframe", "udp-partial"]
        return try (names.flatMap(Captures.datagrams) + Captures.datagrams("nested").dropLast()).map {
            (Array($0[..<20]), Array($0[20...]))
        }
    }

    @Test("E1, E8: with the driver's settings the outer header is the driver's but for identification and an inner CE")
    func sameHeader() throws {
        let sent = try Self.sent()
        #expect(sent.count > 60)
        for (index, packet) in sent.enumerated() {
            let out = CapturedHost(in: packet.outer, at: 12).encapsulate(
                packet.inner, timeToLive: .inherit, dscp: .fixed(0))
            #expect(out.decision == .send(peer: 0, length: packet.inner.count), "packet \(index)")
            var (ours, theirs) = (out.header, packet.outer)
            #expect(checksumIsRight(ours) && checksumIsRight(theirs), "packet \(index)")
            if packet.inner[1] & 3 == 3 {
                // E9: RFC 6040 carries the mark out, the driver (RFC 3168) does not.
                #expect(ours[1] == 3 && theirs[1] == 2, "packet \(index)")
                ours[1] = theirs[1]
            }
            // RFC 6864: what may not be fragmented needs no identification of ours.
            #expect((Array(ours[4..<6]) == [0, 0]) == (packet.inner[6] & 0x40 != 0), "packet \(index)")
            for range in [4..<6, 10..<12] {
                ours.replaceSubrange(range, with: [0, 0])
                theirs.replaceSubrange(range, with: [0, 0])
            }
            #expect(ours == theirs, "packet \(index)")
        }
    }

    @Test("E8, E9: by default TTL is 64 and DSCP and ECN are the inner packet's, other than the driver's")
    func defaultHeader() throws {
        var differing = 0
        for packet in try Self.sent() {
            let header = CapturedHost(in: packet.outer, at: 12).encapsulate(packet.inner).header
            #expect(header[8] == 64 && header[1] == packet.inner[1])
            if packet.outer[8] != 64 || packet.outer[1] != packet.inner[1] { differing += 1 }
        }
        #expect(differing > 0)
    }

    @Test("E4, E5, E6: what a kernel says about the driver's packets is told to the inner sender as RFC 2003 asks")
    func errors() throws {
        let datagrams = try Captures.datagrams("icmp-errors")
        #expect(datagrams.count == 10)
        var relays: [ICMPv4Error.Relay?] = []
        for index in stride(from: 0, to: datagrams.count, by: 2) {
            let (packet, message) = (datagrams[index], Array(datagrams[index + 1][20...]))
            let error = try #require(parseError(message))
            let headers = (outer: try parseHeader(packet).get(), inner: try parseHeader(packet, at: 20).get())
            #expect(error.outer == headers.outer && error.inner == headers.inner)
            #expect(Array(message[error.innerOffset...]) == Array(packet[20..<min(packet.count, 548)]))
            relays.append(error.relay())
        }
        #expect(relays.map(\.?.code) == [.network, .host, .fragmentationNeeded, .host, nil])
        #expect(relays.map(\.?.nextHopMTU) == [0, 0, 980, 0, nil])
    }
}
