// What resources must be to each other when they are stored, a line for each rule.

import Testing

@testable import Datastore

@Suite struct ClusterRulesTests {
    /// Two nodes with a block each, and their pool.
    private static let stored = [
        "all.yaml": Sample.stream(
            Sample.pool("pods", "10.244.0.0/16"),
            Sample.node("n1", "10.0.1.1/24", extra: "\n    ipv4IPIPTunnelAddr: 10.244.1.1"),
            Sample.node("n2", "10.0.1.2/24"), Sample.block("b1", "10.244.1.0/26", node: "n1"),
            Sample.block("b2", "10.244.2.0/26", node: "n2"))
    ]

    @Test(arguments: [
        (
            Sample.node("n3", "10.0.1.1/24"),
            "c.yaml:7: spec.bgp.ipv4Address: 10.0.1.1 is the address of Node n1 (all.yaml:7); give each node its own"
        ),
        (
            Sample.node("n3", "10.0.1.3/24", extra: "\n    ipv4IPIPTunnelAddr: 10.244.1.1"),
            "c.yaml:8: spec.bgp.ipv4IPIPTunnelAddr: 10.244.1.1 is the tunnel address of Node n1 (all.yaml:7); choose another"
        ),
        (
            Sample.pool("old", "10.244.128.0/17"),
            "c.yaml:5: spec.cidr: 10.244.128.0/17 overlaps 10.244.0.0/16 of IPPool pods in all.yaml:1, which is used; "
                + "change or remove one of the two"
        ),
        (
            Sample.pool("pods", "10.245.0.0/16"),
            "c.yaml:5: spec.cidr: cannot be changed from 10.244.0.0/16; create a second pool, disable this one, and delete "
                + "it when it is empty"
        ),
        (
            Sample.pool("pods", "10.244.0.0/16", "blockSize: 28"),
            "c.yaml:6: spec.blockSize: cannot be changed from 26; create a second pool, disable this one, and delete it "
                + "when it is empty"
        ),
        (
            Sample.block("b3", "10.244.1.0/26", node: "n2"),
            "c.yaml:5: spec.cidr: 10.244.1.0/26 is claimed by node n1 (all.yaml:24); delete that claim first"
        ),
        (
            Sample.block("b3", "10.244.0.0/22", node: "n2"),
            "c.yaml:5: spec.cidr: 10.244.0.0/22 overlaps 10.244.1.0/26 of node n1 (all.yaml:24); choose another block"
        ),
        (
            Sample.block("b3", "10.244.1.32/27", node: "n2"),
            "c.yaml:5: spec.cidr: 10.244.1.32/27 overlaps 10.244.1.0/26 of node n1 (all.yaml:24); choose another block"
        ),
        (
            Sample.block("b1", "10.244.3.0/26", node: "n1"),
            "c.yaml:5: spec.cidr: cannot be changed from 10.244.1.0/26; delete the claim and apply a new one"
        ),
        (
            Sample.stream(Sample.node("n3", "10.0.1.3/24"), Sample.node("n3", "10.0.1.4/24")),
            "c.yaml:12: metadata.name: a second Node n3; the first is at c.yaml:1; keep one"
        ),
        (
            Sample.stream(Sample.node("n3", "10.0.1.3/24"), Sample.node("n4", "10.0.1.3/24")),
            "c.yaml:15: spec.bgp.ipv4Address: 10.0.1.3 is the address of Node n3 (c.yaml:1); give each node its own"
        ),
        ("# nothing\n", "c.yaml: holds no resource; write Node, IPPool or BlockAffinity"),
    ])
    func `What excludes something is refused with both places`(text: String, line: String) {
        let cluster = Cluster(Self.stored)
        #expect(cluster.apply(text) == Cluster.Outcome(errors: [line]))
        #expect(cluster.files == Self.stored)
    }

    @Test func `A new pool with blocks of another size in it is refused`() {
        let cluster = Cluster([
            "b.yaml": Sample.stream(
                Sample.block("b1", "10.9.0.0/24", node: "n1"), Sample.block("b2", "10.9.1.0/24", node: "n2"),
                Sample.block("b3", "10.9.7.7/32", node: "n2"))
        ])
        #expect(
            cluster.apply(Sample.pool("pods", "10.9.0.0/16")).errors == [
                "c.yaml:1: spec.blockSize: 2 blocks of another size lie in the pool (first 10.9.0.0/24 of n1); set "
                    + "spec.blockSize to 24, or delete what does not fit"
            ])
        #expect(cluster.apply(Sample.pool("pods", "10.9.0.0/16", "blockSize: 24")).errors == [])
    }

    @Test func `A resource that stands in two places is not chosen between`() {
        let cluster = Cluster(["a.yaml": Sample.node("n1", "10.0.1.1/24"), "b.yaml": Sample.node("n1", "10.0.1.2/24")])
        #expect(
            cluster.apply(Sample.node("n1", "10.0.1.3/24")).errors == [
                "c.yaml:4: metadata.name: is in a.yaml:1 and b.yaml:1; remove one by hand first"
            ])
    }

    @Test func `What is replaced does not exclude what replaces it`() {
        let cluster = Cluster(Self.stored)
        // The two nodes change places.
        let outcome = cluster.apply(
            Sample.stream(
                Sample.node("n1", "10.0.1.2/24"), Sample.node("n2", "10.0.1.1/24"),
                Sample.block("b1", "10.244.1.0/26", node: "n2"), Sample.block("b2", "10.244.2.0/26", node: "n1")))
        #expect(outcome.errors == [])
        #expect(
            outcome.changes == [
                "Node n1: changed", "Node n2: changed", "BlockAffinity b1: changed", "BlockAffinity b2: changed",
            ])
    }

    @Test func `A borrowed address in another's block, and a block within one's own, are no conflicts`() {
        let outcome = Cluster(Self.stored).apply(
            Sample.stream(
                Sample.block("b3", "10.244.1.9/32", node: "n2"), Sample.block("b4", "10.244.2.0/27", node: "n2")))
        #expect(outcome.errors == [])
        #expect(outcome.notes == ["c.yaml:8: note: 10.244.2.0/27 is no block of IPPool pods, whose blocks are /26"])
    }

    @Test func `What a person may still be about to write is a note`() {
        let outcome = Cluster(Self.stored).apply(Sample.block("b3", "10.9.0.0/26", node: "n9"))
        #expect(outcome.changes == ["BlockAffinity b3: created"])
        #expect(
            outcome.notes == ["c.yaml:1: note: 10.9.0.0/26 lies in no IPPool", "c.yaml:1: note: there is no Node n9"])
    }

    @Test func `What is wrong among others does not hold up an input that has no part in it`() {
        let cluster = Cluster([
            "a.yaml": Sample.stream(Sample.pool("p", "10.0.0.0/8"), Sample.node("n1", "10.0.1.1/24")),
            "b.yaml": Sample.stream(Sample.pool("q", "10.5.0.0/16"), Sample.node("n2", "10.0.1.1/24")),
        ])
        #expect(cluster.apply(Sample.node("n3", "10.0.1.3/24")).changes == ["Node n3: created"])
    }

    @Test func `A Node that is no peer yet is one that a block may name`() {
        let text = "apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: n9}\nspec: {}\n"
        let outcome = Cluster(Self.stored).apply(Sample.stream(text, Sample.block("b9", "10.244.9.0/26", node: "n9")))
        #expect(outcome.notes == ["c.yaml:4: note: Node n9 has no spec.bgp: it is no peer"])
    }

    @Test func `Thousands of claims are checked against each other`() {
        func blocks(_ node: String) -> String {
            (0..<4096).map { Sample.block("\(node)-\($0)", "10.\($0 >> 8).\($0 & 255).0/26", node: node) }.joined(
                separator: "---\n")
        }
        let cluster = Cluster(["b.yaml": blocks("n1")])
        let outcome = cluster.apply(blocks("n2"))
        #expect(outcome.errors.count == 4096)
        #expect(outcome.errors.first?.contains("10.0.0.0/26 is claimed by node n1 (b.yaml:1)") == true)
        #expect(cluster.apply(blocks("n1")).changes.allSatisfy { $0.hasSuffix(": unchanged") })
    }
}
