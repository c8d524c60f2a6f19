// The workload w1 as one who sends into the tunnel and hears what becomes of it, and the router as one who lies to n1.

import Lab
import LinuxSystem
import Net
import Packet
import Rtnetlink
import Testing

/// An ICMP error as an inner sender gets it.
struct InnerError: Equatable {
    let type: UInt8
    let code: UInt8
    /// The next-hop MTU field.
    let mtu: UInt16
    let source: IPv4Address
    /// The quoted packet's beginning.
    let quoted: [UInt8]
}

/// Sends from w1 to w3, of whose nodes n1 tunnels to n3.
final class InnerSender: Sendable {
    static let here = address("10.244.1.2")
    static let there = address("10.244.3.2")
    /// Another address of n3's block, of which w1's kernel has not learnt anything yet.
    static let elsewhere = address("10.244.3.3")
    static let router = address("10.0.1.254")
    static let node = address("10.0.1.1")
    static let peer = address("10.0.2.1")
    let lab: Lab
    private let socket: InetSocket

    init(_ lab: Lab) throws {
        self.lab = lab
        socket = try lab.host("w1").run { try InetSocket(.raw(proto: IPProtocol.icmp)) }
        // Neighbours are resolved, and no router is out of breath, before anything is counted. Not by icmp_ratelimit: in
        // older kernels a limit of 0 takes away the tokens that errors about routes are paid with.
        try lab.router.sysctl("net/ipv4/icmp_ratemask", "0")
        let report = try lab.ping(from: "w1", to: "w3")
        try #require(report.isComplete, "\(report.summary)")
    }

    /// A ping with DF of so many bytes, IP header included.
    static func ping(bytes: Int = 84, to destination: IPv4Address = there) -> [UInt8] {
        ForgedPacket.ping(source: here, destination: destination, payloadBytes: bytes - 28, dontFragment: true)
    }

    /// What n1 makes of an inner packet.
    static func tunnelled(
        _ inner: [UInt8] = ping(bytes: 1480), from source: IPv4Address = node, to destination: IPv4Address = peer
    ) -> [UInt8] {
        ForgedPacket.ipip(source: source, destination: destination, inner: inner, dontFragment: true)
    }

    func send(_ packet: [UInt8], to destination: IPv4Address = there) throws {
        try lab.host("w1").sendRaw(packet, to: destination)
    }

    /// The next ICMP error that w1 gets; echoes are passed over.
    func nextError(timeoutMilliseconds: Int32 = 10_000) throws -> InnerError? {
        while let packet = try socket.receive(timeoutMilliseconds: timeoutMilliseconds) {
            let header = try IPv4Header.parse(packet.span.bytes).get()
            let message = packet[header.headerLength...]
            guard let type = message.first, ICMPv4.isError(type: type), message.count >= 8 else { continue }
            // The kernel hands it to a raw socket unchecked.
            let sum = InternetChecksum.checksum(message.span.bytes)
            #expect(sum == 0, "the message's checksum")
            let fields = Array(message)
            return InnerError(
                type: type, code: fields[1], mtu: UInt16(fields[6]) << 8 | UInt16(fields[7]), source: header.source,
                quoted: Array(fields[8...]))
        }
        return nil
    }

    /// Has the router tell n1 an ICMP error.
    func forge(
        type: UInt8, code: UInt8, mtu: UInt16 = 0, about packet: [UInt8] = tunnelled(), quotedBytes: Int = 548
    ) throws {
        try lab.router.sendRaw(
            ForgedPacket.icmpError(
                type: type, code: code, mtu: mtu, source: Self.router, destination: Self.node, about: packet,
                quotedBytes: quotedBytes), to: Self.node)
    }

    /// What n1's agent has done with ICMP about the tunnel.
    func count(_ kind: String) throws -> UInt64 {
        try #require(try lab.status("n1")?.tunnel?.icmp?[kind], "n1 does not count \(kind)")
    }

    /// The path MTU to n3 that n1 has learnt.
    func pathMTU() throws -> Int? { try lab.status("n1")?.peer("n3")?.pathMTU }

    /// The MTU of n1's route to n3's block.
    func routeMTU() throws -> UInt32? { try lab.ownRoute("n1", to: try lab.block(of: "n3"))?.mtu }
}
