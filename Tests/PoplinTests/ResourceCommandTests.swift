// `poplin get`, `apply` and `delete` as a person runs them, on the datastore of a node config.

import FoundationEssentials
import LinuxSystem
import Testing

@Suite struct ResourceCommandTests {
    private struct Changes: Decodable {
        struct Resource: Decodable {
            struct Field: Decodable { let field: String }
            let kind, name, action, place: String
            let changes: [Field]
        }
        let dryRun: Bool
        let resources: [Resource]
        let notes: [String]
    }

    private static let pool = """
        apiVersion: projectcalico.org/v3
        kind: IPPool
        metadata: {name: pods}
        spec: {cidr: 10.244.0.0/16, ipipMode: Always, natOutgoing: true}

        """

    private func input(_ host: CommandHost, _ text: String) throws -> String {
        try TextFile.replace("\(host.directory)/c.yaml", with: text)
        return "\(host.directory)/c.yaml"
    }

    private func stored(_ host: CommandHost) throws -> [String: String] {
        let directory = "\(host.directory)/cluster"
        return Dictionary(
            uniqueKeysWithValues: try Directory.list(directory).map { ($0, try TextFile.read("\(directory)/\($0)")) })
    }

    @Test(arguments: [
        (
            ["ippools"],
            """
            NAME  CIDR           IPIP MODE    VXLAN MODE  BLOCK SIZE  NAT  DISABLED  PLACE
            pods  10.244.0.0/16  CrossSubnet  Never               26  no   no        all.yaml:31

            """
        ),
        (
            ["Node"],
            """
            NAME  ADDRESS      TUNNEL  BLOCKS  PLACE
            n1    10.0.1.1/24  -            1  all.yaml:1
            n2    10.0.1.2/24  -            1  all.yaml:11
            n3    10.0.2.1/24  -            1  all.yaml:21

            """
        ),
        (
            ["blockaffinities", "n2-block"],
            """
            NAME      CIDR           NODE  STATE      POOL  PLACE
            n2-block  10.244.2.0/26  n2    confirmed  pods  all.yaml:16

            """
        ),
    ])
    func `get shows a table with each resource's place`(words: [String], table: String) throws {
        let host = try CommandHost()
        let result = try poplin(["get"] + words + ["--config", host.config])
        #expect(result.status == .code(0) && result.errors.isEmpty)
        #expect(result.output == table)
    }

    @Test func `get all has a table for each kind`() throws {
        let result = try CommandHost().run("get", "all")
        #expect(result.status == .code(0))
        #expect(result.output.split(separator: "\n").count { $0.hasPrefix("NAME ") } == 3, "\(result.output)")
    }

    @Test func `One resource is shown as itself, several as a list`() throws {
        let host = try CommandHost()
        struct One: Decodable { let kind: String }
        struct Many: Decodable { let kind: String; let items: [One] }
        let one = try host.run("get", "node", "n1", "-o", "json")
        #expect(try JSONDecoder().decode(One.self, from: Data(one.output.utf8)).kind == "Node")
        for (words, kind, count) in [
            (["nodes"], "NodeList", 3), (["all"], "List", 7), (["node", "n1", "n2"], "NodeList", 2),
        ] {
            let result = try poplin(["get"] + words + ["-o", "json", "--config", host.config])
            let many = try JSONDecoder().decode(Many.self, from: Data(result.output.utf8))
            #expect(many.kind == kind && many.items.count == count)
        }
        let yaml = try host.run("get", "ippool", "pods", "--output", "yaml")
        #expect(
            yaml.output == """
                apiVersion: projectcalico.org/v3
                kind: IPPool
                metadata:
                  name: pods
                spec:
                  cidr: 10.244.0.0/16
                  ipipMode: CrossSubnet

                """)
    }

    @Test func `A name that is not there is one line, and the others are shown`() throws {
        let result = try CommandHost().run("get", "nodes", "n9", "n1")
        #expect(result.status == .code(1))
        #expect(result.output.split(separator: "\n").count == 2)
        #expect(result.errors == "poplin: Node n9: not found; there are: n1, n2, n3\n")
    }

    @Test func `What the agent would refuse is named by get, and what is good is shown`() throws {
        let host = try CommandHost()
        try TextFile.replace("\(host.directory)/cluster/zz.yaml", with: "a: [\n")
        let result = try host.run("get", "ippools")
        #expect(result.status == .code(1) && result.output.split(separator: "\n").count == 2)
        #expect(result.errors.hasPrefix("poplin: \(host.directory)/cluster/zz.yaml:"))
    }

    @Test func `What get shows is applied as unchanged`() throws {
        let host = try CommandHost()
        let before = try stored(host)
        for format in ["yaml", "json"] {
            let shown = try host.run("get", "all", "-o", format)
            let result = try host.run("apply", "-f", try input(host, shown.output))
            #expect(result.status == .code(0) && result.errors.isEmpty, "\(result.errors)")
            let lines = result.output.split(separator: "\n")
            #expect(lines.count == 7 && lines.allSatisfy { $0.contains("  unchanged  ") }, "\(result.output)")
        }
        #expect(try stored(host) == before)
    }

    @Test func `apply says what changed and where, and a dry run what would`() throws {
        let host = try CommandHost()
        let before = try stored(host)
        let node =
            Self.pool + "---\napiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: n4}\n"
            + "spec: {bgp: {ipv4Address: 10.0.2.4/24}}\n"
        let file = try input(host, node)
        let dry = try host.run("apply", "-f", file, "--dry-run")
        #expect(dry.status == .code(0) && dry.errors == "dry run: nothing was written\n")
        #expect(try stored(host) == before)
        let result = try host.run("apply", "-f", file)
        #expect(result.status == .code(0) && result.errors.isEmpty && result.output == dry.output)
        #expect(
            result.output == """
                IPPool pods  changed  \(host.directory)/cluster/all.yaml:31   \
                spec.ipipMode CrossSubnet → Always, spec.natOutgoing none → true
                Node n4      created  \(host.directory)/cluster/node-n4.yaml

                """)
        #expect(try stored(host).keys.sorted() == ["all.yaml", "node-n4.yaml"])
        #expect(try stored(host)["all.yaml"]?.hasSuffix(Self.pool) == true)
    }

    @Test func `apply takes directories and standard input`() throws {
        let host = try CommandHost()
        let other = try CommandHost()
        let result = try host.run("apply", "--filename", "\(other.directory)/cluster", "--dry-run")
        #expect(result.status == .code(0) && result.output.split(separator: "\n").count == 7)
        let script = "\"$0\" get ippools -o yaml --config \"$1\" | \"$0\" apply -f - --config \"$1\""
        let piped = try ChildProcess.run("sh", ["-c", script, program, host.config])
        #expect(piped.status == .code(0) && piped.output.contains("IPPool pods  unchanged"), "\(piped.errors)")
    }

    @Test func `Bad input is a line for each mistake, and nothing is written`() throws {
        let host = try CommandHost()
        let before = try stored(host)
        let bad =
            "---\napiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: n4}\nspec: {bgp: {ipv4Address: x}}\n"
        let file = try input(host, Self.pool.replacing("Always", with: "Sometimes") + bad)
        let result = try host.run("apply", "-f", file)
        #expect(result.status == .code(1) && result.output.isEmpty)
        #expect(
            result.errors == """
                poplin: \(file):4: spec.ipipMode: Sometimes is no mode; write Never, Always or CrossSubnet
                poplin: \(file):9: spec.bgp.ipv4Address: x is no IPv4 address with prefix; write it like 10.0.1.1/24

                """)
        #expect(try stored(host) == before)
        let missing = try host.run("apply", "-f", "\(host.directory)/none.yaml")
        #expect(missing.status == .code(1) && missing.errors == "poplin: \(host.directory)/none.yaml: not found\n")
    }

    @Test func `Without permission nothing is changed, and one line says so`() throws {
        let host = try CommandHost()
        let file = try input(host, Self.pool)
        let result = try ChildProcess.run(
            "setpriv", ["--reuid", "65534", "--clear-groups", program, "apply", "-f", file, "--config", host.config])
        #expect(result.status == .code(1) && result.output.isEmpty)
        #expect(
            result.errors
                == "poplin: \(host.directory)/cluster/all.yaml: Permission denied; nothing was changed\n")
    }

    @Test func `Changes and notes are JSON for programs`() throws {
        let host = try CommandHost()
        let file = try input(host, Self.pool.replacing("natOutgoing: true", with: "allowedUses: [Workload]"))
        let result = try host.run("apply", "-f", file, "--dry-run", "-o", "json")
        #expect(result.status == .code(0) && result.errors.isEmpty)
        let changes = try JSONDecoder().decode(Changes.self, from: Data(result.output.utf8))
        #expect(changes.dryRun && changes.resources.map(\.action) == ["changed"])
        #expect(changes.resources.first?.changes.map(\.field) == ["spec.allowedUses", "spec.ipipMode"])
        #expect(changes.notes == ["\(file):4: note: IPPool spec.allowedUses is stored and not used"])
    }

    @Test func `delete refuses what has blocks, and does what was agreed to`() throws {
        let host = try CommandHost()
        let before = try stored(host)
        let refused = try host.run("delete", "node", "n3")
        #expect(refused.status == .code(1) && refused.output.isEmpty)
        #expect(
            refused.errors
                == "poplin: Node n3: 1 block belongs to it (first 10.244.3.0/26); add --force, and its route goes\n")
        let dry = try host.run("delete", "node", "n3", "--force", "--dry-run")
        #expect(dry.status == .code(0) && dry.errors.hasSuffix("dry run: nothing was written\n"))
        #expect(try stored(host) == before)
        let block = try host.run("delete", "blockaffinities", "n3-block")
        #expect(
            block.status == .code(0) && block.output.hasPrefix("BlockAffinity n3-block  deleted  "), "\(block.errors)")
        let nothing = try host.run("delete", "node", "n9", "--ignore-missing")
        #expect(nothing.status == .code(0) && nothing.output.isEmpty && nothing.errors == "nothing to do\n")
        let node = try host.run("delete", "nodes", "n3", "n9", "--ignore-missing", "--output", "json")
        #expect(node.status == .code(0) && node.output.contains("\"deleted\""))
        #expect(try host.run("get", "nodes").output.contains("n3") == false)
        let file = try input(host, Self.pool)
        let forced = try host.run("delete", "-f", file, "--force")
        #expect(forced.status == .code(0))
        #expect(forced.errors == "note: IPPool pods: 2 blocks lie in it (first 10.244.1.0/26 of n1): their routes go\n")
        #expect(try stored(host).keys.sorted() == ["all.yaml"])
        let typo = try host.run("delete", "-f", try input(host, "apiVersion: projectcalico.org/v3\nkind: IPPol\n"))
        #expect(typo.status == .code(1) && typo.errors.contains("holds no resource"), "\(typo.errors)")
    }
}
