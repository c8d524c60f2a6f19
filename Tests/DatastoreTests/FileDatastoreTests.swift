// The directory as a whole: what is good is in force, what breaks leaves its last good version.

import Glibc
import Net
import Overlay
import TestSupport
import Testing

@testable import Datastore

@Suite struct FileDatastoreTests {
    let scratch = ScratchDirectory()

    private func blocks(_ snapshot: Snapshot) -> [String] { snapshot.state.blocks.map(\.prefix.description).sorted() }

    @Test("Only resource files directly in the directory are read")
    func names() {
        var store = FileDatastore(directory: scratch.path)
        scratch.write("a.yaml", Sample.node("a", "10.0.0.1/24"))
        scratch.write("b.yml", Sample.node("b", "10.0.0.2/24"))
        scratch.write(
            "c.json",
            #"{"apiVersion":"projectcalico.org/v3","kind":"Node","metadata":{"name":"c"},"spec":{"bgp":{"ipv4Address":"10.0.0.3/24"}}}"#
        )
        scratch.write(".d.yaml", Sample.node("d", "10.0.0.4/24"))
        scratch.write("e.yaml~", Sample.node("e", "10.0.0.5/24"))
        scratch.write("empty.yaml", "")
        scratch.write("comments.yaml", "# nothing yet\n")
        let snapshot = store.load()
        #expect(snapshot.state.nodes.map(\.name) == ["a", "b", "c"])
        #expect(snapshot.errors == [] && snapshot.isComplete && snapshot.inSync)
    }

    @Test("A missing directory is an error, and what was loaded stays")
    func missingDirectory() {
        var store = FileDatastore(directory: scratch.path + "/cluster")
        let nothing = store.load()
        #expect(!nothing.inSync && !nothing.isComplete)
        #expect(nothing.errors.first?.description.contains("/cluster: datastore.file: No such file") == true)
        mkdir(scratch.path + "/cluster", 0o755)
        scratch.write("cluster/a.yaml", Sample.node("a", "10.0.0.1/24"))
        let loaded = store.load()
        #expect(loaded.inSync && loaded.isComplete && loaded.errors == [])
        rename(scratch.path + "/cluster", scratch.path + "/away")
        let gone = store.load()
        #expect(!gone.inSync && gone.isComplete && gone.state == loaded.state && gone.errors.count == 1)
        rename(scratch.path + "/away", scratch.path + "/cluster")
        #expect(store.load() == loaded)
    }

    @Test("At a cold start the good rest is used and the snapshot is not complete")
    func coldStart() {
        var store = FileDatastore(directory: scratch.path)
        scratch.write("bad.yaml", "a: [\n")
        scratch.write(
            "mixed.yaml", Sample.stream(Sample.node("n", "x"), Sample.block("b", "10.0.0.0/26", node: "n")))
        scratch.write("good.yaml", Sample.node("g", "10.0.0.1/24"))
        let snapshot = store.load()
        #expect(snapshot.state.nodes.map(\.name) == ["g"])
        #expect(blocks(snapshot) == ["10.0.0.0/26"])
        #expect(snapshot.errors.count == 2)
        #expect(!snapshot.isComplete && snapshot.inSync)
        scratch.write("mixed.yaml", Sample.node("n", "10.0.0.2/24"))
        scratch.remove("bad.yaml")
        let repaired = store.load()
        #expect(repaired.isComplete && repaired.errors == [] && repaired.state.blocks.isEmpty)
    }

    @Test("A resource that turns bad keeps its last version while others change")
    func lastGoodResource() {
        var store = FileDatastore(directory: scratch.path)
        func write(_ node: String, _ pool: String) {
            scratch.write("f.yaml", Sample.stream(Sample.node("n", node), Sample.pool("p", pool)))
        }
        write("10.0.0.1/24", "10.244.0.0/16")
        _ = store.load()
        write("10.0.0.300/24", "10.245.0.0/16")
        let snapshot = store.load()
        #expect(snapshot.state.nodes.map(\.address.description) == ["10.0.0.1/24"])
        #expect(snapshot.state.pools.map(\.prefix.description) == ["10.245.0.0/16"])
        #expect(snapshot.errors.map(\.line) == [7] && snapshot.isComplete)
        write("10.0.0.3/24", "10.245.0.0/16")
        let repaired = store.load()
        #expect(repaired.state.nodes.map(\.address.description) == ["10.0.0.3/24"] && repaired.errors == [])
    }

    @Test(
        "A file that is no YAML any more, is cut off or binary keeps all of its last version",
        arguments: ["a: [", "\0\0", "{", "apiVersion: projectcalico.org/v3\nkind: No", "\u{1}"])
    func lastGoodFile(text: String) {
        var store = FileDatastore(directory: scratch.path)
        scratch.write("f.yaml", Sample.stream(Sample.node("n", "10.0.0.1/24"), Sample.pool("p", "10.244.0.0/16")))
        let good = store.load()
        scratch.write("f.yaml", Sample.stream(Sample.node("n", "10.0.0.1/24"), text))
        let snapshot = store.load()
        let isCutOff = text.hasSuffix("kind: No")
        #expect(isCutOff || snapshot.state == good.state)
        #expect(isCutOff || !snapshot.errors.isEmpty)
        #expect(snapshot.isComplete)
    }

    @Test("Text cut off within a resource takes nothing away")
    func truncated() {
        var store = FileDatastore(directory: scratch.path)
        let whole = Sample.stream(
            Sample.node("n", "10.0.0.1/24"), Sample.block("b1", "10.0.0.0/26", node: "n"),
            Sample.block("b2", "10.0.0.64/26", node: "n"))
        scratch.write("f.yaml", whole)
        let good = store.load()
        let cut = Array(whole.utf8).prefix(170)
        scratch.write("f.yaml", Array(cut))
        let snapshot = store.load()
        #expect(!snapshot.errors.isEmpty)
        #expect(blocks(snapshot) == blocks(good))
    }

    @Test("An unreadable file keeps its last version; a deleted one is gone")
    func unreadable() {
        var store = FileDatastore(directory: scratch.path)
        scratch.write("f.yaml", Sample.node("n", "10.0.0.1/24"))
        let good = store.load()
        store.fileLimit = 100
        scratch.write("f.yaml", Sample.node("n", "10.0.0.1/24") + String(repeating: "#\n", count: 100))
        let large = store.load()
        #expect(large.state == good.state && large.isComplete)
        #expect(large.errors.first?.problem == "larger than the limit of 100 bytes")
        scratch.remove("f.yaml")
        mkdir(scratch.path + "/f.yaml", 0o755)
        let directory = store.load()
        #expect(directory.state == good.state && directory.errors.first?.problem == "is not a regular file")
        scratch.remove("f.yaml")
        let gone = store.load()
        #expect(gone.state.nodes.isEmpty && gone.errors == [] && gone.isComplete)
    }

    @Test("A named pipe and a dangling link are errors, and nobody waits for them")
    func oddFiles() {
        var store = FileDatastore(directory: scratch.path)
        mkfifo(scratch.path + "/pipe.yaml", 0o600)
        symlink("nowhere", scratch.path + "/link.yaml")
        let snapshot = store.load()
        #expect(snapshot.errors.map(\.problem) == ["No such file or directory", "is not a regular file"])
        #expect(!snapshot.isComplete)
    }

    @Test("Of two resources with one name the first is used, and both places are named")
    func duplicates() {
        var store = FileDatastore(directory: scratch.path)
        scratch.write("a.yaml", Sample.node("n", "10.0.0.1/24"))
        scratch.write("b.yaml", Sample.stream(Sample.pool("n", "10.1.0.0/16"), Sample.node("n", "10.0.0.2/24")))
        let snapshot = store.load()
        #expect(snapshot.state.nodes.map(\.address.description) == ["10.0.0.1/24"])
        #expect(snapshot.state.pools.count == 1)
        let text = snapshot.errors.map(\.description).joined()
        #expect(text.contains("/b.yaml:7: metadata.name:") && text.contains("/a.yaml:1"), "\(text)")
    }

    @Test("Overlapping pools: the second is refused, and one in force is never driven out")
    func overlap() {
        var store = FileDatastore(directory: scratch.path)
        scratch.write("m.yaml", Sample.pool("p", "10.0.0.0/8"))
        _ = store.load()
        scratch.write("a.yaml", Sample.pool("q", "10.5.0.0/16"))
        let snapshot = store.load()
        #expect(snapshot.state.pools.map(\.name) == ["p"])
        let text = snapshot.errors.map(\.description).joined()
        #expect(text.contains("/a.yaml:1: spec.cidr: 10.5.0.0/16 overlaps 10.0.0.0/8") && text.contains("/m.yaml:1"))
        scratch.remove("m.yaml")
        let after = store.load()
        #expect(after.state.pools.map(\.name) == ["q"] && after.errors == [])
    }

    @Test("A file that a writer still has open keeps its last version, and a new one holds completeness back")
    func beingWritten() {
        var store = FileDatastore(directory: scratch.path)
        scratch.write("f.yaml", Sample.node("n", "10.0.0.1/24"))
        let good = store.load()
        scratch.write("f.yaml", "")
        scratch.write("g.yaml", "")
        let during = store.load(beingWritten: ["f.yaml", "g.yaml"])
        #expect(during.state == good.state && !during.isComplete)
        scratch.write("f.yaml", "# none\n")
        let after = store.load()
        #expect(after.state.nodes.isEmpty && after.isComplete)
    }

    @Test("An emptied file keeps its resources until it is removed; one that was never more is fine")
    func emptied() {
        var store = FileDatastore(directory: scratch.path)
        scratch.write("f.yaml", Sample.node("n", "10.0.0.1/24"))
        scratch.write("g.yaml", "")
        let good = store.load()
        #expect(good.isComplete && good.errors == [])
        scratch.write("f.yaml", "")
        let emptied = store.load()
        #expect(emptied.state == good.state && emptied.isComplete)
        #expect(emptied.errors.map(\.problem) == ["is empty, and its resources stay in force"])
        scratch.remove("f.yaml")
        let gone = store.load()
        #expect(gone.state.nodes.isEmpty && gone.errors == [] && gone.isComplete)
    }

    @Test("Unchanged files are not read again")
    func unchanged() {
        var store = FileDatastore(directory: scratch.path)
        scratch.write("f.yaml", Sample.node("n", "10.0.0.1/24"))
        let first = store.load()
        // With a limit that would refuse it, the file would be an error if it were read.
        store.fileLimit = 1
        #expect(store.load() == first)
    }

    @Test("After a change, the places, notes and errors are those of a first look")
    func readAgain() {
        var store = FileDatastore(directory: scratch.path)
        var documents = (0..<20).map { Sample.node("n\($0)", "10.0.0.\($0 + 1)/24") }
        documents.append(Sample.pool("p", "10.244.0.0/16", "allowedUses: [Workload]"))
        documents.append(Sample.node("n3", "10.0.0.99/24"))
        scratch.write("f.yaml", documents.joined(separator: "---\n"))
        _ = store.load()
        documents[7] = "# a comment more\n\n" + Sample.node("n7", "10.0.0.77/24")
        documents.remove(at: 2)
        scratch.write("f.yaml", documents.joined(separator: "---\n"))
        let again = store.load()
        var fresh = FileDatastore(directory: scratch.path)
        #expect(again == fresh.load())
        #expect(again.errors.count == 1 && again.notes.count == 1 && again.state.nodes.count == 19)
    }

    @Test("Thousands of claims come out whole")
    func many() {
        var store = FileDatastore(directory: scratch.path)
        let text = (0..<4096).map {
            Sample.block("b\($0)", "10.\($0 >> 8).\($0 & 255).0/26", node: "node-with-a-long-name-\($0 % 7)")
        }.joined(separator: "---\n")
        scratch.write("f.yaml", text)
        let snapshot = store.load()
        #expect(snapshot.state.blocks.count == 4096 && snapshot.errors == [] && snapshot.isComplete)
    }

    @Test("A file full of mistakes reports a bounded number")
    func manyErrors() {
        var store = FileDatastore(directory: scratch.path)
        scratch.write("f.yaml", (0..<500).map { Sample.node("n\($0)", "x") }.joined(separator: "---\n"))
        let snapshot = store.load()
        #expect(snapshot.errors.count == FileContent.errorLimit + 1)
        #expect(snapshot.errors.contains { $0.problem == "400 more errors in this file" })
    }
}
