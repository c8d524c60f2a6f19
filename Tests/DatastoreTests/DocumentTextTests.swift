// Resources as trees and as text: what is rendered reads back as the same, whatever the values look like.

import FoundationEssentials
import Testing

@testable import Datastore

@Suite struct DocumentTextTests {
    private func tree(_ text: String) throws -> DocumentValue {
        try DocumentValue(#require(try YAMLSource(Array(text.utf8), file: "f").singleDocument()))
    }

    @Test func `A resource is rendered as people write it`() throws {
        let text = """
            {"spec": {"bgp": {"ipv4Address": "10.0.1.1/24", "asNumber": 64512}, "addresses": [{"address": "10.0.1.1", \
            "type": "InternalIP"}], "none": null, "empty": {}, "list": []}, "kind": "Node", \
            "metadata": {"name": "n1", "labels": {"a/b": "yes", "v": "1"}}, "apiVersion": "projectcalico.org/v3"}
            """
        #expect(
            try tree(text).yaml == """
                apiVersion: projectcalico.org/v3
                kind: Node
                metadata:
                  name: n1
                  labels:
                    a/b: 'yes'
                    v: '1'
                spec:
                  bgp:
                    ipv4Address: 10.0.1.1/24
                    asNumber: 64512
                  addresses:
                  - address: 10.0.1.1
                    type: InternalIP
                  none: null
                  empty: {}
                  list: []

                """)
    }

    @Test(arguments: [
        "", " ", "a", "a b", "-", "- a", "a: b", "a #b", "#", "'", "\"", "it's", "\\", "yes", "No", "on", "true",
        "null",
        "~", "1", "01", "1.5", "1e3", "0x1f", ".5", "0b1", "1_000", "2024-01-02", "12:30", "10.0.0.1", "10.0.0.0/8",
        "fd00::/64", "{", "[a]", "*a", "&a", "!a", "%a", "@a", "`a", "| x", "> x", "a\nb", "\n", "a\n\n", "\t", "\u{1}",
        "\u{85}", "\u{2028}", "a\u{FEFF}b", "ä€😀", "a,b", "?", "? a", ":", "a:", "...", "---", "--- a", "<<", "=",
    ])
    func `Any text reads back as itself, as a value, a key and an item`(text: String) throws {
        let value = DocumentValue.mapping([
            .init("a", .text(text)), .init("list", .list([.text(text), .list([.text(text)])])),
            .init("m", .mapping([.init(text == "<<" ? "x" : "k" + text, .text(text))])),
        ])
        #expect(try tree(value.yaml) == value)
    }

    @Test func `Numbers, truth values and nothing stay what they are`() throws {
        let value = try tree("a: 1\nb: 01\nc: 1.50\nd: true\ne: False\nf: null\ng: 18446744073709551615\nh: '1'\n")
        #expect(try tree(value.yaml) == value)
        #expect(value["b"] == .number("01") && value["e"] == .boolean(false) && value["f"] == nil)
        #expect(value["h"] == .text("1") && value["g"]?.line == "18446744073709551615")
    }

    @Test func `JSON has the types of the YAML`() throws {
        let value = try tree("a: 1\nb: -7\nc: 1.5\nd: true\ne: '1'\nf: null\ng: [x, {y: z}]\n")
        let text = String(decoding: try JSONEncoder().encode(value.normalized), as: UTF8.self)
        for part in ["\"a\":1", "\"b\":-7", "\"c\":1.5", "\"d\":true", "\"e\":\"1\"", "\"g\":[\"x\",{\"y\":\"z\"}]"] {
            #expect(text.contains(part), "\(text)")
        }
        #expect(!text.contains("\"f\""))
    }

    @Test func `Two resources are equal whatever the order of their keys, and differ by the field that differs`() throws
    {
        let old = try tree("spec: {a: 1, b: {c: x, d: [1, 2]}, gone: 1, none: null}\n")
        let same = try tree("spec:\n  gone: 1\n  b: {d: [1, 2], c: 'x'}\n  a: 1\n")
        #expect(FieldChange.between(old, same) == [])
        let new = try tree("spec: {a: 1, b: {c: y, d: [2, 1]}, new: {e: 1}}\n")
        #expect(
            FieldChange.between(old, new).map { "\($0.field) \($0.from?.line ?? "none") → \($0.to?.line ?? "none")" }
                == [
                    "spec.b.c x → y", "spec.b.d [1, 2] → [2, 1]", "spec.gone 1 → none", "spec.new none → {e: 1}",
                ])
    }
}
