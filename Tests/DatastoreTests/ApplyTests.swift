// Applying to files: the document changes, and no other byte does.

import Glibc
import LinuxSystem
import TestSupport
import Testing

@testable import Datastore

@Suite struct ApplyTests {
    private static let text = """
        # The cluster of the lab.

        # pools
        apiVersion: projectcalico.org/v3
        kind: IPPool
        metadata: {name: pods}
        spec:
          cidr: 10.244.0.0/16   # all of them
          ipipMode: CrossSubnet
        # behind the pool
        ---
        # somebody else's
        apiVersion: v1
        kind: ConfigMap
        ...
        --- # nodes
        # n1 is in the cellar

        apiVersion: projectcalico.org/v3
        kind: Node
        metadata:
          name: n1
          labels: {rack: r1}
        spec: {bgp: {ipv4Address: 10.0.1.1/24}}

        # the end

        """

    @Test func `An applied resource changes its document and no other byte`() {
        let cluster = Cluster(["all.yaml": Self.text])
        let new = Sample.pool("pods", "10.244.0.0/16", "ipipMode: Always  # for now")
        #expect(cluster.apply("# ours\n---\n" + new + "# end\n") == .init(changes: ["IPPool pods: changed"]))
        let lines = Self.text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(
            cluster.files == [
                "all.yaml": lines[..<3].joined(separator: "\n") + "\n" + new + lines[9...].joined(separator: "\n")
            ])
        #expect(cluster.apply(new) == .init(changes: ["IPPool pods: unchanged"]))
    }

    @Test func `Several documents of one file change together`() {
        let cluster = Cluster(["all.yaml": Self.text])
        let pool = Sample.pool("pods", "10.244.0.0/16", "ipipMode: Never")
        let node = Sample.node("n1", "10.0.1.9/24")
        #expect(
            cluster.apply(Sample.stream(node, pool)) == .init(changes: ["IPPool pods: changed", "Node n1: changed"]))
        let text = cluster.files["all.yaml"] ?? ""
        #expect(text.contains(pool) && text.contains("# n1 is in the cellar\n\n" + node + "\n# the end\n"), "\(text)")
        #expect(
            text.contains(
                "# behind the pool\n---\n# somebody else's\napiVersion: v1\nkind: ConfigMap\n...\n--- # nodes\n"))
    }

    @Test func `The same resource in another order or notation is unchanged`() {
        let cluster = Cluster(["all.yaml": Self.text])
        let json = """
            {"kind": "Node", "spec": {"bgp": {"ipv4Address": "10.0.1.1/24", "ipv6Address": null}},
             "metadata": {"labels": {"rack": "r1"}, "name": "n1"}, "apiVersion": "projectcalico.org/v3"}
            """
        #expect(cluster.apply(json).changes == ["Node n1: unchanged"])
        #expect(cluster.files == ["all.yaml": Self.text])
    }

    @Test func `A new resource gets a file of its own, or stands behind what is there`() throws {
        let cluster = Cluster([:])
        let block = Sample.block("n1-10-244-1-0-26", "10.244.1.0/26", node: "n1")
        let items =
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: projectcalico.org/v3\n  kind: Node\n"
            + "  metadata: {name: n1}\n  spec: {bgp: {ipv4Address: 10.0.1.1/24}}\n"
        #expect(
            cluster.apply(block, items).changes == ["Node n1: created", "BlockAffinity n1-10-244-1-0-26: created"])
        #expect(
            cluster.files == [
                "blockaffinity-n1-10-244-1-0-26.yaml": block,
                "node-n1.yaml": "apiVersion: projectcalico.org/v3\nkind: Node\nmetadata:\n  name: n1\nspec:\n  bgp:\n"
                    + "    ipv4Address: 10.0.1.1/24\n",
            ])
        var status = stat()
        #expect(stat("\(cluster.scratch.path)/node-n1.yaml", &status) == 0 && status.st_mode & 0o777 == 0o644)

        cluster.scratch.write("ippool-pods.yaml", "# later")
        let pool = Sample.pool("pods", "10.244.0.0/16")
        #expect(cluster.apply(pool).errors == [])
        #expect(cluster.scratch.read("ippool-pods.yaml") == "# later\n---\n" + pool)
    }

    @Test func `A name longer than a file's has room`() {
        let name = Array(repeating: String(repeating: "a", count: 60), count: 4).joined(separator: ".")
        let cluster = Cluster([:])
        let text = Sample.stream(Sample.node(name + ".1", "10.0.1.1/24"), Sample.node(name + ".2", "10.0.1.2/24"))
        #expect(cluster.apply(text).changes.count == 2)
        #expect(cluster.files.count == 1)
        #expect(cluster.apply(text).changes.allSatisfy { $0.hasSuffix(": unchanged") })
    }

    @Test func `Nothing is written if one document is wrong`() {
        let cluster = Cluster(["all.yaml": Self.text])
        let outcome = cluster.apply(
            Sample.node("n2", "10.0.1.2/24"), Sample.stream(Sample.node("n3", "10.0.1.3"), Sample.node("n4", "x")))
        #expect(
            outcome.errors == [
                "c2.yaml:15: spec.bgp.ipv4Address: x is no IPv4 address with prefix; write it like 10.0.1.1/24"
            ])
        #expect(cluster.files == ["all.yaml": Self.text])
    }

    @Test func `A dry run says the same and touches nothing`() throws {
        let cluster = Cluster(["all.yaml": Self.text])
        let before = try FileStatus("\(cluster.scratch.path)/all.yaml")
        let text = Sample.stream(Sample.pool("pods", "10.244.0.0/16"), Sample.node("n2", "10.0.1.2/24"))
        let dry = cluster.apply(text, isDryRun: true)
        #expect(try FileStatus("\(cluster.scratch.path)/all.yaml") == before && cluster.files.count == 1)
        #expect(dry.changes == ["IPPool pods: changed", "Node n2: created"])
        #expect(cluster.apply(text) == dry)
    }

    @Test func `Applying what is stored changes nothing`() {
        let cluster = Cluster(["all.yaml": Self.text])
        #expect(
            cluster.apply(Self.text).errors == [
                "c.yaml:14: kind: ConfigMap is not managed here; write Node, IPPool or BlockAffinity"
            ])
        let stored = try? ResourceDirectory(reading: cluster.scratch.path)
        let shown = stored?.resources.map(\.fields.yaml).joined(separator: "---\n") ?? ""
        #expect(cluster.apply(shown).changes == ["IPPool pods: unchanged", "Node n1: unchanged"])
    }

    @Test func `Line ends and the end of a file stay as they are`() {
        let crlf = Sample.node("n1", "10.0.1.1/24").split(separator: "\n").joined(separator: "\r\n")
        let cluster = Cluster(["a.yaml": "\u{FEFF}# mark\r\n" + crlf])
        let new = "apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: n1}\nspec: {}\n"
        #expect(cluster.apply(new).errors == [])
        #expect(cluster.files["a.yaml"] == "\u{FEFF}# mark\r\n" + new.dropLast())
    }

    @Test func `A file of JSON stays one`() {
        let cluster = Cluster([
            "n1.json": #"{"apiVersion":"projectcalico.org/v3","kind":"Node","metadata":{"name":"n1"},"spec":{}}"#
        ])
        #expect(cluster.apply(Sample.node("n1", "10.0.1.1/24")).errors == [])
        #expect(
            cluster.files["n1.json"] == """
                {
                  "apiVersion" : "projectcalico.org/v3",
                  "kind" : "Node",
                  "metadata" : {
                    "name" : "n1"
                  },
                  "spec" : {
                    "bgp" : {
                      "ipv4Address" : "10.0.1.1/24"
                    }
                  }
                }

                """)
    }

    private static let list =
        "kind: NodeList\napiVersion: v1\nitems:\n- apiVersion: projectcalico.org/v3\n  kind: Node\n"
        + "  metadata: {name: n1}\n  spec: {}\n"

    @Test(arguments: [
        (
            list,
            "a.yaml:4: Node n1 is an item of a list, and is not edited; edit it by hand, or give it a document of its own"
        ),
        (
            "--- {apiVersion: projectcalico.org/v3, kind: Node, metadata: {name: n1}, spec: {}}\n",
            "a.yaml:1: Node n1 begins on the line of its separator, and is not edited; edit it by hand, or give it a "
                + "document of its own"
        ),
        (
            Sample.stream(Sample.node("n1", "10.0.1.1/24"), Sample.node("n2", "x")),
            "a.yaml:15: spec.bgp.ipv4Address: x is no IPv4 address with prefix, and the file is not edited; correct it first"
        ),
        (
            Sample.stream(Sample.node("n1", "10.0.1.1/24"), "a: [\n"),
            "a.yaml:10: not YAML: did not find expected node content, and the file is not edited; correct it first"
        ),
    ])
    func `What cannot be edited safely is refused`(text: String, line: String) {
        let cluster = Cluster(["a.yaml": text])
        #expect(cluster.apply(Sample.node("n1", "10.0.1.9/24")).errors == [line])
        #expect(cluster.files == ["a.yaml": text])
    }

    @Test func `A file that cannot be read is not taken for a new one`() throws {
        let cluster = Cluster([:])
        let path = "\(cluster.scratch.path)/node-n1.yaml"
        #expect(symlink("nowhere", path) == 0)
        #expect(cluster.apply(Sample.node("n1", "10.0.1.1/24")).errors == ["node-n1.yaml: not found"])
        #expect(try FileStatus(path, followingLinks: false).isSymbolicLink)
        // Others go on, with a note.
        let outcome = cluster.apply(Sample.node("n2", "10.0.1.2/24"))
        #expect(outcome.changes == ["Node n2: created"])
        #expect(outcome.notes == ["note: \(path): not found"])
    }

    @Test func `Of two resources with the same mistake, the one that stays is named`() {
        let text = Sample.stream(Sample.node("n1", "x"), Sample.node("n2", "x"))
        let outcome = Cluster(["a.yaml": text]).apply(Sample.node("n1", "10.0.1.1/24"))
        #expect(outcome.errors.count == 1 && outcome.errors.first?.hasPrefix("a.yaml:15: ") == true)
    }

    @Test func `A mistake that the new version mends is no obstacle`() {
        let cluster = Cluster(["a.yaml": Sample.stream(Sample.node("n1", "x"), Sample.node("n2", "10.0.1.2/24"))])
        #expect(cluster.apply(Sample.node("n1", "10.0.1.1/24")).changes == ["Node n1: changed"])
        #expect(cluster.files["a.yaml"]?.contains("10.0.1.1/24") == true)
    }

    @Test func `Two commands at once lose nothing`() async {
        let cluster = Cluster(["all.yaml": Sample.node("n0", "10.0.0.1/24")])
        await withTaskGroup(of: Cluster.Outcome.self) { group in
            for number in 1...8 {
                group.addTask {
                    cluster.apply(
                        Sample.stream(
                            Sample.node("n\(number)", "10.0.1.\(number)/24"),
                            Sample.node("n0", "10.0.0.\(number + 1)/24")))
                }
            }
            for await outcome in group { #expect(outcome.errors == [] && outcome.changes.count == 2) }
        }
        let stored = try? ResourceDirectory(reading: cluster.scratch.path)
        #expect(stored?.resources.count == 9 && stored?.errors == [])
    }

    @Test func `Somebody else's change between reading and writing is not overwritten`() {
        let cluster = Cluster(["a.yaml": Sample.node("n1", "10.0.1.1/24")])
        let input = ResourceFile(Array(Sample.node("n1", "10.0.1.2/24").utf8), path: "c.yaml", isStrict: true)
        let error = #expect(throws: SourceErrors.self) {
            _ = try ResourceDirectory.change(cluster.scratch.path, isDryRun: false) { directory throws(SourceErrors) in
                let plan = try directory.planApplying([input])
                cluster.scratch.write("a.yaml", Sample.node("n1", "10.0.1.77/24") + "# theirs\n")
                return plan
            }
        }
        #expect(
            error?.description.hasSuffix("was changed by somebody else meanwhile; nothing was changed; run it again")
                == true)
        #expect(cluster.files["a.yaml"]?.contains("# theirs") == true)
    }

    @Test func `A directory that is not there is named`() {
        let error = #expect(throws: SourceErrors.self) {
            _ = try ResourceDirectory.change("/nonexistent/cluster", isDryRun: false) {
                directory throws(SourceErrors) in
                try directory.planApplying([])
            }
        }
        #expect(
            error?.description
                == "/nonexistent/cluster: datastore.file: No such file or directory; create the directory, "
                + "or set datastore.file")
    }
}
