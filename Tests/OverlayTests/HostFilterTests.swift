// The host filter as a value: what the cluster and this host make of it, and how one takes another's place.

import Net
import Overlay
import Testing

@Suite("HostFilter")
struct HostFilterTests {
    private let local = LocalNode(
        name: "n1", address: "10.0.1.1/24", tunnelKind: "ipip", tunnelParameters: IPIPParameters(local: "10.0.1.1"))
    private let pods = Pool(name: "pods", prefix: "10.244.0.0/16")
    private let nodes = [
        Node(name: "n1", address: "10.0.1.1/24"),
        Node(name: "n2", address: "10.0.1.2/24", tunnelAddress: "10.244.2.0"), Node(name: "n3", address: "10.0.2.1/24"),
    ]
    private let blocks = [
        Block(prefix: "10.244.2.0/26", node: "n2"), Block(prefix: "10.244.3.0/26", node: "n3"),
        Block(prefix: "10.244.3.9/32", node: "n2"),
    ]

    private func desired(
        _ local: LocalNode? = nil, pools: [Pool]? = nil, nodes: [Node]? = nil, links: [Link] = []
    ) -> DesiredState {
        var facts = Host.facts()
        facts.links.removeAll { $0.name == "tunl0" }
        facts.links += links
        return DesiredState(
            local ?? self.local, ClusterState(nodes: nodes ?? self.nodes, pools: pools ?? [pods], blocks: blocks),
            facts)
    }

    private func ipip(_ name: String, _ parameters: IPIPParameters, isUp: Bool = true) -> Link {
        Link(index: 20, name: name, mtu: 1480, isUp: isUp, kind: "ipip", ipip: parameters)
    }

    @Test("Where the kernel decapsulates, every peer is admitted with its blocks and its own addresses")
    func admission() {
        let expected = Admission(
            local: "10.0.1.1", peers: ["10.0.1.2", "10.0.2.1"],
            sources: [
                .init(prefix: "10.0.1.2/32", peer: "10.0.1.2"), .init(prefix: "10.0.2.1/32", peer: "10.0.2.1"),
                .init(prefix: "10.244.2.0/26", peer: "10.0.1.2"), .init(prefix: "10.244.2.0/32", peer: "10.0.1.2"),
                .init(prefix: "10.244.3.0/26", peer: "10.0.2.1"), .init(prefix: "10.244.3.9/32", peer: "10.0.1.2"),
            ], singleAddresses: ["10.244.3.9"])
        #expect(desired().filter == HostFilter(admission: expected))
        var open = local
        open.checksSources = false
        #expect(desired(open).filter.admission?.checksSources == false)
    }

    @Test("The driver's own device takes packets to every address of the host, so those are looked at")
    func fallbackDevice() {
        #expect(desired(links: [ipip("tunl0", IPIPParameters())]).filter.admission?.local == nil)
        let pinned = ipip("tunl0", IPIPParameters(local: "10.0.1.9"))
        #expect(desired(links: [pinned]).filter.admission?.local == "10.0.1.1", "as it will be told")
    }

    @Test("Where Poplin itself decapsulates, or the device is somebody else's, nothing is filtered")
    func noAdmission() {
        #expect(desired(LocalNode(name: "n1", address: "10.0.1.1/24")).filter.isEmpty)
        let foreign = Link(index: 9, name: "tunl0", mtu: 1480, isUp: true, kind: "vxlan")
        #expect(desired(links: [foreign]).filter.isEmpty)
    }

    @Test("Tunnels of others are left alone, as far as the driver would give packets to them before ours")
    func others() {
        let links = [
            ipip("a", IPIPParameters(local: "10.0.1.1", remote: "192.0.2.1")),
            ipip("b", IPIPParameters(remote: "192.0.2.2")),
            ipip("elsewhere", IPIPParameters(local: "10.0.9.9", remote: "192.0.2.3")),
            ipip("fallback", IPIPParameters()),
            ipip("down", IPIPParameters(local: "10.0.1.1", remote: "192.0.2.4"), isUp: false),
            ipip("tunl0", IPIPParameters(local: "10.0.1.1")),
        ]
        #expect(
            desired(links: links).filter.admission?.others == [
                TunnelEnds(remote: "192.0.2.1", local: "10.0.1.1"), TunnelEnds(remote: "192.0.2.2", local: .any),
            ])
        let fallback = Array(links.dropLast()) + [ipip("tunl0", IPIPParameters())]
        #expect(desired(links: fallback).filter.admission?.others.count == 3)
    }

    @Test("Pools that ask for it are masqueraded outside all pools, disabled ones too, whatever their order")
    func masquerade() {
        let userspace = LocalNode(name: "n1", address: "10.0.1.1/24")
        let pools = [
            Pool(name: "a", prefix: "10.244.0.0/17", natOutgoing: true),
            Pool(name: "b", prefix: "10.244.128.0/17", natOutgoing: true, disabled: true),
            Pool(name: "inside", prefix: "10.244.4.0/24"), Pool(name: "excluded", prefix: "10.0.0.0/8", disabled: true),
        ]
        let all = AddressRange(first: "10.244.0.0", last: "10.244.255.255")
        let expected = HostFilter(
            masquerade: Masquerade(
                sources: [all], pools: [AddressRange(first: "10.0.0.0", last: "10.255.255.255")]))
        #expect(desired(userspace, pools: pools).filter == expected)
        #expect(desired(userspace, pools: pools.reversed()).filter == expected)
        #expect(expected.masquerade?.sources == [all])
        let edges = Masquerade(pools: [
            Pool(name: "low", prefix: "0.0.0.0/8", natOutgoing: true),
            Pool(name: "high", prefix: "255.0.0.0/8", natOutgoing: true),
        ])
        #expect(edges?.sources.map(\.description) == ["0.0.0.0/8", "255.0.0.0/8"])
        #expect(desired(userspace, pools: [pods]).filter.isEmpty)
    }

    @Test("Where the kernel has no packet filter for us, nothing is planned and what is missing is warned of")
    func obstacle() {
        var facts = Host.facts()
        facts.filterObstacle = "no filter here"
        func codes(_ local: LocalNode, natOutgoing: Bool) -> [String] {
            let pool = Pool(name: "pods", prefix: "10.244.0.0/16", natOutgoing: natOutgoing)
            var facts = facts
            facts.links.removeAll { $0.name == "tunl0" }
            let desired = DesiredState(local, ClusterState(nodes: nodes, pools: [pool], blocks: blocks), facts)
            #expect(desired.filter.isEmpty)
            return desired.codes.filter { ["anybodyMaySend", "notMasqueraded"].contains($0) }
        }
        let userspace = LocalNode(name: "n1", address: "10.0.1.1/24")
        #expect(codes(userspace, natOutgoing: false) == [])
        #expect(codes(userspace, natOutgoing: true) == ["notMasqueraded"])
        #expect(codes(local, natOutgoing: false) == ["anybodyMaySend"])
        #expect(codes(local, natOutgoing: true) == ["anybodyMaySend", "notMasqueraded"])
    }

    @Test("A changed filter first is both at once, and loses nothing before the first full snapshot")
    func union() throws {
        let before = desired(pools: [Pool(name: "pods", prefix: "10.244.0.0/16", natOutgoing: true)])
        let after = desired(nodes: Array(nodes.dropLast()) + [Node(name: "n4", address: "10.0.4.1/24")])
        func steps(_ mayRemove: Bool) -> [HostFilter] {
            var observed = Observed()
            observed.filter = before.filter
            return Plan(desired: after, observed: observed, mayRemove: mayRemove).steps.compactMap {
                if case .filter(let filter) = $0 { filter } else { nil }
            }
        }
        let both = try #require(steps(false).first)
        #expect(both.admission?.peers == ["10.0.1.2", "10.0.2.1", "10.0.4.1"])
        #expect(both.masquerade == before.filter.masquerade)
        #expect(steps(false) == [both])
        #expect(steps(true) == [both, after.filter])
        #expect(after.filter.masquerade == nil)
    }

    @Test("A table that is not as it should be is made anew, and goes only when nothing is wanted for certain")
    func repair() {
        let wanted = desired()
        var observed = Observed(filter: wanted.filter, filterIsIntact: false)
        func filters(_ desired: DesiredState, _ mayRemove: Bool) -> [Step] {
            Plan(desired: desired, observed: observed, mayRemove: mayRemove).steps.filter {
                if case .filter = $0 { true } else { false }
            }
        }
        #expect(filters(wanted, false) == [.filter(wanted.filter)])
        observed.filter = HostFilter()
        let none = desired(LocalNode(name: "n1", address: "10.0.1.1/24"))
        #expect(filters(none, false).isEmpty)
        #expect(filters(none, true) == [.filter(HostFilter())])
        observed.filterIsIntact = true
        #expect(filters(none, true).isEmpty)
    }

    @Test("A step says in a line what the filter does")
    func text() {
        let pools = [Pool(name: "pods", prefix: "10.244.0.0/16", natOutgoing: true)]
        #expect(
            StepText(.filter(desired(pools: pools).filter), device: "tunl0", names: [:]).description
                == "filter set table ip poplin admit protocol 4 to 10.0.1.1 of 2 peers from 6 prefixes; "
                + "masquerade 10.244.0.0/16 outside 10.244.0.0/16")
        #expect(
            StepText(.filter(HostFilter()), device: "tunl0", names: [:]).description
                == "filter remove table ip poplin")
    }
}
