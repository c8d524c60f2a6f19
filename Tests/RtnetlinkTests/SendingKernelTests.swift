// Neighbours, traffic control, filter chains and IPsec policies of the running kernel, as its own tools make them.

import LinuxSystem
import Net
import TestSupport
import Testing

@testable import Rtnetlink

@Suite(.needsNamespaces, .needsProgram("ip"))
struct SendingKernelTests {
    @Test func `Neighbours are listed with their state, and each change of state is told`() throws {
        try KernelTests.withVeth { socket, link in
            var monitor = try NetlinkMonitor(.sending)
            let base = "neigh replace 10.99.0.7 lladdr 02:00:00:00:00:07 dev v0 nud"
            for (word, state) in [
                ("permanent", NeighbourMessage.State.permanent), ("stale", .stale), ("reachable", .reachable),
            ] {
                try run("ip", "\(base) \(word)")
                let expected = NeighbourMessage(
                    link: link, address: address("10.99.0.7"), hardwareAddress: [2, 0, 0, 0, 0, 7], state: state)
                let listed = try socket.neighbours()
                #expect(listed.contains(expected), "\(listed)")
                let heard = try events(&monitor)
                #expect(heard.contains(.neighbour(.new, expected)), "\(heard)")
            }
            try run("ip", "neigh del 10.99.0.7 dev v0")
            let usable = try socket.neighbours().contains {
                $0.address == address("10.99.0.7") && $0.state == .reachable
            }
            #expect(!usable)
            let heard = try events(&monitor)
            #expect(!heard.isEmpty)
        }
    }

    @Test(.needsProgram("tc"))
    func `Queueing disciplines are listed and told`() throws {
        try KernelTests.withVeth { socket, link in
            var monitor = try NetlinkMonitor(.sending)
            try run("tc", "qdisc add dev v0 clsact")
            try run("tc", "qdisc replace dev v0 root handle 9: tbf rate 1gbit burst 64k latency 50ms")
            let own = try qdiscs(of: link, &socket)
            #expect(own.contains(QdiscMessage(link: link, kind: "tbf", handle: 0x9_0000)), "\(own)")
            #expect(own.contains { $0.kind == "clsact" && $0.parent != QdiscMessage.root }, "\(own)")
            let told = newQdiscs(try events(&monitor))
            #expect(told == ["clsact", "tbf"])
            try run("tc", "qdisc del dev v0 root")
            let left = try qdiscs(of: link, &socket)
            #expect(Set(left.map(\.kind)) == ["noqueue", "clsact"])
        }
    }

    @Test(.needsProgram("tc"))
    func `Traffic filters are listed by side, and changes of them are told`() throws {
        try KernelTests.withVeth { socket, link in
            let none = try socket.trafficFilters(link: link, side: .egress)
            #expect(none.isEmpty, "without clsact")
            try run("tc", "qdisc add dev v0 clsact")
            var monitor = try NetlinkMonitor(.traffic)
            // A classic program that passes everything on.
            let program = "1,6 0 0 4294967295"
            try run("tc", "filter add dev v0 egress prio 112 handle 1 protocol all bpf bytecode", program)
            try run("tc", "filter add dev v0 ingress prio 7 handle 2 protocol ip bpf bytecode", program)
            let egress = try socket.trafficFilters(link: link, side: .egress)
            #expect(egress == [TrafficFilterMessage(link: link, side: .egress, priority: 112)])
            let ingress = try socket.trafficFilters(link: link, side: .ingress)
            #expect(
                ingress == [TrafficFilterMessage(link: link, side: .ingress, priority: 7, etherType: 0x0800, handle: 2)]
            )
            let made = filterChanges(try events(&monitor))
            #expect(made == [.new: [112, 7]])

            try run("tc", "filter del dev v0 egress prio 112")
            let left = try socket.trafficFilters(link: link)
            #expect(left == ingress)
            let removed = filterChanges(try events(&monitor))
            #expect(removed == [.deleted: [112]])
            try run("tc", "qdisc del dev v0 clsact")
            let rest = try events(&monitor)
            let isTold = rest.contains {
                if case .qdisc(.deleted, let qdisc) = $0 { qdisc.kind == "clsact" } else { false }
            }
            #expect(isTold, "with its filters: \(rest)")
        }
    }

    @Test(.needs(.packetFilter))
    func `Filter chains are listed with their hooks and rules, and changes of them are told`() throws {
        try KernelTests.withVeth { _, _ in
            var monitor = try ChangeMonitor(.filter)
            #expect(try FilterChain.list().isEmpty)
            try run("nft", "add table inet f")
            try run("nft", "add chain inet f out { type filter hook output priority 0; }")
            try run("nft", "add chain inet f plain")
            try run("nft", "add table netdev d")
            try run("nft", "add chain netdev d e { type filter hook ingress device v0 priority 0; policy drop; }")
            var chains = try FilterChain.list()
            #expect(
                Set(chains) == [
                    FilterChain(family: .inet, table: "f", name: "out", hook: 3),
                    FilterChain(family: .netdev, table: "d", name: "e", hook: 0, dropsByDefault: true),
                ])
            #expect(chains.map(\.isEffective).sorted { !$0 && $1 } == [false, true])
            var hasChanged = try monitor.drain()
            #expect(hasChanged)
            hasChanged = try monitor.drain()
            #expect(!hasChanged)

            try run("nft", "add rule inet f out counter")
            try run("nft", "add rule inet f out ip protocol 4 jump plain")
            chains = try FilterChain.list()
            #expect(chains.first { $0.name == "out" }?.ruleCount == 2)
            hasChanged = try monitor.drain()
            #expect(hasChanged)
        }
    }

    @Test(.needsXFRM)
    func `IPsec policies for sent packets are counted, and changes of them are told`() throws {
        try KernelTests.withVeth { _, _ in
            let before = try IPsecPolicy.outgoingCount()
            #expect(before == 0)
            var monitor = try ChangeMonitor(.policies)
            for direction in ["in", "out"] {
                try run("ip", "xfrm policy add dir \(direction) src 10.0.0.0/8 dst 10.0.0.0/8 action allow")
            }
            let after = try IPsecPolicy.outgoingCount()
            #expect(after == 1)
            let hasChanged = try monitor.drain()
            #expect(hasChanged)
        }
    }
}

private func events(_ monitor: inout NetlinkMonitor) throws -> [MonitorEvent] {
    var events: [MonitorEvent] = []
    try monitor.drain { events.append($0) }
    return events
}

/// The kinds of the disciplines that came; a closure beside the inout socket of a test crashes the Swift 6.3.1 compiler.
private func newQdiscs(_ events: [MonitorEvent]) -> [String] {
    events.compactMap { event in
        if case .qdisc(.new, let qdisc) = event { qdisc.kind } else { nil }
    }
}

/// The priorities of the filters that came and went.
private func filterChanges(_ events: [MonitorEvent]) -> [MonitorEvent.Change: [UInt16]] {
    var changes: [MonitorEvent.Change: [UInt16]] = [:]
    for case .trafficFilter(let change, let filter) in events { changes[change, default: []].append(filter.priority) }
    return changes
}

private func qdiscs(of link: Int32, _ socket: inout NetlinkSocket) throws -> [QdiscMessage] {
    try socket.qdiscs().filter { $0.link == link }
}

extension Trait where Self == ConditionTrait {
    /// A kernel without XFRM has no policies to count and nothing to subscribe to.
    fileprivate static var needsXFRM: Self {
        .enabled(if: hasPolicies, "the kernel has no XFRM")
    }

    private static var hasPolicies: Bool {
        do {
            _ = try ChangeMonitor(.policies)
            return true
        } catch {
            return false
        }
    }
}

/// Runs a program in the calling thread's network namespace; an error where it does not succeed.
private func run(_ program: String, _ arguments: String, _ last: String...) throws {
    let path = try #require(Requirement.path(of: program))
    let result = try ChildProcess.run(path, arguments.split(separator: " ").map(String.init) + last)
    try #require(result.status.isSuccess, "\(program) \(arguments): \(result.errors)")
}
