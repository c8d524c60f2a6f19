// What a snapshot settles before any verdict: who owns what, and what a person must be told.

import Net
import Overlay
import TestSupport
import Testing

@Suite("Topology")
struct TopologyTests {
    private let nodes = ["n1", "n2", "n3"].enumerated().map { index, name in
        Node(
            name: name,
            address: IPv4InterfaceAddress(
                address: IPv4Address(rawValue: 0x0A00_0101 + UInt32(index)), prefixLength: 24))
    }
    private let pools = [Pool(name: "pods", prefix: "10.244.0.0/16", ipipMode: .always)]

    private func topology(_ blocks: [Block]) -> Topology {
        Topology(ClusterState(nodes: nodes, pools: pools, blocks: blocks))
    }

    @Test(
        "the older claim wins, then the smaller name, in any order; a claim without an age is the youngest",
        arguments: [
            ("n2", 5, "n1", 9, "n2"), ("n2", 5, "n1", 5, "n1"), ("n1", .max, "n2", 7, "n2"),
            ("n3", .max, "n2", .max, "n2"),
            ("ghost", 1, "n2", 7, "ghost"),
        ] as [(String, Int64, String, Int64, String)])
    func contested(_ one: String, _ age: Int64, _ other: String, _ otherAge: Int64, _ winner: String) {
        let claims = [
            Block(prefix: "10.244.3.0/26", node: one, created: age),
            Block(prefix: "10.244.3.0/26", node: other, created: otherAge),
        ]
        for blocks in [claims, claims.reversed()] {
            let topology = topology(blocks)
            #expect(topology.blocks.map { topology.owner(of: $0) } == [winner])
            let contested = topology.warnings.filter { $0.code == "contestedBlock" }
            #expect(contested.map(\.subjects) == [["10.244.3.0/26", winner, winner == one ? other : one]])
        }
    }

    @Test("each loser is warned of once, and a node that claims twice contests nothing")
    func contestedOnce() {
        let twice = topology([
            Block(prefix: "10.244.3.0/26", node: "n1", created: 1),
            Block(prefix: "10.244.3.0/26", node: "n1", created: 2),
        ])
        #expect(twice.warnings.isEmpty)
        let many = topology([
            Block(prefix: "10.244.3.0/26", node: "n1", created: 1),
            Block(prefix: "10.244.3.0/26", node: "n2", created: 2),
            Block(prefix: "10.244.3.0/26", node: "n3", created: 3),
            Block(prefix: "10.244.3.0/26", node: "n2", created: 4),
        ])
        #expect(many.warnings.map { $0.subjects.last } == ["n2", "n3"])
    }

    @Test("an unknown node is named once, with how many blocks it holds up")
    func unknownNode() {
        let topology = topology([
            Block(prefix: "10.244.3.0/26", node: "ghost"), Block(prefix: "10.244.4.0/26", node: "ghost"),
        ])
        #expect(topology.warnings.map(\.code) == ["unknownNode"])
        #expect(topology.warnings.first?.message.contains("2 blocks (first 10.244.3.0/26)") == true)
        #expect(topology.blocks.map { topology.owner(of: $0) } == ["ghost", "ghost"])
    }

    @Test("of two nodes with one address the smaller name keeps it, and the other gets no routes and is no peer")
    func duplicateAddress() {
        var twin = nodes
        twin[2].address = twin[1].address
        let state = ClusterState(
            nodes: twin, pools: pools,
            blocks: [Block(prefix: "10.244.2.0/26", node: "n2"), Block(prefix: "10.244.3.0/26", node: "n3")])
        let desired = DesiredState(LocalNode(name: "n1", address: "10.0.1.1/24"), state)
        #expect(desired.decision(for: "10.244.2.0/26")?.verdict == .tunnel)
        #expect(desired.decision(for: "10.244.3.0/26")?.obstacle == .duplicateAddress)
        #expect(desired.codes == ["duplicateAddress"])
        #expect(desired.peers.map(\.name) == ["n2"])
    }

    @Test("the most specific block around an address is found")
    func lookup() {
        let topology = topology([
            Block(prefix: "10.244.3.0/26", node: "n2"), Block(prefix: "10.244.3.7/32", node: "n3"),
        ])
        func owner(_ address: IPv4Address) -> String? {
            topology.block(containing: address).map { topology.owner(of: topology.blocks[$0]) }
        }
        #expect(owner("10.244.3.7") == "n3")
        #expect(owner("10.244.3.8") == "n2")
        #expect(owner("10.244.3.64") == nil)
        #expect(topology.pool(containing: "10.244.9.9")?.name == "pods")
        #expect(topology.pool(containing: "10.245.0.1") == nil)
    }

    @Test("blocks ascend whatever the order they came in", arguments: 0..<10)
    func order(_ seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let blocks = (0..<2000).map { _ in
            Block(
                prefix: IPv4Prefix(
                    containing: IPv4Address(rawValue: .random(in: 0 ... .max, using: &random)),
                    length: .random(in: 0...32, using: &random)), node: "n1")
        }
        #expect(topology(blocks).blocks.map(\.prefix) == Set(blocks.map(\.prefix)).sorted())
    }
}
