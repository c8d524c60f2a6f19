// What `check` says of a host that ran something else.

import Net
import Overlay
import Testing

@testable import Agent

@Suite("Host check: leftovers")
struct HostCheckLeftoversTests {
    private func literal<Value>(_ value: Value?) throws -> Value { try #require(value) }

    private func findings(_ routes: [UnderlayRoute], links: [Link]) throws -> [HostFinding] {
        let address = try literal(IPv4InterfaceAddress("10.0.1.1/24"))
        let peer = try literal(IPv4InterfaceAddress("10.0.2.1/24"))
        let facts = HostFacts(
            links: [Link(index: 2, name: "eth0", mtu: 1500, isUp: true)] + links,
            addresses: [LinkAddress(link: 2, address: address)],
            underlayRoutes: [
                UnderlayRoute(destination: try literal(IPv4Prefix("10.0.0.0/16")), link: 2)
            ] + routes)
        let state = ClusterState(
            nodes: [Node(name: "n1", address: address), Node(name: "n3", address: peer)],
            pools: [Pool(name: "pods", prefix: try literal(IPv4Prefix("10.244.0.0/16")))],
            blocks: [Block(prefix: try literal(IPv4Prefix("10.244.3.0/26")), node: "n3")])
        let desired = DesiredState(
            local: LocalNode(name: "n1", address: address, ipipMode: .always), topology: Topology(state), facts: facts)
        return HostCheckLeftovers(facts: facts, desired: desired, tunnelDevice: "tunl0").findings()
    }

    private func route(_ destination: String, link: Int32, of number: UInt8) throws -> UnderlayRoute {
        UnderlayRoute(
            destination: try literal(IPv4Prefix(destination)), gateway: IPv4Address("10.0.2.1"), link: link,
            routeProtocol: number)
    }

    private func device(_ name: String) -> Link { Link(index: 7, name: name, mtu: 1480, isUp: true, kind: "ipip") }

    @Test func `A host that ran nothing else has no finding`() throws {
        #expect(try findings([], links: []).isEmpty)
        // Nor one with a tunnel that has nothing to do with our pools, or our own.
        #expect(try findings([route("10.9.0.0/24", link: 7, of: 12)], links: [device("mine")]).isEmpty)
        #expect(try findings([], links: [device("tunl0")]).isEmpty)
    }

    @Test func `Routes are counted by their maker, with those that are in the way, and the remedy`() throws {
        let routes = try ["10.244.3.0/26", "10.244.4.0/26", "10.244.5.0/26", "10.244.6.0/26"].map {
            try route($0, link: 2, of: 12)
        }
        let found = try findings(routes + [route("10.244.7.0/26", link: 2, of: 80)], links: [])
        try #require(found.count == 2)
        #expect(found[0].detail.hasPrefix("1 route of felix (10.244.7.0/26) within the pools, 0 of them"))
        #expect(
            found[1].detail.hasPrefix(
                "4 routes of bird (10.244.3.0/26, 10.244.4.0/26, 10.244.5.0/26, …) within the pools, 1 of them"))
        #expect(found.allSatisfy { $0.level == .warn && $0.remedy.contains("poplin agent --adopt") })
        #expect(found[1].remedy.contains("stop bird"))
    }

    @Test func `A tunnel device of theirs is named`() throws {
        #expect(
            try findings([], links: [device("flannel.ipip")]).map(\.detail) == [
                "flannel.ipip is flannel's tunnel device"
            ])
        let used = try findings([route("10.244.3.0/26", link: 7, of: 12)], links: [device("tunl1")])
        #expect(
            used.count == 2 && used[1].detail == "tunl1 is a tunnel device of somebody else, and has routes in pools")
    }
}
