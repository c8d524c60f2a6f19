// Whichever netlink call of an agent fails, and however: it comes to the same state, and takes nothing away on its way.

import Lab
import LinuxSystem
import Net
import Rtnetlink
import TestSupport
import Testing

extension EndToEndTests {
    @Suite(
        "Faults of netlink", .needs(Clang.requirement),
        .tiers(.userspace, .kernel, .bpf, because: "an agent makes the calls of its own tier, whatever that of others"))
    struct Faults {
        /// From one failing call to the next: more than the calls of one walk, so that the walk after a fault is whole.
        private static let period = 33

        @Test(arguments: [true, false])
        func `A start comes through whichever of its calls fails`(onCleanHost: Bool) throws {
            try withIdleLab(Self.specification) { lab in
                let cluster = try FaultyCluster(lab)
                let states = try cluster.states()
                // Of a start without a fault, on a host as it will be.
                try cluster.restart(onCleanHost: onCleanHost) { _ in nil }
                try cluster.converge(to: states, "a start without faults")
                try cluster.settle()
                let count = try #require(try cluster.nodes.map { try cluster.faults(of: $0).callCount }.min())
                try #require(count > 2 * Self.period, "so few calls cannot be all")

                // Where all is there already, a third of the calls is as telling: most are the same.
                let rounds = onCleanHost ? cluster.nodes.count : cluster.nodes.count * 3
                for first in stride(from: 0, to: Self.period, by: rounds) {
                    let watches = try cluster.nodes.map { try KernelWatch(try lab.host($0)) }
                    let met = try cluster.faultCounts()
                    try cluster.restart(onCleanHost: onCleanHost) { place in
                        .every(Self.period, first: first + place, budget: count / Self.period + 1)
                    }
                    try cluster.converge(to: states, "a start with faults from call \(first)")
                    try cluster.settle()
                    try cluster.expectFewCalls(count, since: met)
                    for watch in watches where !onCleanHost {
                        try watch.drain()
                        #expect(watch.changes == [], "nothing was to be changed")
                    }
                    try cluster.order { _ in nil }
                }
                let failed = Set(try cluster.nodes.flatMap { try cluster.trace($0).faults.map(\.call) })
                // The last ones of a start may be more or fewer: they follow what the kernel tells.
                let demanded = onCleanHost ? Set(0..<count * 3 / 4) : Set(0..<3)
                #expect(demanded.subtracting(failed) == [], "calls that never failed")
                try cluster.expectNothingToDo()
                try cluster.expectTraffic()
                try cluster.expectLog()
            }
        }

        @Test func `Changes come through whichever of the calls that they take fails`() throws {
            try withIdleLab(Self.specification) { lab in
                let cluster = try FaultyCluster(lab)
                let changes = try Changes(cluster)
                for first in stride(from: 0, to: Self.period, by: cluster.nodes.count) {
                    for direction in Changes.Direction.allCases {
                        let met = try cluster.faultCounts()
                        try cluster.order { place in
                            let budget = changes.callCount / Self.period + 1
                            return .every(Self.period, first: first + place, budget: budget)
                        }
                        try changes.make(direction)
                        try cluster.expectFewCalls(changes.callCount, since: met)
                    }
                }
                try cluster.order { _ in nil }
                let failed = Set(try cluster.nodes.flatMap { try cluster.trace($0).faults.map(\.call) })
                #expect(Set(0..<changes.callCount / 2).subtracting(failed) == [], "calls that never failed")
                try cluster.expectNothingToDo()
                try cluster.expectTraffic()
                try cluster.expectLog()
            }
        }

        @Test(
            .tiers(
                .userspace, .bpf,
                because:
                    "a kernel without tables for IPv4 refuses the packet filter's requests, and they end with the first"
            ))
        func `Every kind of call meets every fault`() throws {
            try withIdleLab(Self.specification) { lab in
                let cluster = try FaultyCluster(lab)
                let changes = try Changes(cluster)
                var missing: [String] = []
                for _ in 0..<40 {
                    // Anew each time: a call that was made once and is not made again cannot be waited for.
                    try cluster.order { .deal(spacing: Self.period, share: $0, shares: cluster.nodes.count) }
                    try changes.make(.forth)
                    try changes.make(.back)
                    missing = try cluster.missingFaults()
                    if missing.isEmpty { break }
                }
                #expect(missing == [], "faults that were not met")
                try cluster.settle()
                try cluster.order { _ in nil }
                try cluster.expectNothingToDo()
                try cluster.expectTraffic()
                try cluster.expectLog()
            }
        }

        private static var specification: LabSpecification {
            var specification = LabSpecification.threeNodes()
            specification.hasSniffer = false
            return specification
        }
    }
}

/// Changes of the cluster and of the hosts, there and back again, of every kind that an agent answers with a request.
private struct Changes {
    enum Direction: CaseIterable {
        case forth, back
    }

    /// Netlink calls of either direction without faults.
    private(set) var callCount = 0
    private let cluster: FaultyCluster
    private var states: [Direction: [String: OwnState]] = [:]
    private static let blocks = (0..<6).map { (prefix("10.244.\(64 + $0).0/26"), "n\($0 % 3 + 1)") }
    /// n2 has it, but for the time in which n1 claims it too.
    private static let moving = prefix("10.244.80.0/26")

    /// Goes there and back once without faults, and remembers what it looked like.
    init(_ cluster: FaultyCluster) throws {
        self.cluster = cluster
        try cluster.lab.write([.block(Self.moving, node: "n2")])
        try waitForRoutes(4)
        states[.back] = try cluster.states()
        for direction in Direction.allCases {
            let before = try cluster.faults(of: "n1").callCount
            try change(direction)
            try waitForRoutes(direction == .forth ? 10 : 4)
            callCount = max(callCount, try cluster.faults(of: "n1").callCount - before)
            if direction == .forth { states[.forth] = try cluster.states() }
        }
        try cluster.converge(to: try #require(states[.back]), "changes without faults")
    }

    private func waitForRoutes(_ count: Int) throws {
        for node in cluster.nodes {
            try waitUntil("routes of \(node)") { try cluster.lab.ownRoutes(node).count == count }
            try cluster.lab.waitReady(node)
        }
        // The config may be about to be read.
        try cluster.waitNothingToDo()
    }

    /// Changes everything and waits until all is as it must be then.
    func make(_ direction: Direction) throws {
        let watches = try cluster.nodes.map { try KernelWatch(try cluster.lab.host($0)) }
        try change(direction)
        try cluster.converge(to: try #require(states[direction]), "changes \(direction)")
        for watch in watches {
            try watch.drain()
            let goers = [Self.moving] + (direction == .back ? Self.blocks.map(\.0) : [])
            let removals = watch.requestedRemovals.filter { removal in !goers.contains { removal.contains("\($0) ") } }
            #expect(removals == [], "only what was to go is taken away")
        }
    }

    private func change(_ direction: Direction) throws {
        let lab = cluster.lab
        for node in cluster.nodes {
            let host = try lab.host(node)
            let damages: [Damage] = direction == .forth ? [.deviceDeleted] : [.mtuChanged, .addressAdded]
            for damage in damages { try damage.inflict(on: host) }
            if direction == .back {
                let address = IPv4InterfaceAddress(
                    address: try #require(try lab.node(node).tunnelAddress), prefixLength: 32)
                let message = AddressMessage(link: try host.linkIndex("tunl0"), address: address)
                try host.perform([.deleteAddress(message)])
            }
            if let nft = Requirement.path(of: "nft") {
                // A kernel without this kind of table has no packet filter that an agent would read anew.
                _ = try host.execute(nft, [direction == .forth ? "add" : "delete", "table", "ip", "faults"])
            }
        }
        for (block, node) in Self.blocks {
            let resource = LabResource.block(block, node: node)
            if direction == .forth { try lab.write([resource]) } else { try lab.removeResource(resource.name) }
        }
        let claim = LabResource.block(Self.moving, node: "n1")
        if direction == .forth { try lab.write([claim]) } else { try lab.removeResource(claim.name) }
        for node in cluster.nodes { try lab.setMode(node, direction == .forth ? .always : nil) }
    }
}
