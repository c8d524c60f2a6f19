// Tunnel addresses that are borrowed: whose they are, who gets a route to them, and who is told.

import Net
import Overlay
import Testing

@Suite("Tunnel addresses")
struct TunnelAddressTests {
    private let pools = [Pool(name: "pods", prefix: "10.244.0.0/16", ipipMode: .always)]
    private let blocks = [
        Block(prefix: "10.244.1.0/26", node: "n1"), Block(prefix: "10.244.2.0/26", node: "n2"),
        Block(prefix: "10.244.3.0/26", node: "n3"),
    ]

    private func nodes(_ tunnelAddresses: IPv4Address?...) -> [Node] {
        tunnelAddresses.enumerated().map { index, tunnel in
            Node(
                name: "n\(index + 1)",
                address: IPv4InterfaceAddress(
                    address: IPv4Address(rawValue: 0x0A00_0101 + UInt32(index)), prefixLength: 24),
                tunnelAddress: tunnel)
        }
    }

    private func topology(_ nodes: [Node], _ more: Block...) -> Topology {
        Topology(ClusterState(nodes: nodes, pools: pools, blocks: blocks + more))
    }

    private func owners(_ topology: Topology) -> [IPv4Prefix: String] {
        Dictionary(
            uniqueKeysWithValues: topology.blocks.filter { $0.prefix.length == 32 }.map { block in
                (block.prefix, topology.owner(of: block))
            })
    }

    @Test("one in another's block is a block of its own, in its place among the others")
    func borrowed() {
        let topology = topology(nodes("10.244.2.9", "10.244.3.9", "10.244.3.1"))
        #expect(
            topology.blocks.map(\.prefix) == [
                "10.244.1.0/26", "10.244.2.0/26", "10.244.2.9/32", "10.244.3.0/26", "10.244.3.9/32",
            ])
        #expect(owners(topology) == ["10.244.2.9/32": "n1", "10.244.3.9/32": "n2"])
        #expect(topology.warnings.isEmpty)
    }

    @Test("one in the own block, in no block, or that is the node's own address, is none")
    func ownBlock() {
        let topology = topology(nodes("10.244.1.9", "172.16.0.1", "10.244.200.9"))
        #expect(topology.blocks.map(\.prefix) == blocks.map(\.prefix) && topology.warnings.isEmpty)
        let own = Topology(
            ClusterState(
                nodes: nodes("10.0.1.1"), pools: [Pool(name: "wide", prefix: "10.0.0.0/8")],
                blocks: [Block(prefix: "10.0.1.0/26", node: "n2")]))
        #expect(own.blocks.map(\.prefix) == ["10.0.1.0/26"])
    }

    @Test("an own block inside another's, and another's inside the own one: the narrowest says whose it is")
    func nested() {
        let inside = topology(nodes("10.244.3.9", nil, nil), Block(prefix: "10.244.3.8/29", node: "n1"))
        #expect(owners(inside).isEmpty)
        let outside = topology(nodes(nil, nil, "10.244.3.9"), Block(prefix: "10.244.3.8/29", node: "n1"))
        #expect(owners(outside) == ["10.244.3.9/32": "n3"])
    }

    @Test("a claim for the very address decides, but for one of a node that nobody knows")
    func claimed() {
        let own = topology(nodes("10.244.3.9", nil, nil), Block(prefix: "10.244.3.9/32", node: "n1"))
        #expect(owners(own) == ["10.244.3.9/32": "n1"] && own.warnings.isEmpty)
        let other = topology(nodes("10.244.3.9", nil, nil), Block(prefix: "10.244.3.9/32", node: "n2"))
        #expect(owners(other) == ["10.244.3.9/32": "n2"])
        #expect(other.warnings.map(\.code) == ["tunnelAddressTaken"])
        #expect(other.warnings.map(\.subjects) == [["n2", "n1"]])
        let ghost = topology(nodes("10.244.3.9", nil, nil), Block(prefix: "10.244.3.9/32", node: "ghost"))
        #expect(owners(ghost) == ["10.244.3.9/32": "n1"])
        #expect(ghost.blocks.count == 4)
    }

    @Test("of two nodes with one address it belongs to that of the block, else to the smaller name")
    func claimedTwice() {
        let home = topology(nodes("10.244.3.1", nil, "10.244.3.1"))
        #expect(owners(home).isEmpty)
        #expect(home.warnings.map(\.subjects) == [["n3", "n1"]])
        let none = topology(nodes(nil, "10.244.1.9", "10.244.1.9"))
        #expect(owners(none) == ["10.244.1.9/32": "n2"])
        #expect(none.warnings.map(\.subjects) == [["n2", "n3"]])
    }

    @Test("the peer may speak for it, and packets for it go where the node's do")
    func verdict() {
        let state = ClusterState(nodes: nodes(nil, "10.244.3.9", nil), pools: pools, blocks: blocks)
        let desired = DesiredState(LocalNode(name: "n1", address: "10.0.1.1/24"), state)
        #expect(desired.decision(for: "10.244.3.9/32")?.reason == .modeAlways)
        #expect(desired.routes.first { $0.destination == "10.244.3.9/32" }?.gateway == "10.0.1.2")
        let peers = Dictionary(uniqueKeysWithValues: desired.peers.map { ($0.name, $0.prefixes) })
        #expect(peers == ["n2": ["10.244.2.0/26", "10.244.3.9/32"], "n3": ["10.244.3.0/26"]])
    }
}
