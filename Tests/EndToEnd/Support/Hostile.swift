// Packets that no honest node sends, and the proof that none of them came through to a workload.

import Lab
import LinuxSystem
import Net
import Testing

/// Sends IP-in-IP packets from n1's host to n3 and looks at what arrives at n3's workload.
///
/// All carry the experimental protocol 253, so that nothing answers them.
final class HostileSender: Sendable {
    let lab: Lab
    private let socket: InetSocket
    static let here = address("10.0.1.1")
    static let there = address("10.0.2.1")
    static let workload = address("10.244.3.2")
    static let honest = address("10.244.1.2")

    init(_ lab: Lab) throws {
        self.lab = lab
        socket = try lab.host("w3").run { try InetSocket(.raw(proto: 253)) }
        // Neighbours are resolved before anything is counted.
        let report = try lab.ping(from: "w1", to: "w3")
        try #require(report.isComplete, "\(report.summary)")
    }

    /// An inner packet that is right in all things.
    static func inner(
        _ payload: String = "payload", source: IPv4Address = honest, destination: IPv4Address = workload,
        timeToLive: UInt8 = 64, typeOfService: UInt8 = 0, protocolNumber: UInt8 = 253
    ) -> [UInt8] {
        ForgedPacket.ipv4(
            source: source, destination: destination, protocolNumber: protocolNumber, payload: Array(payload.utf8),
            timeToLive: timeToLive, typeOfService: typeOfService)
    }

    /// Sends anything in an IP-in-IP packet.
    func send(_ inner: [UInt8], from source: IPv4Address = here, typeOfService: UInt8 = 0) throws {
        try lab.host("n1").sendRaw(
            ForgedPacket.ipip(
                source: source, destination: Self.there, inner: inner, typeOfService: typeOfService),
            to: Self.there)
    }

    /// Sends packets, waits until each is counted under a reason and nothing else is, and then that an honest one that
    /// was sent after them is the first that arrives.
    func expectDrops(
        _ reason: String, _ what: String, location: SourceLocation = #_sourceLocation, count: UInt64 = 1,
        _ send: (HostileSender) throws -> Void
    ) throws {
        let before = try drops()
        try send(self)
        do {
            try waitUntil("\(count) dropped for \(reason)") {
                let now = try drops()[reason, default: 0]
                return now == before[reason, default: 0] + count
            }
        } catch {
            let now = try drops().filter { $0.value != before[$0.key] }
            Issue.record("\(what): \(error); the counts that changed: \(now)", sourceLocation: location)
        }
        var expected = before
        expected[reason, default: 0] += count
        let after = try drops()
        #expect(after == expected, "\(what)", sourceLocation: location)
        try expectArrival("the tunnel goes on after \(what)", location: location) {
            try $0.send(Self.inner("after \(what)"))
        } check: { packet in
            #expect(packet.dropFirst(20) == Array("after \(what)".utf8)[...], sourceLocation: location)
        }
    }

    /// Sends something and looks at the first packet that arrives at the workload, IP header included.
    func expectArrival(
        _ what: String, location: SourceLocation = #_sourceLocation, _ send: (HostileSender) throws -> Void,
        check: ([UInt8]) -> Void
    ) throws {
        try send(self)
        guard let packet = try socket.receive(timeoutMilliseconds: 10_000) else {
            Issue.record("\(what): nothing arrived", sourceLocation: location)
            return
        }
        check(packet)
    }

    /// Does something after which n3 has counted one packet from n1 more, of so many bytes, and none dropped.
    func expectCount(
        bytes: Int, location: SourceLocation = #_sourceLocation, _ body: () throws -> Void
    ) throws {
        let (dropped, before) = (try drops(), try #require(try lab.status("n3")?.peer("n1")))
        try body()
        #expect(try drops() == dropped, sourceLocation: location)
        guard Tiers.current.countPeers else { return }
        let after = try #require(try lab.status("n3")?.peer("n1"))
        #expect(after.rxPackets == before.rxPackets + 1, sourceLocation: location)
        #expect(after.rxBytes == before.rxBytes + UInt64(bytes), sourceLocation: location)
    }

    func drops() throws -> [String: UInt64] { try #require(try lab.status("n3")?.drops) }
}
