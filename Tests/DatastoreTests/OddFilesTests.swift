// Files that are written in an odd way: nothing in them is lost by an edit, and nothing is taken for absent.

import Glibc
import TestSupport
import Testing

@testable import Datastore

@Suite struct OddFilesTests {
    @Test func `YAML in a file called .json keeps its comments`() {
        let node = Sample.node("n1", "10.0.1.1/24")
        let cluster = Cluster(["n1.json": "# precious\n---\n" + node + "# tail\n"])
        let new = Sample.node("n1", "10.0.1.2/24")
        #expect(cluster.apply(new).changes == ["Node n1: changed"])
        #expect(cluster.files == ["n1.json": "# precious\n---\n" + new + "# tail\n"])
    }

    @Test func `Two documents whose lines end in CR alone are refused, and none of them goes`() {
        let two = Sample.stream(Sample.node("n1", "10.0.1.1/24"), Sample.node("n2", "10.0.1.2/24"))
            .split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r")
        let cluster = Cluster(["all.yaml": two])
        let outcome = cluster.delete(.node, "n1", force: true)
        #expect(outcome.changes == [] && cluster.files == ["all.yaml": two])
        #expect(
            ResourceFile(Array(two.utf8), path: "all.yaml", isStrict: false).errors.map(\.description) == [
                "all.yaml:1: holds a second document that is not told apart; end lines with a line feed"
            ])
    }

    @Test func `A resource with a key that is no text is replaced where it stands`() {
        let odd = Sample.node("n1", "10.0.1.1/24") + "status: {? [a, b] : c}\n"
        let cluster = Cluster(["n1.yaml": odd])
        let new = Sample.node("n1", "10.0.1.2/24")
        #expect(cluster.apply(new).changes == ["Node n1: changed"])
        #expect(cluster.files == ["n1.yaml": new])
    }

    @Test func `A number that JSON would write otherwise is text there`() throws {
        let numbers = ["64512", "-3", "1.5", "1.10", "2.0", "0x1F", "1e3", "12345678901234567890"]
        let list = DocumentValue.list(numbers.map { .number($0) })
        let text = String(decoding: try JSON.encode(list), as: UTF8.self).filter { !$0.isWhitespace }
        #expect(text == #"[64512,-3,1.5,"1.10","2.0","0x1F","1e3","12345678901234567890"]"#)
    }

    @Test func `A file that has two names is not edited by both`() {
        let text = Sample.node("n1", "10.0.1.1/24")
        let cluster = Cluster(["a.yaml": text])
        #expect(symlink("a.yaml", "\(cluster.scratch.path)/b.yaml") == 0)
        let outcome = cluster.delete(.node, "n1", force: true)
        #expect(
            outcome.errors == ["b.yaml: is the same file as a.yaml; nothing was changed; remove one of the two names"])
        #expect(cluster.files == ["a.yaml": text, "b.yaml": text])
    }

    @Test func `A directory without any file of resources is told`() {
        let scratch = ScratchDirectory()
        #expect(throws: SourceErrors.self) { try ResourceFile.read([scratch.path], isStrict: true) }
    }
}
