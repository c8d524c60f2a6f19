// Whom the agent takes over and whom it leaves alone: one who brings his routes back is still there.

import Net
import Overlay
import Testing

@testable import Agent

@Suite("Adoption watch")
struct AdoptionWatchTests {
    private let all = Set(Predecessor.allCases)
    private let second: UInt64 = 1_000_000_000

    private func leftover(_ number: UInt32, _ predecessor: Predecessor = .bird) -> Leftover {
        let address = IPv4Address(rawValue: 0x0AF4_0000 + number << 8)
        let route = UnderlayRoute(destination: IPv4Prefix(containing: address, length: 26), link: 2, routeProtocol: 12)
        return Leftover(route: route, predecessor: predecessor)
    }

    private func removal(_ leftover: Leftover) -> Step { .adoption(.remove(leftover)) }

    @Test func `Without the flag nobody is taken over`() {
        #expect(AdoptionWatch(isOn: false).adopting(now: 5).isEmpty)
    }

    @Test func `What stays away is forgotten, and what is new is taken over`() {
        var watch = AdoptionWatch(isOn: true)
        watch.took([removal(leftover(1))])
        let outcome = watch.look(at: [leftover(2)], now: 5)
        #expect(!outcome.hasReturned && outcome.news.isEmpty)
        #expect(watch.adopting(now: 5) == all)
        #expect(watch.nextDue(now: 5) == nil && watch.messages(now: 5).isEmpty)
    }

    @Test func `Who comes back is named once and left alone, each time for longer`() {
        var watch = AdoptionWatch(isOn: true)
        var now = second
        var pauses: [UInt64] = []
        for round in 0..<9 {
            watch.took([removal(leftover(1)), removal(leftover(2)), removal(leftover(3, .felix))])
            let outcome = watch.look(at: [leftover(1), leftover(2)], now: now)
            #expect(outcome.hasReturned)
            #expect(outcome.news.count == (round == 0 ? 1 : 0))
            #expect(watch.adopting(now: now) == all.subtracting([.bird]))
            #expect(watch.messages(now: now).count == 1)
            // Seen again meanwhile, it is nothing new.
            let again = watch.look(at: [leftover(1), leftover(2)], now: now)
            #expect(!again.hasReturned)
            let due = watch.nextDue(now: now) ?? 0
            pauses.append((due - now) / second)
            now = due
            #expect(watch.adopting(now: now) == all && watch.messages(now: now).isEmpty)
            #expect(watch.nextDue(now: now) == nil)
        }
        #expect(pauses == [10, 20, 40, 80, 160, 320, 600, 600, 600])
    }

    @Test func `The message names the routes and who has to be stopped`() {
        var watch = AdoptionWatch(isOn: true)
        watch.took([removal(leftover(1))])
        let outcome = watch.look(at: [leftover(1)], now: 0)
        #expect(outcome.news == watch.messages(now: 0))
        let message = outcome.news.first ?? ""
        #expect(message.hasPrefix("1 route of bird (10.244.1.0/26) came back"))
        #expect(message.contains("bird still runs on this host; stop it"))
    }
}
