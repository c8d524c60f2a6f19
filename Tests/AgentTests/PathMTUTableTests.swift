// The soft state of path MTUs and the limits of the ICMP that we make, with time as an argument.

import Net
import Testing

@testable import Agent

/// A table that can be changed where it is looked at.
private final class Paths {
    var table = PathMTUTable()

    func learn(_ mtu: UInt16, to peer: IPv4Address, now: UInt64) -> Bool { table.learn(mtu, to: peer, now: now) }
}

@Suite("Path MTU table")
struct PathMTUTableTests {
    private let second: UInt64 = 1_000_000_000
    private let peer = IPv4Address(rawValue: 0x0A00_0201)
    private let other = IPv4Address(rawValue: 0x0A00_0301)

    @Test("E7: a decrease is learnt at once, and each peer has one entry of its own")
    func decrease() {
        let paths = Paths()
        #expect(paths.table.nextExpiry == nil && paths.table.mtus.isEmpty)
        #expect(paths.learn(1400, to: peer, now: 5))
        #expect(paths.learn(1300, to: peer, now: 6))
        #expect(paths.learn(1450, to: other, now: 7))
        #expect(paths.table.mtus == [peer: 1300, other: 1450])
        #expect(paths.table.nextExpiry == 6 + 600 * second)
    }

    @Test("E7: nothing raises it within ten minutes of the last decrease; then it is forgotten, and not before")
    func ageing() {
        let paths = Paths()
        let end = 100 + 600 * second
        #expect(paths.learn(1300, to: peer, now: 100))
        for now in stride(from: 100, to: end, by: Int(60 * second)) {
            #expect(!paths.learn(1400, to: peer, now: now))
            paths.table.expire(now: now)
            #expect(paths.table.mtus == [peer: 1300] && paths.table.nextExpiry == end)
        }
        paths.table.expire(now: end - 1)
        #expect(paths.table.mtus == [peer: 1300])
        paths.table.expire(now: end)
        #expect(paths.table.mtus.isEmpty && paths.table.nextExpiry == nil)
        #expect(paths.learn(1400, to: peer, now: end))
    }

    @Test("E7: a confirmation is no change, but lets it live on")
    func confirmed() {
        let paths = Paths()
        #expect(paths.learn(1300, to: peer, now: 0))
        #expect(!paths.learn(1300, to: peer, now: 200 * second))
        #expect(paths.table.nextExpiry == 800 * second)
    }

    @Test("E7: what has aged does not hold back a larger one, also before anybody has cleaned up")
    func stale() {
        let paths = Paths()
        #expect(paths.learn(1300, to: peer, now: 0))
        #expect(paths.learn(1400, to: peer, now: 600 * second))
        #expect(paths.table.mtus == [peer: 1400])
    }

    @Test("E7: never below 68, whatever a router says", arguments: [0, 1, 67, 68])
    func minimum(_ told: UInt16) {
        let paths = Paths()
        #expect(paths.learn(told, to: peer, now: 0))
        #expect(paths.table.mtus == [peer: 68])
    }

    @Test("E7: a peer that is gone is forgotten")
    func formerPeers() {
        let paths = Paths()
        _ = paths.learn(1300, to: peer, now: 0)
        _ = paths.learn(1300, to: other, now: 0)
        paths.table.keep { $0 == other }
        #expect(paths.table.mtus == [other: 1300])
    }
}

@Suite("ICMP rate limit")
struct ICMPRateLimitTests {
    private let second: UInt64 = 1_000_000_000

    @Test("E11: one inner sender is told six times at once, then once a second")
    func perSender() {
        var limit = ICMPRateLimit()
        let start = 77 * second
        let atOnce = (0..<100).count { _ in limit.allows(IPv4Address(rawValue: 1), now: start) }
        #expect(atOnce == 6)
        let tenSeconds = (1...1000).count { step in
            limit.allows(IPv4Address(rawValue: 1), now: start + UInt64(step) * second / 100)
        }
        #expect(tenSeconds == 10)
        let another = limit.allows(IPv4Address(rawValue: 2), now: start + 10 * second)
        #expect(another)
    }

    @Test("E11: all together are told fifty times at once, then a hundred times a second")
    func overall() {
        var limit = ICMPRateLimit()
        let start = 77 * second
        let atOnce = (0..<5000).count { limit.allows(IPv4Address(rawValue: UInt32($0)), now: start) }
        #expect(atOnce == 50)
        let tenSeconds = (0..<100_000).count { step in
            limit.allows(IPv4Address(rawValue: UInt32(10_000 + step)), now: start + UInt64(step) * second / 10_000)
        }
        #expect((999...1001).contains(tenSeconds), "\(tenSeconds)")
    }

    @Test("a message that the limit of all held back costs its sender nothing")
    func heldBack() {
        var limit = ICMPRateLimit()
        for sender in 0..<50 { _ = limit.allows(IPv4Address(rawValue: UInt32(sender)), now: 0) }
        let atOnce = (0..<10).count { _ in limit.allows(IPv4Address(rawValue: 99), now: 0) }
        #expect(atOnce == 0)
        let later = (0..<10).count { _ in limit.allows(IPv4Address(rawValue: 99), now: second) }
        #expect(later == 6)
    }
}
