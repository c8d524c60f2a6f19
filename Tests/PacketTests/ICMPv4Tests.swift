// ICMP to inner senders and from the tunnel: E4, E5, E6 and E11 as far as they are pure.

import Net
import Packet
import TestSupport
import Testing

@Suite struct ICMPv4Tests {
    private static func unreachable(
        _ code: ICMPv4.Unreachable, mtu: UInt16 = 0, about packet: [UInt8], room: Int = 600
    ) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0xAA, count: room)
        var span = buffer.mutableSpan
        var raw = span.mutableBytes
        let length = ICMPv4.writeUnreachable(
            code, nextHopMTU: mtu, source: ip("10.244.1.1"), about: packet.span.bytes, to: &raw)
        return length.map { Array(buffer[..<$0]) }
    }

    /// An ICMP message about an outer packet that carried `inner`, cut to `quoted` bytes of quotation.
    private static func error(
        type: UInt8, code: UInt8, mtu: UInt16 = 0, inner: [UInt8] = PacketSpec().bytes, quoted: Int = 548
    ) -> [UInt8] {
        [type, code, 0, 0, 0, 0] + bigEndian(mtu)
            + tunnelled(inner, from: Cluster.local, to: Cluster.first).prefix(quoted)
    }

    @Test("E4: fragmentation needed reaches the inner sender with the MTU and a right checksum")
    func fragmentationNeeded() throws {
        let packet = PacketSpec(payload: [UInt8](repeating: 7, count: 1480)).bytes
        let message = try #require(Self.unreachable(.fragmentationNeeded, mtu: 1380, about: packet))
        #expect(message.count == 576)
        let header = try parseHeader(message).get()
        #expect(header.source == ip("10.244.1.1") && header.destination == ip("10.244.2.5"))
        #expect(header.protocolNumber == IPProtocol.icmp && header.totalLength == 576)
        #expect(Array(message[20..<22]) == [3, 4] && Array(message[24..<28]) == [0, 0, 0x05, 0x64])
        #expect(Array(message[28...]) == Array(packet[..<548]))
        #expect(checksumIsRight(message[..<20]) && checksumIsRight(message[20...]))
    }

    @Test("E4: an MTU is only told with fragmentation needed, and a buffer too small gives nothing")
    func otherCodes() throws {
        let message = try #require(Self.unreachable(.host, mtu: 1380, about: PacketSpec().bytes))
        #expect(Array(message[20..<22]) == [3, 1] && Array(message[26..<28]) == [0, 0])
        #expect(Self.unreachable(.host, about: PacketSpec().bytes, room: 55) == nil)
        #expect(Self.unreachable(.host, about: PacketSpec().bytes, room: 56)?.count == 56)
        #expect(Self.unreachable(.host, about: PacketSpec().bytes, room: 0) == nil)
    }

    @Test("E11: nothing is sent about ICMP errors, later fragments, multicast, broadcast or sources of no host")
    func silence() {
        func answers(_ change: (inout PacketSpec) -> Void) -> Bool {
            var spec = PacketSpec()
            change(&spec)
            return Self.unreachable(.host, about: spec.bytes) != nil
        }
        #expect(answers { _ in })
        #expect(answers { $0.flagsAndOffset = 0x2000 })
        #expect(!answers { $0.flagsAndOffset = 1 })
        for type: UInt8 in [3, 4, 5, 11, 12] {
            #expect(
                !answers {
                    $0.protocolNumber = 1
                    $0.payload = [type, 0, 0, 0, 0, 0, 0, 0]
                })
        }
        #expect(
            answers {
                $0.protocolNumber = 1
                $0.payload = [8, 0, 0, 0, 0, 0, 0, 0]
            })
        #expect(
            !answers {
                $0.protocolNumber = 1
                $0.payload = []
            })
        #expect(!answers { $0.destination = ip("224.0.0.5") })
        #expect(!answers { $0.destination = ip("255.255.255.255") })
        for source in ["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"] {
            #expect(!answers { $0.source = ip(source) })
        }
    }

    @Test("E4: the relayed MTU is the outer path MTU less 20, never below 68")
    func relayedMTU() throws {
        let message = Self.error(type: 3, code: 4, mtu: 1400)
        let error = try #require(parseError(message))
        #expect(error.outer.destination == Cluster.first && error.outerPathMTU == 1400)
        #expect(error.inner?.source == ip("10.244.2.5") && error.innerOffset == 28)
        let relay = try #require(error.relay())
        #expect(relay.code == .fragmentationNeeded && relay.nextHopMTU == 1380)
        for mtu: UInt16 in [1, 67, 68, 80] {
            let low = Self.error(type: 3, code: 4, mtu: mtu)
            #expect(parseError(low)?.relay()?.nextHopMTU == 68)
        }
    }

    @Test("E4: a router that names no MTU means the next plateau (RFC 1191)")
    func plateau() {
        let inner = PacketSpec(payload: [UInt8](repeating: 0, count: 1460)).bytes
        let message = Self.error(type: 3, code: 4, inner: inner)
        #expect(parseError(message)?.outerPathMTU == 1492)
        let small = Self.error(type: 3, code: 4, inner: PacketSpec(payload: []).bytes)
        #expect(parseError(small)?.outerPathMTU == 68)
    }

    @Test("E4: a short quotation still tells the peer, though not the inner sender")
    func shortQuotation() throws {
        let message = Self.error(type: 3, code: 4, mtu: 1400, quoted: 28)
        let error = try #require(parseError(message))
        #expect(error.inner == nil && error.outer.destination == Cluster.first && error.outerPathMTU == 1400)
    }

    @Test("E5, E6: what reaches the inner sender is what RFC 2003 section 4 says")
    func relays() {
        func code(_ type: UInt8, _ code: UInt8) -> ICMPv4.Unreachable? {
            parseError(Self.error(type: type, code: code))?.relay()?.code
        }
        #expect(code(3, 0) == .network)
        #expect(code(3, 1) == .host)
        #expect(code(3, 2) == .host)
        #expect(code(3, 3) == nil)
        #expect(code(3, 5) == nil)
        #expect(code(11, 0) == .host)
        #expect(code(4, 0) == nil)
        #expect(code(5, 1) == nil)
        for reason: UInt8 in [6, 9, 11] { #expect(code(3, reason) == .network) }
        for reason: UInt8 in [7, 10, 12, 13] { #expect(code(3, reason) == .host) }
    }

    @Test("E4, E11: a packet that was cut off, as in a quotation, is reported on, down to 8 bytes of payload")
    func beginnings() throws {
        let packet = PacketSpec(payload: [UInt8](repeating: 7, count: 1480)).bytes
        for length in [28, 29, 500] {
            let message = try #require(
                Self.unreachable(.fragmentationNeeded, mtu: 1380, about: Array(packet[..<length])))
            #expect(Array(message[28...]) == Array(packet[..<length]))
            #expect(checksumIsRight(message[..<20]) && checksumIsRight(message[20...]))
        }
        for length in [0, 19, 20, 27] {
            #expect(Self.unreachable(.fragmentationNeeded, about: Array(packet[..<length])) == nil)
        }
        // An ICMP message whose type is not quoted could be an error.
        var ping = PacketSpec(payload: [8, 0, 0, 0, 0, 0, 0, 0])
        ping.protocolNumber = 1
        let (whole, cut) = (ping.bytes, Array(ping.bytes[..<20]))
        let isReported = ICMPv4.mayReport(whole.span.bytes)
        let isCutReported = ICMPv4.mayReport(cut.span.bytes)
        #expect(isReported && !isCutReported)
    }

    @Test("D9: messages that are no errors about the tunnel, or are cut anywhere, are not read")
    func foreign() {
        #expect(parseError(Self.error(type: 8, code: 0)) == nil)
        let udp = [3, 1, 0, 0, 0, 0, 0, 0] + PacketSpec().bytes
        #expect(parseError(udp) == nil)
        let whole = Self.error(type: 3, code: 1)
        for length in 0..<28 { #expect(parseError(Array(whole[..<length])) == nil) }
        for length in 28..<48 { #expect(parseError(Array(whole[..<length]))?.inner == nil) }
        var random = SeededGenerator(seed: 792)
        for _ in 0..<5000 {
            var message = Array(whole[..<Int.random(in: 0...whole.count, using: &random)])
            for _ in 0..<3 where !message.isEmpty {
                message[Int.random(in: 0..<message.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if let error = parseError(message) {
                #expect(error.innerOffset <= message.count)
                _ = error.relay()
            }
        }
    }
}
