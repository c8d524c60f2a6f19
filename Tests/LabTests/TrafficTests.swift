// The traffic tools tell exactly what was lost, and the sniffer exactly what passed.

import Lab
import LinuxSystem
import Net
import Packet
import Rtnetlink
import TestSupport
import Testing

@Suite("Traffic in a lab", .needsNamespaces)
struct TrafficTests {
    @Test func everyLostPingIsKnown() throws {
        try Lab.with(.routed()) { lab in
            let target = try lab.address(of: "w3")
            let arrivals = try PacketSniffer(on: try lab.host("w3"), devices: ["eth0"])
            defer { arrivals.stop() }
            let pinger = try lab.startPing(from: "w1", to: "w3")
            try waitUntil { pinger.received >= 50 }
            let route = IPv4Prefix(host: target)
            try lab.router.setRoute(route, kind: .blackhole)
            let first = pinger.sent
            try waitUntil { pinger.sent >= first + 50 }
            try lab.router.removeRoute(route, kind: .blackhole)
            let received = pinger.received
            try waitUntil { pinger.received >= received + 50 }
            let report = pinger.stop(lateReplyMilliseconds: 1000)

            #expect(report.lost.count >= 49)
            #expect(report.received + report.lost.count == report.sent)
            #expect(report.duplicates == 0 && report.corrupted == 0)
            #expect(report.lost == Array((report.lost.first ?? 0)...(report.lost.last ?? 0)))
            let requests = arrivals.counts().plain(from: try lab.address(of: "w1"), to: target)
            #expect(requests == report.received)
        }
    }

    @Test func pingsWithoutLossAreComplete() throws {
        try Lab.with(.routed()) { lab in
            let report = try lab.ping(from: "w2", to: "w3", count: 200, intervalMilliseconds: 1)
            #expect(report.sent == 200 && report.isComplete, "\(report.summary)")
            #expect(report.shortestRoundTrip > 0 && report.shortestRoundTrip <= report.averageRoundTrip)
            #expect(report.averageRoundTrip <= report.longestRoundTrip)
        }
    }

    @Test func streamsAreComparedByteByByte() throws {
        try Lab.with(.routed()) { lab in
            let report = try lab.transfer(from: "w1", to: "w3", bytes: 1_000_003)
            #expect(report.isIntact, "\(report)")
            #expect(report.received == 1_000_003)

            let running = try lab.startTransfer(from: "w3", to: "w2")
            try waitUntil { running.received > 200_000 }
            let stopped = running.stop()
            #expect(stopped.isIntact, "\(stopped)")
        }
    }

    @Test(arguments: [EchoCarrier.udp, .ip(protocolNumber: 253), .ip(protocolNumber: 132)])
    func datagramsOfAnyProtocolComeBack(carrier: EchoCarrier) throws {
        try Lab.with(.routed()) { lab in
            let small = try lab.echo(carrier, from: "w1", to: "w3", count: 3)
            #expect(small.isComplete, "\(small)")
            let fragmented = try lab.echo(carrier, from: "w1", to: "w3", count: 2, payloadBytes: 4000)
            #expect(fragmented.isComplete, "\(fragmented)")
            let refused = try lab.echo(
                carrier, from: "w1", to: "w3", count: 1, payloadBytes: 4000, dontFragment: true,
                timeoutMilliseconds: 100)
            #expect(refused.refused == [90: 1], "EMSGSIZE")
        }
    }

    @Test func theSnifferCountsEachPacketOnce() throws {
        try Lab.with(.routed()) { lab in
            let sniffer = try #require(lab.sniffer)
            let (first, third) = (try lab.address(of: "w1"), try lab.address(of: "w3"))
            _ = try lab.ping(from: "w1", to: "w3", count: 1)
            sniffer.clear()
            #expect(try lab.ping(from: "w1", to: "w3", count: 7).isComplete)
            var counts = sniffer.counts()
            #expect(counts.plain(from: first, to: third) == 7 && counts.plain(from: third, to: first) == 7)
            #expect(counts.plain(protocolNumber: IPProtocol.icmp) == 14 && counts.ipip == 0)
            #expect(sniffer.sample() == nil)

            // Between the nodes of one subnet, through the bridge alone.
            #expect(try lab.ping(from: "n1", to: "n2", count: 3).isComplete)
            counts = sniffer.counts()
            #expect(counts.plain(from: address("10.0.1.1"), to: address("10.0.1.2")) == 3)
        }
    }

    @Test func forgedPacketsPassAsTheyAre() throws {
        try Lab.with(.routed()) { lab in
            let sniffer = try #require(lab.sniffer)
            let inner = ForgedPacket.ping(source: address("10.244.1.2"), destination: address("10.244.3.2"))
            let packet = ForgedPacket.ipip(
                source: address("10.0.1.77"), destination: address("10.0.2.1"), inner: inner, identification: 7)
            // Resolves the gateway's address first, so that no queue is involved.
            #expect(try lab.ping(from: "n1", to: "n3").isComplete)
            sniffer.clear()
            try lab.host("n1").sendRaw(packet, to: address("10.0.2.1"))
            try waitUntil { sniffer.counts().ipip >= 1 }
            let counts = sniffer.counts()
            #expect(counts.ipip == 1 && counts.ipip(innerProtocol: IPProtocol.icmp) == 1)
            #expect(counts.ipip(from: address("10.0.1.77"), to: address("10.0.2.1")) == 1)
            #expect(sniffer.sample() == packet)
        }
    }

    @Test func anInterruptionEndsAWait() throws {
        try Lab.with(.routed()) { lab in
            lab.interruption.request()
            #expect(throws: LabError.interrupted) {
                try lab.ping(from: "w1", to: "w3", count: 100_000, intervalMilliseconds: 1)
            }
            #expect(throws: LabError.interrupted) { try lab.transfer(from: "w1", to: "w3", bytes: 1 << 36) }
        }
    }

    /// Waits for progress of something that runs by itself; 20 s mean that it does not.
    private func waitUntil(_ condition: () -> Bool) throws {
        let deadline = Monotonic.now + 20_000_000_000
        while !condition() {
            try #require(Monotonic.now < deadline, "no progress")
            Monotonic.sleep(milliseconds: 1)
        }
    }
}
