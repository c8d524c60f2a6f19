// The commands that look at a host and change it, in a network namespace.

import FoundationEssentials
import LinuxSystem
import TestSupport
import Testing

@Suite(.needsNamespaces) struct HostCommandTests {
    private struct Explanation: Decodable {
        let destination, verdict, reason: String
        let pool, mode, modeSource, block, node, peerAddress, via, device, tier: String?
        let mtu: Int?
        let installed: Bool
    }

    private struct Plan: Decodable {
        struct Change: Decodable { let kind, action, object, detail: String }
        let changes: [Change]
    }

    private struct Finding: Decodable { let name, level, detail, remedy: String }

    private func decode<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
        try JSONDecoder().decode(type, from: Data(text.utf8))
    }

    @Test func explainTellsTheStoryAndMarksWhatDecides() throws {
        let host = try CommandHost(network: true)
        let result = try host.run("explain", "10.244.3.7")
        #expect(result.status == .code(0))
        #expect(result.errors.isEmpty)
        #expect(!result.output.contains("\u{1B}"))
        let marked = result.output.split(separator: "\n").filter { $0.hasPrefix("→") }
        #expect(marked.count == 2)
        #expect(marked.allSatisfy { $0.contains("does not contain") })
        #expect(result.output.contains("n1 10.0.1.1/24 (config)"))
        #expect(result.output.contains("n3 10.0.2.1/24 (Node resource)"))
    }

    @Test(arguments: [
        ("10.244.3.7", "tunnel", "differentSubnet"), ("10.244.2.7", "direct", "sameSubnet"),
        ("10.244.1.7", "local", "ownBlock"), ("10.244.99.7", "unrouted", "noRoute"), ("8.8.8.8", "unrouted", "noRoute"),
    ])
    func explainAsJSON(address: String, verdict: String, reason: String) throws {
        let host = try CommandHost(network: true)
        let result = try host.run("explain", address, "--output", "json")
        let explanation = try decode(Explanation.self, result.output)
        #expect(explanation.destination == address)
        #expect(explanation.verdict == verdict)
        #expect(explanation.reason == reason)
        #expect(!explanation.installed)
        // One line of text is marked whatever the verdict.
        #expect(try host.run("explain", address).output.split(separator: "\n").contains { $0.hasPrefix("→") })
    }

    @Test func explainKnowsAModeFromTheEnvironment() throws {
        let host = try CommandHost(network: true)
        let result = try host.run(
            "explain", "10.244.2.7", "--output", "json", environment: ["POPLIN_IPIP_MODE": "Always"])
        let explanation = try decode(Explanation.self, result.output)
        #expect(explanation.verdict == "tunnel")
        #expect(explanation.reason == "modeAlways")
        #expect(explanation.modeSource == "node")
    }

    @Test func planShowsEveryChangeAndMakesNone() throws {
        let host = try CommandHost(network: true)
        let text = try host.run("plan")
        #expect(text.status == .code(2))
        #expect(text.errors.isEmpty)
        let json = try host.run("plan", "--output", "json")
        #expect(json.status == .code(2))
        let plan = try decode(Plan.self, json.output)
        #expect(plan.changes.count == text.output.split(separator: "\n").count)
        #expect(plan.changes.contains { $0.kind == "route" && $0.action == "add" && $0.object == "10.244.3.0/26" })
        let routes = try ChildProcess.run("ip", ["route"], inNamespace: try #require(host.namespace))
        #expect(!routes.output.contains("10.244."))
    }

    @Test func withoutAnAgentStatusSaysHowToStartOne() throws {
        let host = try CommandHost(network: true)
        let result = try host.run("status")
        #expect(result.status == .code(1))
        #expect(result.output.isEmpty)
        #expect(result.errors.split(separator: "\n").count == 1)
        #expect(result.errors.contains("poplin agent --config \(host.config)"))
    }

    @Test func fromTheAgentsStartToTheLastTrace() throws {
        let host = try CommandHost(network: true)
        let agent = try host.startAgent()

        let status = try host.run("status")
        #expect(status.status == .code(0))
        let columns = status.output.split(separator: "\n").first { $0.hasPrefix("n3 ") }?.split(separator: " ")
        #expect(columns?.prefix(4).map(String.init) == ["n3", "10.0.2.1/24", "tunnel", "differentSubnet"])
        #expect(columns?.dropFirst(5).first == "1", "blocks, after the way of outer packets")

        let plan = try host.run("plan")
        #expect(plan.status == .code(0))
        #expect(plan.output.isEmpty)
        #expect(plan.errors == "nothing to do\n")
        #expect(try decode(Plan.self, try host.run("plan", "--output", "json").output).changes.isEmpty)
        let explanation = try decode(
            Explanation.self, try host.run("explain", "10.244.3.7", "--output", "json").output)
        #expect(explanation.installed)
        #expect(explanation.tier == "userspace")
        #expect(explanation.mtu == 1480)

        // Nothing is taken from under a running agent.
        let refused = try host.run("clean")
        #expect(refused.status == .code(1))
        #expect(refused.errors.contains("process \(agent.pid)"))
        let elsewhere = try host.run("clean", environment: ["POPLIN_RUN_DIRECTORY": "\(host.directory)/other"])
        #expect(elsewhere.status == .code(1))
        #expect(elsewhere.errors.contains("another agent runs in this network namespace"))
        let listing = try host.run("clean", "--dry-run")
        #expect(listing.status == .code(0))
        #expect(listing.output.contains("tunl0"))

        try agent.terminate()
        #expect(try agent.wait() == .code(0))
        let cleaned = try host.run("clean", "--output", "json")
        #expect(cleaned.status == .code(0))
        #expect(cleaned.output.contains("\"failures\" : ["))
        let again = try host.run("clean", "--dry-run")
        #expect(again.status == .code(0))
        #expect(again.output.isEmpty)
        #expect(again.errors == "nothing to clean\n")
        let links = try ChildProcess.run("ip", ["link"], inNamespace: try #require(host.namespace))
        #expect(!links.output.contains("tunl0"))
    }

    @Test func theLogIsOneLineAnEvent() throws {
        let host = try CommandHost(network: true)
        let agent = try host.startAgent()
        try agent.terminate()
        #expect(try agent.wait() == .code(0))
        let lines = try TextFile.read("\(host.directory)/log").split(separator: "\n")
        #expect(!lines.isEmpty)
        #expect(lines.allSatisfy { $0.split(separator: " ").count > 2 && $0.split(separator: " ")[1] == "INFO" })
    }

    @Test func checkFindsWhatIsInTheWay() throws {
        let host = try CommandHost(network: true)
        let namespace = try #require(host.namespace)
        for command in ["rule add fwmark 1 lookup 100", "route add 10.244.2.0/26 via 10.0.1.9 proto static"] {
            _ = try ChildProcess.run("ip", command.split(separator: " ").map(String.init), inNamespace: namespace)
        }
        let result = try host.run("check", "--output", "json")
        #expect(result.status == .code(1))
        let findings = try decode([Finding].self, result.output)
        let levels = Dictionary(grouping: findings, by: \.name).mapValues { $0.map(\.level) }
        #expect(levels["conflict"] == ["fail"])
        #expect(levels["rules"] == ["warn"])
        #expect(levels["address"] == ["ok"])
        #expect(levels["node"] == ["ok"])
        #expect(levels["tier.userspace"] == ["ok"])
        #expect(findings.filter { $0.level == "fail" }.allSatisfy { !$0.remedy.isEmpty })
    }

    @Test func checkOnASoundHostEndsWithZero() throws {
        let host = try CommandHost(network: true)
        let result = try host.run("check")
        #expect(result.status == .code(0), "\(result.output)")
        #expect(result.errors.isEmpty)
    }
}
