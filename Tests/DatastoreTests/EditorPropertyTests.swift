// Edits of files of every shape: what is edited is exactly the document, its separator and its comment.

import TestSupport
import Testing

@testable import Datastore

@Suite struct EditorPropertyTests {
    /// One document of a file, in the pieces that an edit keeps apart.
    private struct Piece {
        var separator: String
        var before: String
        var comment: String
        var body: String
        var after: String

        var text: String { separator + before + comment + body + after }
        /// What is left of it when its resource is deleted.
        var remains: String { before + after }
    }

    private func piece(_ index: Int, _ generator: inout SeededGenerator) -> Piece {
        func some(_ choices: [String]) -> String { choices.randomElement(using: &generator) ?? "" }
        let end = some(["\n", "\n", "\r\n"])
        func lines(_ lines: [String]) -> String { lines.map { $0 + end }.joined() }
        let body =
            [
                ["apiVersion: projectcalico.org/v3", "kind: Node", "metadata: {name: n\(index)}", "spec: {}"],
                [
                    "kind: Node  # \(index)", "", "  # inner", "metadata:", "  name: n\(index)", "  annotations:",
                    "    a: |",
                    "      # text", "      --- more", "", "      end", "apiVersion: projectcalico.org/v3", "spec:",
                    "  bgp:", "    ipv4Address: 10.0.\(index).1/24",
                ], ["{apiVersion: projectcalico.org/v3, kind: Node,", " metadata: {name: n\(index)}, spec: {}}"],
                [
                    "  apiVersion: projectcalico.org/v3", "  kind: Node", "  spec: {}",
                    "  metadata: {name: 'n\(index)'}",
                ],
            ].randomElement(using: &generator) ?? []
        return Piece(
            separator: index == 0 ? some(["", "---" + end]) : some(["---", "--- ", "--- # s"]) + end,
            before: some(["", end, lines(["# far", ""]), lines(["", "# far", "  # away", ""])]),
            comment: some(["", lines(["# near"]), lines(["# near", "  # and nearer"])]), body: lines(body),
            after: some(["", end, lines(["# behind", ""]), lines(["", "# behind"])]))
    }

    @Test(arguments: 0..<200)
    func `An edit changes the document that is meant and nothing beside it`(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        var pieces = (0..<Int.random(in: 1...5, using: &generator)).map { piece($0, &generator) }
        let chosen = Int.random(in: 0..<pieces.count, using: &generator)
        let cluster = Cluster(["f.yaml": pieces.map(\.text).joined()])

        let new = Sample.node("n\(chosen)", "10.9.9.9/24")
        #expect(cluster.apply(new) == .init(changes: ["Node n\(chosen): changed"]))
        // The new document's last line ends as the old one's did.
        pieces[chosen].body = new.dropLast() + (pieces[chosen].body.hasSuffix("\r\n") ? "\r\n" : "\n")
        #expect(cluster.files["f.yaml"] == pieces.map(\.text).joined())

        #expect(cluster.delete(.node, "n\(chosen)") == .init(changes: ["Node n\(chosen): deleted"]))
        let remains = pieces.indices.map { $0 == chosen ? pieces[$0].remains : pieces[$0].text }.joined()
        let isGone = pieces.count == 1 && !remains.contains("#")
        #expect(cluster.files["f.yaml"] == (isGone ? nil : remains))
    }
}
