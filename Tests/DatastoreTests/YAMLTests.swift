// YAML as text from outside: every way it can be broken is one clear error, and none costs much.

import Testing

@testable import Datastore

@Suite struct YAMLTests {
    private func documents(_ text: String) -> [Result<YAMLValue, SourceError>] {
        var result: [Result<YAMLValue, SourceError>] = []
        let source = try? YAMLSource(Array(text.utf8), file: "f")
        source?.forEachDocument { result.append($0) }
        return result
    }

    @Test(
        "A stream is cut into its documents at their true lines",
        arguments: [
            ("", []), ("# only\n\n  # comments\n", []), ("---\n---\n...\n", []), ("a: 1", [1]),
            ("---\na: 1\n---\nb: 2\n", [2, 4]), ("a: 1\n...\nb: 2\n", [1, 3]),
            ("%YAML 1.2\n---\na: 1\n", [3]), ("a: |\n  --- x\n   ---\n---\nb: 1\n", [1, 5]),
            ("\u{FEFF}a: 1\n---\r\nb: 2\r\n", [1, 3]), ("--- # note\na: 1\n", [2]),
            ("--- {a: 1}\n--- {b: 2}\n", [1, 2]),
            ("a: 1\n--\n", [1]), ("a: ---x\n", [1]),
        ] as [(String, [Int])])
    func splitting(text: String, lines: [Int]) {
        let found = documents(text).map { result in
            switch result {
            case .success(let value): value.line
            case .failure(let error): error.line > 0 ? lines.first ?? -1 : -1
            }
        }
        #expect(found == lines)
    }

    @Test(
        "Bytes that are no text are refused with their line",
        arguments: [
            (
                [0x61, 0x0A, 0x00],
                "f:2: a NUL byte: this is a binary file; the file must be YAML or JSON text in UTF-8"
            ),
            ([0x7F, 0x45, 0x4C, 0x46, 0x02, 0x00], "f:1: a NUL byte"),
            ([0x0A, 0x0A, 0xFF], "f:3: bytes that are not UTF-8"), ([0xC0, 0x80], "f:1: bytes"),
            ([0xED, 0xA0, 0x80], "f:1: bytes"), ([0xF4, 0x90, 0x80, 0x80], "f:1: bytes"), ([0xE2, 0x82], "f:1: bytes"),
        ] as [([UInt8], String)])
    func binary(bytes: [UInt8], message: String) {
        let error = #expect(throws: SourceError.self) { try YAMLSource(bytes, file: "f") }
        #expect(error?.description.hasPrefix(message) == true)
    }

    @Test("Text of every width is text")
    func utf8() throws {
        let value = try YAMLSource(Array("ä: €😀\n".utf8), file: "f").singleDocument()
        #expect(try value?.mapping()["ä"]?.string() == "€😀")
    }

    @Test(
        "Broken syntax names its line and spares the other documents",
        arguments: [
            "a: [1,\n", "a: 'x\n", "a: b: c\n", "\ta: 1\n", "a: \"\\q\"\n", "a: *nowhere\n", "a: 1\na: 2\n", "}\n",
        ])
    func syntax(text: String) {
        let found = documents("first: 1\n---\n" + text + "---\nlast: 1\n")
        #expect(found.count == 3)
        guard found.count == 3, case .failure(let error) = found[1] else {
            Issue.record("not refused: \(text)")
            return
        }
        #expect((3...5).contains(error.line), "\(error)")
        #expect(!error.description.contains("\n"))
    }

    @Test("An alias bomb is refused before it unfolds, as a value and as a key")
    func aliasBomb() {
        var text = "a0: &a0 [x, x]\n"
        for level in 1...30 { text += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        for bomb in [text, text + "? *a30\n: x\n"] {
            guard case .failure(let error)? = documents(bomb).first else {
                Issue.record("taken")
                return
            }
            #expect(error.problem.contains("aliases"))
        }
    }

    @Test("A few aliases work, a merge key is refused")
    func aliases() throws {
        let few = try YAMLSource(Array("a: &x 10.0.0.1\nb: *x\n".utf8), file: "f").singleDocument()
        #expect(try few?.mapping()["b"]?.string() == "10.0.0.1")
        let merge = try YAMLSource(Array("a: &x {k: 1}\nb:\n  <<: *x\n".utf8), file: "f").singleDocument()
        let error = #expect(throws: SourceError.self) { try merge?.mapping()["b"]?.mapping() }
        #expect(error?.line == 3)
    }

    @Test("Deep nesting and huge documents are refused, not followed")
    func bounds() {
        for text in [
            String(repeating: "[", count: 100_000), String(repeating: "{a: ", count: 500),
            String(repeating: "- ", count: 5000) + "x", "a: " + String(repeating: "x", count: 2 << 20),
            String(repeating: "k: v\n", count: 1_000_000),
        ] {
            guard case .failure(let error)? = documents(text).first else {
                Issue.record("taken: \(text.prefix(20))")
                continue
            }
            #expect(error.line >= 1)
        }
    }

    @Test(
        "Scalars have the types of YAML's core schema",
        arguments: [
            ("x", "string"), ("\"1\"", "string"), ("'true'", "string"), ("1", "integer"), ("-1", "integer"),
            ("+7", "integer"), ("1.5", "none"), ("0x1f", "none"), ("1e3", "none"), ("true", "boolean"),
            ("False", "boolean"), ("yes", "string"), ("10.0.0.0/8", "string"), ("2024-01-02T03:04:05Z", "string"),
            ("~", "null"), ("", "null"), ("null", "null"), ("\"\"", "string"), (".", "string"),
            ("99999999999999999999", "none"),
        ])
    func scalars(text: String, type: String) throws {
        let value = try #require(try YAMLSource(Array("k: \(text)\nz: 1".utf8), file: "f").singleDocument()?.mapping())
        let entry = try #require(value.entries.first).value
        #expect(((try? entry.string()) != nil) == (type == "string"))
        #expect(((try? entry.integer(in: Int.min...Int.max)) != nil) == (type == "integer"))
        #expect(((try? entry.boolean()) != nil) == (type == "boolean"))
        #expect(entry.isNull == (type == "null"))
    }

    @Test("JSON is read, with tabs and escapes")
    func json() throws {
        let text = "{\n\t\"a\": {\n\t\t\"b\": \"x\\/y \\u00e4\"\n\t},\n\t\"c\": [1, true, null]\n}\n"
        let root = try YAMLSource(Array(text.utf8), file: "f").singleDocument()?.mapping()
        #expect(try root?["a"]?.mapping()["b"]?.string() == "x/y ä")
        #expect(try root?["c"]?.sequence().count == 3)
    }

    @Test("An error is one line whatever the text holds")
    func oneLine() {
        let error = SourceError(
            file: "a\nb", line: 3, field: "x\u{1B}[31m", problem: String(repeating: "y", count: 5000), remedy: "z")
        #expect(error.description.hasPrefix("a?b:3: x?[31m: yyy"))
        #expect(error.description.unicodeScalars.count < 1100)
    }

    @Test("A typing mistake is matched with the one near name")
    func near() {
        #expect(nearestName(to: "ipipmode", in: ["ipipMode", "node"]) == "ipipMode")
        #expect(nearestName(to: "devcie", in: ["device", "mtu"]) == "device")
        #expect(nearestName(to: "zebra", in: ["device", "mtu"]) == nil)
    }

    @Test(
        "Times become seconds",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2024-02-29T12:34:56Z", 1_709_210_096),
            ("2024-02-29T12:34:56.987+02:00", 1_709_202_896), ("1969-12-31T23:59:59-00:00", -1),
            ("2000-03-01t00:00:00z", 951_868_800),
        ])
    func timestamps(text: String, seconds: Int64) {
        #expect(parseTimestamp(text) == seconds)
    }

    @Test(
        "What is no RFC 3339 time is none",
        arguments: [
            "", "2024-01-02", "2024-01-02T03:04:05", "2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z",
            "2024-01-02T24:00:00Z", "2024-01-02T03:04:05.Z", "2024-01-02T03:04:05+0200", "2024-01-02T03:04:05ZZ",
            "x024-01-02T03:04:05Z", "2024/01/02T03:04:05Z",
        ])
    func badTimestamps(text: String) {
        #expect(parseTimestamp(text) == nil)
    }
}
