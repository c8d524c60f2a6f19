// Which ICMP errors are believed, what they say of the path, and what the inner sender is told.

import Lab
import Net
import Overlay
import Packet
import TestSupport
import Testing

@testable import Agent

@Suite("ICMP relay")
struct ICMPRelayTests {
    private static func ip(_ text: String) -> IPv4Address { IPv4Address(text) ?? .any }
    private static func prefix(_ text: String) -> IPv4Prefix { IPv4Prefix(text) ?? IPv4Prefix(host: .any) }
    private static let here = ip("10.0.1.1")
    private static let there = ip("10.0.2.1")
    private static let router = ip("10.0.1.254")
    private static let sender = ip("10.244.1.2")
    private static let receiver = ip("10.244.3.2")

    private static let peers = [
        TunnelPeer(name: "n2", address: ip("10.0.1.2"), prefixes: [prefix("10.244.2.0/26"), prefix("10.244.3.7/32")]),
        TunnelPeer(name: "n3", address: there, prefixes: [prefix("10.244.3.0/26")]),
    ]

    /// An inner packet of 1480 bytes.
    private static func inner(
        source: IPv4Address = sender, destination: IPv4Address = receiver, protocolNumber: UInt8 = 17,
        payload: [UInt8] = [UInt8](repeating: 7, count: 1460), dontFragment: Bool = true
    ) -> [UInt8] {
        ForgedPacket.ipv4(
            source: source, destination: destination, protocolNumber: protocolNumber, payload: payload,
            dontFragment: dontFragment)
    }

    private static func outer(
        from source: IPv4Address = here, to destination: IPv4Address = there, inner: [UInt8] = inner(),
        dontFragment: Bool = true
    ) -> [UInt8] {
        ForgedPacket.ipip(source: source, destination: destination, inner: inner, dontFragment: dontFragment)
    }

    private static func error(
        _ type: UInt8 = 3, _ code: UInt8 = 4, mtu: UInt16 = 1300, about packet: [UInt8] = outer(), quoted: Int = 548
    ) -> [UInt8] {
        ForgedPacket.icmpError(
            type: type, code: code, mtu: code == 4 ? mtu : 0, source: router, destination: here, about: packet,
            quotedBytes: quoted)
    }

    private static func judge(_ packet: [UInt8]) -> ICMPRelay.Finding? {
        var relay = ICMPRelay(localAddress: here)
        relay.use(peers)
        return relay.judge(packet.span.bytes, source: ip("10.244.1.1"))
    }

    @Test("E4: fragmentation needed tells the path MTU, and the inner sender that MTU less 20")
    func fragmentationNeeded() throws {
        let finding = try #require(Self.judge(Self.error()))
        #expect(finding.peer == Self.there && finding.pathMTU == 1300)
        let reply = try #require(finding.reply)
        #expect(reply.receiver == Self.sender)
        let header = try IPv4Header.parse(reply.packet.span.bytes).get()
        #expect(header.source == Self.ip("10.244.1.1") && header.destination == Self.sender)
        #expect(Array(reply.packet[20..<22]) == [3, 4] && Array(reply.packet[26..<28]) == [5, 0])
        #expect(Array(reply.packet[28..<48]) == Array(Self.inner()[..<20]))
        #expect(InternetChecksum.checksum(reply.packet.span.bytes.extracting(20...)) == 0)
    }

    @Test("E4: a quotation too short for the inner sender still tells the path MTU", arguments: [20, 28, 39, 47])
    func shortQuotation(_ quoted: Int) {
        #expect(Self.judge(Self.error(quoted: quoted)) == .init(peer: Self.there, pathMTU: 1300, reply: nil))
        #expect(Self.judge(Self.error(3, 1, quoted: quoted)) == nil)
    }

    @Test("E10: of a packet without DF in one with it the path MTU is learnt, and its sender has nothing to do")
    func withoutInnerDF() {
        let packet = Self.outer(inner: Self.inner(dontFragment: false))
        #expect(Self.judge(Self.error(about: packet)) == .init(peer: Self.there, pathMTU: 1300, reply: nil))
        #expect(
            Self.judge(Self.error(3, 1, about: packet))?.reply != nil, "what cannot be reached is told all the same")
    }

    @Test("E5, E6: unreachable and time exceeded reach the inner sender; the others do not, and none tells an MTU")
    func relayed() {
        let told: [(UInt8, UInt8, UInt8)] = [(3, 0, 0), (3, 1, 1), (3, 2, 1), (3, 13, 1), (11, 0, 1), (11, 1, 1)]
        for (type, code, relayed) in told {
            let finding = Self.judge(Self.error(type, code))
            #expect(finding?.peer == Self.there && finding?.pathMTU == nil)
            #expect(finding?.reply?.packet[20..<22] == [3, relayed], "\(type)/\(code)")
        }
        for (type, code) in [(3, 3), (3, 5), (4, 0), (5, 1), (12, 0), (8, 0)] as [(UInt8, UInt8)] {
            #expect(Self.judge(Self.error(type, code)) == nil, "\(type)/\(code)")
        }
    }

    @Test("E11: nobody is told of ICMP errors, later fragments, multicast; the path MTU is learnt all the same")
    func silence() {
        var fragment = Self.inner()
        fragment[7] = 9
        for inner in [
            Self.inner(protocolNumber: 1, payload: [3] + [UInt8](repeating: 0, count: 1459)), fragment,
            Self.inner(source: Self.ip("224.0.0.1")), Self.inner(source: .any),
        ] {
            let packet = Self.outer(inner: inner)
            #expect(Self.judge(Self.error(about: packet)) == .init(peer: Self.there, pathMTU: 1300, reply: nil))
            #expect(Self.judge(Self.error(3, 1, about: packet)) == nil)
        }
    }

    @Test("E4, E5: what cannot quote a packet of ours is not believed")
    func forged() {
        let stranger = Self.ip("192.0.2.1")
        var plain = Self.outer()
        plain[9] = 17
        let forgeries: [(String, [UInt8])] = [
            ("another node's packet", Self.outer(from: stranger)), ("a packet to no peer", Self.outer(to: stranger)),
            ("a packet of another protocol", plain),
            ("an inner packet to another peer", Self.outer(inner: Self.inner(destination: Self.ip("10.244.2.2")))),
            (
                "an inner packet to an address borrowed from the peer",
                Self.outer(inner: Self.inner(destination: Self.ip("10.244.3.7")))
            ),
            ("an inner packet to nobody", Self.outer(inner: Self.inner(destination: stranger))),
        ]
        for (what, packet) in forgeries {
            for (type, code) in [(3, 4), (3, 1), (11, 0)] as [(UInt8, UInt8)] {
                #expect(Self.judge(Self.error(type, code, about: packet)) == nil, "\(what)")
            }
        }
        #expect(Self.judge(Self.error(about: Self.outer(dontFragment: false))) == nil, "about a packet without DF")
        #expect(Self.judge(Self.error(mtu: 1500)) == nil, "about a packet that fits")
        var damaged = Self.error()
        damaged[30] ^= 1
        #expect(Self.judge(damaged) == nil, "with a wrong checksum")
    }

    @Test("a relay takes new peers and forgets the former")
    func peers() {
        var relay = ICMPRelay(localAddress: Self.here)
        let error = Self.error()
        var learnt: [UInt16?] = []
        for peers in [[], Self.peers, [Self.peers[0]]] {
            relay.use(peers)
            let finding = relay.judge(error.span.bytes, source: Self.here)
            learnt.append(finding?.pathMTU)
        }
        #expect(learnt == [nil, 1300, nil])
    }

    @Test("D9: cut, random or damaged messages harm nothing, and what is told is a message with a right checksum")
    func hostile() {
        var random = SeededGenerator(seed: 1191)
        var relay = ICMPRelay(localAddress: Self.here)
        relay.use(Self.peers)
        for _ in 0..<5000 {
            var packet = Self.error(
                random.oneIn(2) ? 3 : 11, UInt8.random(in: 0...5, using: &random),
                mtu: UInt16.random(in: 0...1600, using: &random))
            packet = Array(packet[..<Int.random(in: 0...packet.count, using: &random)])
            for _ in 0..<3 where !packet.isEmpty {
                packet[Int.random(in: 0..<packet.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            guard let reply = relay.judge(packet.span.bytes, source: Self.here)?.reply else { continue }
            let sum = InternetChecksum.checksum(reply.packet.span.bytes.extracting(20...))
            #expect(sum == 0)
        }
    }
}
