// Deleting from files: a resource goes, what stands beside it stays, and nobody loses what he still needs unasked.

import TestSupport
import Testing

@testable import Datastore

@Suite struct DeleteTests {
    private static let stored = [
        "all.yaml": "# header\n\n# the pool\n" + Sample.pool("pods", "10.244.0.0/16") + "# behind it\n\n---\n# first\n"
            + Sample.node("n1", "10.0.1.1/24") + "---\n" + Sample.node("n2", "10.0.1.2/24"),
        "b1.yaml": "---\n" + Sample.block("b1", "10.244.1.0/26", node: "n1"),
        "b2.yaml": "# kept\n\n" + Sample.block("b2", "10.244.1.64/26", node: "n1"),
    ]

    @Test func `A document goes with its separator and the comment above it`() {
        let cluster = Cluster(Self.stored)
        #expect(cluster.delete(.node, "n2") == .init(changes: ["Node n2: deleted"]))
        #expect(
            cluster.files["all.yaml"]
                == Self.stored["all.yaml"]?.components("---\n").dropLast().joined(separator: "---\n"))
        #expect(cluster.delete(.block, "b1").errors == [] && cluster.delete(.block, "b2").errors == [])
        #expect(cluster.delete(.node, "n1").changes == ["Node n1: deleted"])
        #expect(
            cluster.files["all.yaml"] == "# header\n\n# the pool\n" + Sample.pool("pods", "10.244.0.0/16")
                + "# behind it\n\n")
        #expect(cluster.delete(.pool, "pods").changes == ["IPPool pods: deleted"])
        #expect(cluster.files["all.yaml"] == "# header\n\n# behind it\n\n")
    }

    @Test func `The last document's file is removed, unless a person's comments are left in it`() {
        let cluster = Cluster(Self.stored)
        #expect(
            cluster.delete(.block, "b1", "b2").changes == ["BlockAffinity b1: deleted", "BlockAffinity b2: deleted"])
        #expect(cluster.files["b1.yaml"] == nil)
        #expect(cluster.files["b2.yaml"] == "# kept\n\n")
    }

    @Test func `A pool or a node that has blocks stays, and with force the consequence is named`() {
        let cluster = Cluster(Self.stored)
        #expect(
            cluster.delete(.pool, "pods").errors == [
                "IPPool pods: 2 blocks lie in it (first 10.244.1.0/26 of n1); disable it with spec.disabled: true, or add "
                    + "--force, and their routes go"
            ])
        #expect(
            cluster.delete(.node, "n1", "n2").errors == [
                "Node n1: 2 blocks belong to it (first 10.244.1.0/26); add --force, and their routes go"
            ])
        #expect(cluster.files == Self.stored)
        #expect(
            cluster.delete(.node, "n1", force: true)
                == .init(
                    changes: ["Node n1: deleted"],
                    notes: ["note: Node n1: 2 blocks belong to it (first 10.244.1.0/26): their routes go"]))
    }

    @Test func `Blocks that go along need nothing any more`() throws {
        let cluster = Cluster(Self.stored)
        let plan = try ResourceDirectory.change(cluster.scratch.path, isDryRun: false) {
            directory throws(SourceErrors) in
            try directory.planDeleting(directory.resources.map(\.identity), ignoresMissing: false, force: false)
        }
        #expect(plan.changes.map(\.identity.kind) == [.block, .block, .node, .node, .pool])
        #expect(cluster.files.keys.sorted() == ["all.yaml", "b2.yaml"])
    }

    @Test func `A claim that does not count keeps nothing`() {
        let cluster = Cluster([
            "a.yaml": Sample.stream(
                Sample.node("n1", "10.0.1.1/24"), Sample.block("b1", "10.244.1.0/26", node: "n1", "state: pending"))
        ])
        #expect(cluster.delete(.node, "n1").errors == [])
    }

    @Test func `What is not there is named, with what is`() {
        let cluster = Cluster(Self.stored)
        #expect(
            cluster.delete(.pool, "pods2", "pods").errors.first == "IPPool pods2: not found; there are: pods")
        #expect(cluster.files == Self.stored)
        #expect(cluster.delete(.node, "n3", "n2", ignoresMissing: true).changes == ["Node n2: deleted"])
        let empty = Cluster([:])
        #expect(empty.delete(.node, "n1").errors == ["Node n1: not found; there is none"])
    }

    @Test func `A resource that stands in two places goes from both`() {
        let cluster = Cluster([
            "a.yaml": Sample.stream(Sample.node("n1", "10.0.1.1/24"), Sample.node("n2", "10.0.1.2/24")),
            "b.yaml": Sample.node("n1", "10.0.1.1/24"),
        ])
        #expect(cluster.delete(.node, "n1").changes == ["Node n1: deleted"])
        #expect(cluster.files == ["a.yaml": "---\n" + Sample.node("n2", "10.0.1.2/24")])
    }

    @Test func `An item of a list and a document beside a broken one stay`() {
        let item = "- apiVersion: projectcalico.org/v3\n  kind: Node\n  metadata: {name: n1}\n  spec: {}\n"
        let list = Cluster(["a.yaml": "kind: NodeList\nitems:\n" + item])
        #expect(list.delete(.node, "n1").errors.first?.contains("is an item of a list") == true)
        let broken = Cluster(["a.yaml": Sample.stream(Sample.node("n1", "10.0.1.1/24"), "a: [\n")])
        #expect(broken.delete(.node, "n1").errors.first?.contains("a.yaml:10: not YAML") == true)
    }
}

extension String {
    fileprivate func components(_ separator: String) -> [String] {
        split(separator: separator, omittingEmptySubsequences: false).map(String.init)
    }
}
