// What is refused before it is stored: each rule for one resource by itself, with its line as a person sees it.

import Testing

@testable import Datastore

@Suite struct StrictReadingTests {
    private func read(_ text: String) -> ResourceFile { ResourceFile(Array(text.utf8), path: "c.yaml", isStrict: true) }

    private static func node(_ spec: String, metadata: String = "{name: n1}") -> String {
        "apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: \(metadata)\nspec: \(spec)\n"
    }

    private static func pool(_ fields: String...) -> String {
        "apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: pods}\nspec:\n  cidr: 10.244.0.0/16\n"
            + fields.map { "  \($0)\n" }.joined()
    }

    private static func block(_ fields: String...) -> String {
        "apiVersion: projectcalico.org/v3\nkind: BlockAffinity\nmetadata: {name: b}\nspec:\n"
            + (["cidr: 10.244.1.0/26", "node: n1"] + fields).map { "  \($0)\n" }.joined()
    }

    @Test(arguments: [
        ("kind: Node\n", "c.yaml:1: apiVersion: is missing; write apiVersion: projectcalico.org/v3"),
        (
            "apiVersion: projectcalico.org/v1\nkind: Node\nmetadata: {name: n}\nspec: {}\n",
            "c.yaml:1: apiVersion: projectcalico.org/v1 is not known; write projectcalico.org/v3"
        ),
        (
            "apiVersion: v1\nkind: Node\nmetadata: {name: n}\nspec: {}\n",
            "c.yaml:1: apiVersion: v1 is not known; write projectcalico.org/v3"
        ),
        (
            "apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\nmetadata: {name: n}\nspec: {}\n",
            "c.yaml:2: kind: NetworkPolicy is not managed here; write Node, IPPool or BlockAffinity"
        ),
        (
            "apiVersion: projectcalico.org/v3\nkind: ippool\nmetadata: {name: n}\nspec: {}\n",
            "c.yaml:2: kind: ippool is not managed here; did you mean IPPool?"
        ),
        (
            node("{}", metadata: "{name: n_1}"),
            "c.yaml:3: metadata.name: n_1 has characters other than a-z, 0-9, '-' and '.'; write a name like node-1.example"
        ),
        (
            "apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: n}\n",
            "c.yaml:1: spec: is missing; write the resource's spec:"
        ),
        (pool("natOutgoin: true"), "c.yaml:6: spec.natOutgoin: unknown key; did you mean natOutgoing?"),
        (pool("nodeSelecto: all()"), "c.yaml:6: spec.nodeSelecto: unknown key; did you mean nodeSelector?"),
        (node("{bgp: {}}"), "c.yaml:4: spec.bgp: is empty; write ipv4Address, or leave bgp out"),
        (
            node("{bgp: {ipv4Address: 10.0.1.300/24}}"),
            "c.yaml:4: spec.bgp.ipv4Address: 10.0.1.300/24 is no IPv4 address with prefix; write it like 10.0.1.1/24"
        ),
        (
            node("{bgp: {ipv4Address: 10.0.1.0/24}}"),
            "c.yaml:4: spec.bgp.ipv4Address: 10.0.1.0 is the network's own address; write the node's underlay address with its prefix"
        ),
        (
            node("{bgp: {ipv4Address: 10.0.1.1/24, ipv4IPIPTunnelAddr: x}}"),
            "c.yaml:4: spec.bgp.ipv4IPIPTunnelAddr: x is no IPv4 address; write it like 10.244.1.1"
        ),
        (
            node("{bgp: {asNumber: 0}}"),
            "c.yaml:4: spec.bgp.asNumber: 0 is no AS number; write 1 to 4294967295, or a dotted one like 64512.1"
        ),
        (
            node("{bgp: {asNumber: 64512.70000}}"),
            "c.yaml:4: spec.bgp.asNumber: 64512.70000 is no AS number; write 1 to 4294967295, or a dotted one like 64512.1"
        ),
        (
            node("{bgp: {routeReflectorClusterID: rr1}}"),
            "c.yaml:4: spec.bgp.routeReflectorClusterID: rr1 is no cluster ID; write it like 244.0.0.1"
        ),
        (
            node("{}", metadata: "{name: n1, labels: {rack: a b}}"),
            "c.yaml:3: metadata.labels.rack: \"a b\" is no label value; write at most 63 letters, digits, '-', '_' and '.'"
        ),
        (
            node("{}", metadata: "{name: n1, labels: {a/: b}}"),
            "c.yaml:3: metadata.labels.a/: \"a/\" is no label name; write at most 63 letters, digits, '-', '_' and '.'"
        ),
        (pool("blockSize: 33"), "c.yaml:6: spec.blockSize: 33 is out of range; write 20 to 32"),
        (
            "apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: p}\nspec: {cidr: 10.244.0.0/26, blockSize: 24}\n",
            "c.yaml:4: spec.blockSize: blocks of /24 do not fit into 10.244.0.0/26; set spec.blockSize to 26 to 32"
        ),
        (
            "apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: p}\nspec: {cidr: 10.244.0.1/16}\n",
            "c.yaml:4: spec.cidr: 10.244.0.1/16 has host bits set; write 10.244.0.0/16"
        ),
        (
            "apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: p}\nspec: {cidr: 'fd00::/48', ipipMode: Always}\n",
            "c.yaml:4: spec.ipipMode: IP-in-IP carries IPv4 only; set ipipMode to Never"
        ),
        (
            pool("ipipMode: Sometimes"),
            "c.yaml:6: spec.ipipMode: Sometimes is no mode; write Never, Always or CrossSubnet"
        ),
        (
            pool("ipipMode: Always", "vxlanMode: Always"),
            "c.yaml:7: spec.vxlanMode: ipipMode is Always as well; set one of ipipMode and vxlanMode to Never"
        ),
        (
            pool("natOutgoing: 'true'"),
            "c.yaml:6: spec.natOutgoing: must be true or false, not text; write true or false"
        ),
        (
            pool("disableBGPExport: 1"),
            "c.yaml:6: spec.disableBGPExport: must be true or false, not a number; write true or false"
        ),
        (
            pool("allowedUses: [Workload, Pods]"),
            "c.yaml:6: spec.allowedUses[1]: Pods is no use; write Workload, Tunnel or LoadBalancer"
        ),
        (
            pool("assignmentMode: auto"),
            "c.yaml:6: spec.assignmentMode: auto is no assignment mode; write Automatic or Manual"
        ),
        (
            pool("nodeSelector: has(rack"),
            "c.yaml:6: spec.nodeSelector: ')' expected at column 9; write a selector like rack == 'r1'"
        ),
        (block("state: pending"), "c.yaml:7: spec.state: pending is for agents only; leave it out"),
        (block("deleted: true"), "c.yaml:7: spec.deleted: true is for agents only; use poplin delete blockaffinity b"),
        ("a: [\n", "c.yaml:2: not YAML: did not find expected node content; correct the syntax here or just above"),
    ])
    func `Each mistake is one line with place, field, reason and remedy`(text: String, line: String) {
        #expect(read(text).errors.map(\.description) == [line])
    }

    @Test func `All mistakes of all documents are told at once`() {
        let text = Self.pool("ipipMode: No", "natOutgoing: 3", "spare: 1") + "---\n" + Self.block("state: pending")
        #expect(read(text).errors.map(\.field) == ["spec.ipipMode", "spec.natOutgoing", "spec.state"])
    }

    @Test func `What Calico knows and what nobody knows is kept, each with a note`() {
        let found = read(Self.pool("namespaceSelector: all()", "somethingNew: 1", "nodeSelector: rack in {'a', \"b\"}"))
        #expect(found.errors == [])
        #expect(
            found.notes.lines == [
                "c.yaml:6: note: IPPool spec.namespaceSelector is stored and not used",
                "c.yaml:8: note: IPPool spec.nodeSelector is stored and not used",
                "c.yaml:7: note: IPPool spec.somethingNew is stored and not used",
            ])
    }

    @Test(arguments: [
        node("{bgp: {ipv4Address: 10.0.1.1/24, asNumber: 64512.1, routeReflectorClusterID: 244.0.0.1}}"),
        node("{bgp: {ipv4Address: 10.0.1.1/24, asNumber: 4294967295}}"), node("{}"),
        node("{}", metadata: "{name: n1, labels: {kubernetes.io/hostname: n1, empty: ''}, annotations: {a: b c}}"),
        pool("allowedUses: [Workload, Tunnel]", "assignmentMode: Manual", "disableBGPExport: false"),
        block("state: confirmed", "type: host"), block("state: ''", "deleted: 'false'"),
    ])
    func `What Calico takes is taken`(text: String) {
        let found = read(text)
        #expect(found.errors == [] && found.objects.count == 1)
    }

    @Test func `The agent's reading stays mild`() {
        let text = Self.pool("natOutgoin: true", "allowedUses: [Pods]") + "---\n" + Self.block("state: pending")
        let found = ResourceFile(Array(text.utf8), path: "c.yaml", isStrict: false)
        #expect(found.errors == [] && found.objects.count == 2 && found.notes.lines.count == 3)
    }

    @Test(arguments: [
        "", " ", "all()", "global()", "has(a/b.c-d_e)", "!has(x)", "a == 'b'", "a != \"b\" && c == 'd' || !(e == 'f')",
        "a in {}", "a in {'b','c'}", "a not in { 'b' , \"c\" }", "a contains 'x'", "a starts with 'x'",
        "a ends with 'x'", "!!all()", "((all()))",
    ])
    func `A selector is one`(text: String) {
        #expect(SelectorSyntax.problem(in: text) == nil)
    }

    @Test(arguments: [
        ("a", "an operator such as '==' expected at column 2"), ("a == b", "text in quotes expected at column 6"),
        ("a == 'b", "the text that begins here has no end at column 6"), ("(all()", "')' expected at column 7"),
        ("all() all()", "'&&', '||' or the end expected at column 7"), ("a in 'b'", "'{' expected at column 6"),
        ("a starts 'x'", "'with' expected at column 10"), ("&& a", "a label, '!' or '(' expected at column 1"),
        ("none()", "an operator such as '==' expected at column 5"), ("has()", "a label expected at column 5"),
        ("a = 'b'", "'=' is not understood at column 3"), ("a not b", "'in' expected at column 7"),
        (String(repeating: "(", count: 100_000), "nested too deep at column 65"),
    ])
    func `What is no selector says where it stops being one`(text: String, problem: String) {
        #expect(SelectorSyntax.problem(in: text) == problem)
    }
}
