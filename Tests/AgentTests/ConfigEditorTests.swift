// `poplin set`: one key changes, every other character stays.

import Datastore
import TestSupport
import Testing

@testable import Agent

@Suite struct ConfigEditorTests {
    private func edit(_ text: String, _ assignment: String) throws -> String {
        let (key, value) = try ConfigEditor.parse(assignment)
        let once = try ConfigEditor.edit(Array(text.utf8), file: "f", key, value)
        let twice = try ConfigEditor.edit(once, file: "f", key, value)
        #expect(once == twice, "not idempotent")
        return String(decoding: once, as: UTF8.self)
    }

    @Test(
        "The value is exchanged where it stands",
        arguments: [
            ("ipipMode: Never\n", "ipipMode=Always", "ipipMode: Always\n"),
            ("ipipMode:   Never   # why\nnode: a\n", "ipipMode=Always", "ipipMode:   Always   # why\nnode: a\n"),
            ("\"ipipMode\": 'Never' # q\n", "ipipMode=Always", "\"ipipMode\": Always # q\n"),
            ("ipipMode: \"Ne\\x76er\"", "ipipMode=Always", "ipipMode: Always"),
            ("ipipMode: Never\r\nnode: a\r\n", "ipipMode=Always", "ipipMode: Always\r\nnode: a\r\n"),
            ("\u{FEFF}ipipMode: Never\n", "ipipMode=Always", "\u{FEFF}ipipMode: Always\n"),
            (
                "# tunnel: x\ntunnel:\n    mtu: auto # auto\n", "tunnel.mtu=1400",
                "# tunnel: x\ntunnel:\n    mtu: 1400 # auto\n"
            ),
            ("tunnel: {device: tunl0, mtu: auto}\n", "tunnel.mtu=1400", "tunnel: {device: tunl0, mtu: 1400}\n"),
            (
                "{\"tunnel\": {\"mtu\": 1400}, \"node\": \"a\"}", "tunnel.mtu=auto",
                "{\"tunnel\": {\"mtu\": auto}, \"node\": \"a\"}"
            ),
            ("ipipMode: # none yet\n", "ipipMode=Always", "ipipMode: Always # none yet\n"),
            ("ipipMode:\nnode: a\n", "ipipMode=Always", "ipipMode: Always\nnode: a\n"),
            ("node: ä # ü\nipipMode: Never\n", "ipipMode=Always", "node: ä # ü\nipipMode: Always\n"),
            (
                "addressFrom: {cidr: 10.0.0.0/8} # x\n", "addressFrom=interface=eth.*",
                "addressFrom: {interface: 'eth.*'} # x\n"
            ),
            ("addressFrom: {cidr: 10.0.0.0/8}\n", "addressFrom=defaultRoute", "addressFrom: defaultRoute\n"),
            ("node: a\n", "node=123", "node: '123'\n"), ("node: a\n", "node=it's", "node: 'it''s'\n"),
            ("ipipMode: Always # same\n", "ipipMode=Always", "ipipMode: Always # same\n"),
            ("ipipMode: \"Always\"\n", "ipipMode=Always", "ipipMode: \"Always\"\n"),
        ])
    func exchanged(text: String, assignment: String, result: String) throws {
        #expect(try edit(text, assignment) == result)
    }

    @Test(
        "A missing key gets a line of its own, or a place within the braces",
        arguments: [
            ("", "ipipMode=Always", "ipipMode: Always\n"),
            ("# mine\n", "tunnel.mtu=1400", "# mine\ntunnel:\n  mtu: 1400\n"),
            ("node: a", "ipipMode=Always", "node: a\nipipMode: Always\n"),
            ("node: a\r\n", "tunnel.mtu=1400", "node: a\r\ntunnel:\r\n  mtu: 1400\r\n"),
            (
                "tunnel:\n    device: tunl0 # d\n\n# next\nnode: a\n", "tunnel.mtu=1400",
                "tunnel:\n    device: tunl0 # d\n    mtu: 1400\n\n# next\nnode: a\n"
            ),
            ("tunnel:\nnode: a\n", "tunnel.mtu=1400", "tunnel:\n  mtu: 1400\nnode: a\n"),
            ("tunnel: {}\n", "tunnel.mtu=1400", "tunnel: {mtu: 1400}\n"),
            ("tunnel: {device: tunl0}\n", "tunnel.mtu=1400", "tunnel: {mtu: 1400, device: tunl0}\n"),
            ("{node: a}\n", "ipipMode=Always", "{ipipMode: Always, node: a}\n"),
            ("{node: a}\n", "tunnel.mtu=1400", "{tunnel: {mtu: 1400}, node: a}\n"),
        ])
    func added(text: String, assignment: String, result: String) throws {
        #expect(try edit(text, assignment) == result)
    }

    @Test(
        "What cannot be edited safely is refused",
        arguments: [
            ("ipipMode: |\n  Never\n", "ipipMode=Always"), ("node: &a n1\nipipMode: *a\n", "node=b"),
            ("node: a\n...\n", "ipipMode=Always"), ("tunnel: [\n", "tunnel.mtu=1400"),
            ("tunnel: text\n", "tunnel.mtu=1400"),
            ("addressFrom:\n  cidr: 10.0.0.0/8\n", "addressFrom=interface=eth.*"),
            ("", "ipipmode=Always"), ("", "ipipMode"), ("", "ipipMode="), ("", "node=a\nb"), ("", "tunnel=1"),
            ("", "addressFrom=eth0"),
        ])
    func refused(text: String, assignment: String) {
        #expect(throws: SourceError.self) { try edit(text, assignment) }
    }

    @Test("A file changes only to something valid, and only when there is a change")
    func files() throws {
        let scratch = ScratchDirectory()
        let path = scratch.path + "/node.yaml"
        scratch.write("node.yaml", "node: n1 # me\nipipMode: Never\n")
        #expect(try ConfigEditor.set("ipipMode=Always", inFile: path) == (.ipipMode, true))
        #expect(scratch.read("node.yaml") == "node: n1 # me\nipipMode: Always\n")
        #expect(try ConfigEditor.set("ipipMode=Always", inFile: path) == (.ipipMode, false))
        for assignment in ["ipipMode=always", "tunnel.mtu=12", "tunnel.mtu=1e3", "address=10.0.0.1", "node=A_B"] {
            #expect(throws: SourceErrors.self) { try ConfigEditor.set(assignment, inFile: path) }
            #expect(scratch.read("node.yaml") == "node: n1 # me\nipipMode: Always\n")
        }
        #expect(throws: SourceErrors.self) { try ConfigEditor.set("ipipMode=Always", inFile: path + "x") }
    }

    @Test("A wrong value can be put right")
    func repaired() throws {
        let scratch = ScratchDirectory()
        scratch.write("node.yaml", "ipipMode: Sometimes\n")
        #expect(try ConfigEditor.set("ipipMode=Never", inFile: scratch.path + "/node.yaml").changed)
        #expect(scratch.read("node.yaml") == "ipipMode: Never\n")
    }
}
