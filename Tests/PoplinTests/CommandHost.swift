// A host to run the real program on: a directory of its own with a config, and where wanted a network namespace.

import FoundationEssentials
import Glibc
import LinuxSystem
import Testing

/// The program under test, built beside the test bundle.
let program: String = {
    let bundle = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    let beside = bundle.split(separator: "/").dropLast().joined(separator: "/")
    return "/\(beside)/poplin"
}()

/// Runs the program to its end with nothing of this process's environment but what is given.
func poplin(
    _ arguments: [String], environment: [String: String] = [:], inNamespace namespace: String? = nil
) throws -> ProgramResult {
    let environment = environment.merging(["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]) { given, _ in given }
    guard let namespace else { return try ChildProcess.run(program, arguments, environment: environment) }
    return try ChildProcess.run(program, arguments, environment: environment, inNamespace: namespace)
}

/// A directory with a node config and a cluster of three nodes in two subnets; it is gone with this value.
final class CommandHost: Sendable {
    let directory: String
    let namespace: String?

    var config: String { "\(directory)/node.yaml" }

    /// - Parameter network: makes a namespace in which eth0 has the node's address and a default route.
    init(network: Bool = false) throws {
        let name = "poplin-cmd-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        directory = "/tmp/\(name)"
        namespace = network ? name : nil
        try Directory.create("\(directory)/cluster")
        try TextFile.replace(config, with: CommandHost.nodeConfig(directory))
        try TextFile.replace("\(directory)/cluster/all.yaml", with: CommandHost.cluster)
        guard network else { return }
        try NetworkNamespace.create(name)
        for command in [
            "link set lo up", "link add eth0 type veth peer name eth0p", "link set eth0 up", "link set eth0p up",
            "addr add 10.0.1.1/24 dev eth0", "route add default via 10.0.1.254",
        ] {
            let result = try ChildProcess.run(
                "ip", command.split(separator: " ").map(String.init), inNamespace: name)
            try #require(result.status.isSuccess, "ip \(command): \(result.errors)")
        }
    }

    deinit {
        if let namespace { try? NetworkNamespace.delete(namespace) }
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// Runs the program with this host's config.
    func run(_ arguments: String..., environment: [String: String] = [:]) throws -> ProgramResult {
        try poplin(arguments + ["--config", config], environment: environment, inNamespace: namespace)
    }

    /// Starts the agent and waits until it says that it is ready.
    func startAgent() throws -> ChildProcess {
        let agent = try ChildProcess.spawn(
            program, ["agent", "--config", config], environment: ["PATH": "/usr/sbin:/usr/bin"],
            inNamespace: try #require(namespace), output: .null, errors: .file("\(directory)/log"))
        let deadline = Monotonic.now + 20_000_000_000
        while Monotonic.now < deadline {
            let status = try run("status", "--output", "json")
            if status.output.contains("\"ready\" : true") { return agent }
            Monotonic.sleep(milliseconds: 20)
        }
        let log = try TextFile.read("\(directory)/log")
        Issue.record("the agent did not become ready: \(log)")
        return agent
    }

    private static func nodeConfig(_ directory: String) -> String {
        """
        # the first node
        node: n1
        dataplane: userspace
        address: 10.0.1.1/24   # on eth0
        ipipMode: CrossSubnet
        datastore:
          file: \(directory)/cluster
        runDirectory: \(directory)/run

        """
    }

    private static let cluster =
        [("n1", "10.0.1.1/24"), ("n2", "10.0.1.2/24"), ("n3", "10.0.2.1/24")].map { name, address in
            """
            apiVersion: projectcalico.org/v3
            kind: Node
            metadata: {name: \(name)}
            spec: {bgp: {ipv4Address: \(address)}}
            ---
            apiVersion: projectcalico.org/v3
            kind: BlockAffinity
            metadata: {name: \(name)-block}
            spec: {cidr: 10.244.\(name.dropFirst()).0/26, node: \(name), state: confirmed}
            ---

            """
        }.joined() + """
            apiVersion: projectcalico.org/v3
            kind: IPPool
            metadata: {name: pods}
            spec: {cidr: 10.244.0.0/16, ipipMode: CrossSubnet}

            """
}
