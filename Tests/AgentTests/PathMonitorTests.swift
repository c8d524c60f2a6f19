// The monitor against a real kernel, in a network namespace.

import LinuxSystem
import Net
import Overlay
import Rtnetlink
import TestSupport
import Testing

@testable import Agent

@Suite("Path monitor", .needsNamespaces)
struct PathMonitorTests {
    private static let node = IPv4Address(rawValue: 0x0A00_0101)
    private static let peer = IPv4Address(rawValue: 0x0A00_0201)

    private func route(_ kind: RouteKind = .unicast, link: Int32 = 0, mtu: UInt32 = 0) -> RouteSpecification {
        RouteSpecification(
            destination: IPv4Prefix(containing: Self.peer, length: 24), kind: kind, link: link, mtu: mtu,
            routeProtocol: 4)
    }

    @Test("E10: after a refusal, the MTU that the kernel knows of the path is learnt; none, or no route, is no harm")
    func refusal() throws {
        let name = "poplin-paths-\(Host.processID)"
        try NetworkNamespace.create(name)
        defer { try? NetworkNamespace.delete(name) }
        try NetworkNamespace.run(in: name) {
            var netlink = try NetlinkSocket()
            var monitor = try PathMonitor(localAddress: Self.node)
            var answers: [Bool] = []
            answers.append(monitor.ask(&netlink, about: Self.peer))
            try netlink.perform(.addRoute(route(.unreachable)))
            answers.append(monitor.ask(&netlink, about: Self.peer))
            try netlink.perform(.deleteRoute(route(.unreachable)))
            try netlink.perform(.setLink(.name("lo"), LinkChange(isUp: true)))
            let loopback = try #require(try netlink.link(named: "lo")).index
            for mtu: UInt32 in [0, 1300, 1300, 1400, 1200] {
                try netlink.perform(.replaceRoute(route(link: loopback, mtu: mtu)))
                answers.append(monitor.ask(&netlink, about: Self.peer))
            }
            #expect(answers == [false, false, false, true, false, false, true])
            let learnt = monitor.table.mtus
            #expect(learnt == [Self.peer: 1200])
            monitor.prepare(peers: [TunnelPeer(name: "n3", address: Self.peer)])
            #expect(monitor.table.mtus == learnt)
            monitor.prepare(peers: [])
            #expect(monitor.table.mtus.isEmpty)
        }
    }
}
