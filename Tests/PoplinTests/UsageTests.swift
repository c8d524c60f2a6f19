// What a person gets who mistypes: one line, the right exit code, and nothing among the data.

import LinuxSystem
import Testing

@Suite struct UsageTests {
    @Test(arguments: [
        "frobnicate", "--frobnicate", "explain", "explain 10.0.0.1 10.0.0.2", "explain 10.0.0", "explain ten",
        "explain 10.0.0.256", "explain 2001:db8::1", "plan extra", "plan --output", "plan --output xml", "status extra",
        "status --colour", "check extra", "check --output yaml", "set", "set ipipMode", "set =x", "set mode=Always",
        "clean extra", "clean --dryrun", "agent extra", "agent --twice", "agent --config", "get", "get pod",
        "get all n1",
        "get nodes -o xml", "apply", "apply nodes", "apply -f", "delete", "delete node", "delete all x",
        "delete node n1 -f x.yaml", "delete pod x",
    ])
    func wrongUsageIsOneLineAnd64(words: String) throws {
        let result = try poplin(words.split(separator: " ").map(String.init))
        #expect(result.status == .code(64))
        #expect(result.output.isEmpty)
        #expect(result.errors.hasPrefix("poplin: "))
        #expect(result.errors.split(separator: "\n").count == 1)
    }

    @Test(arguments: ["", "agent", "explain", "plan", "status", "check", "set", "clean", "get", "apply", "delete"])
    func helpIsData(command: String) throws {
        let result = try poplin((command.isEmpty ? [] : [command]) + ["--help"])
        #expect(result.status == .code(0))
        #expect(result.output.contains("USAGE: poplin"))
        #expect(result.errors.isEmpty)
    }

    @Test(arguments: [
        "explain 10.244.3.7", "plan", "status", "set ipipMode=Never", "clean", "clean --dry-run", "agent", "get nodes",
        "apply -f /dev/null", "delete node n1",
    ])
    func aMissingConfigIsOneLineWithPathAndRemedy(words: String) throws {
        let result = try poplin(words.split(separator: " ").map(String.init) + ["--config", "/nonexistent/node.yaml"])
        #expect(result.status == .code(1))
        #expect(result.output.isEmpty)
        #expect(result.errors == "poplin: /nonexistent/node.yaml: not found; name a node config with --config\n")
    }

    @Test func aMissingConfigIsAFindingOfCheck() throws {
        let result = try poplin(["check", "--config", "/nonexistent/node.yaml"])
        #expect(result.status == .code(1))
        #expect(result.output.contains("fail  config"))
        #expect(result.errors.isEmpty)
    }

    @Test(arguments: ["explain 10.244.3.7", "plan", "status", "clean", "agent"])
    func anUnknownKeyIsNamedWithItsLine(words: String) throws {
        let host = try CommandHost()
        try TextFile.replace(host.config, with: "node: n1\nipipmode: Always\n")
        let result = try poplin(words.split(separator: " ").map(String.init) + ["--config", host.config])
        #expect(result.status == .code(1))
        #expect(result.output.isEmpty)
        #expect(result.errors.hasPrefix("poplin: \(host.config):2: "))
        #expect(result.errors.contains("ipipMode"))
        #expect(result.errors.split(separator: "\n").count == 1)
    }

    @Test func everyMistakeOfAConfigHasALine() throws {
        let host = try CommandHost()
        try TextFile.replace(host.config, with: "node: n1\nfoo: 1\nipipMode: Sometimes\n")
        let lines = try host.run("plan").errors.split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.allSatisfy { $0.hasPrefix("poplin: ") })
    }

    @Test func aBrokenEnvironmentIsNamed() throws {
        let host = try CommandHost()
        let result = try host.run("plan", environment: ["POPLIN_IPIP_MODE": "Sometimes"])
        #expect(result.status == .code(1))
        #expect(result.errors.contains("POPLIN_IPIP_MODE"))
    }

    @Test func dataThatCannotBeWrittenIsAFailure() throws {
        let host = try CommandHost()
        let result = try ChildProcess.run(
            "sh", ["-c", "exec \"$0\" set node=n9 --config \"$1\" >/dev/full", program, host.config])
        #expect(result.status == .code(1))
        #expect(result.errors.hasPrefix("poplin: standard output: "))
    }
}
