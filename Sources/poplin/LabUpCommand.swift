// `poplin lab up`, `exec`, `status` and `down`: a lab that stays until it is taken down.

internal import ArgumentParser
internal import Lab
internal import LinuxSystem

struct LabUpCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up", abstract: "Builds the network, starts an agent on each node and leaves them running.")

    @Option(help: "The ipipMode of the nodes: Never, Always or CrossSubnet.", transform: Self.parseMode)
    var mode: LabMode = .crossSubnet

    @Option(help: "How packets are encapsulated: auto, kernel, bpf or userspace.")
    var dataplane = "auto"

    func run() throws {
        try Lab.checkPermissions()
        let interruption = try LabSignals.interruption()
        Lab.removeAbandoned()
        var specification = LabSpecification.standard(name: LabCommand.name, mode: mode)
        // So that every mode works, also Never.
        specification.routerKnowsBlocks = true
        specification.hasSniffer = false
        for index in specification.nodes.indices { specification.nodes[index].dataplane = dataplane }
        let lab = try Lab.up(specification, interruption: interruption)
        do {
            try lab.startAgents()
            for node in specification.nodes { try lab.waitReady(node.name) }
            try interruption.check()
            try lab.detach()
        } catch {
            lab.down()
            throw error
        }
        Terminal.write(
            """
            The lab is up: nodes n1, n2, n3; workloads w1, w2, w3 behind them; router.

              poplin lab exec n1 -- ip route                  a node's routes
              poplin lab exec w1 -- ping -c 3 10.244.3.2      through the tunnel to w3
              poplin lab exec w1 -- ping -c 3 10.244.2.2      directly to w2
              poplin lab exec router -- tcpdump -ni any       what the underlay sees
              poplin lab exec n1 -- poplin explain 10.244.3.2 --config \(lab.configPath("n1"))
              poplin set ipipMode=Always --config \(lab.configPath("n1"))
              poplin lab status
              poplin lab down

            Resources: \(lab.clusterDirectory)
            Logs:      \(lab.path)/nodes/*/agent.log

            """)
    }
}

extension LabUpCommand {
    private static func parseMode(_ text: String) throws -> LabMode {
        guard let mode = LabMode(rawValue: text) else { throw ValidationError("\(text) is no mode") }
        return mode
    }
}

struct LabExecCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exec", abstract: "Runs a command on a host of the lab that is up.",
        usage: "poplin lab exec <host> -- <command> ...")

    @Argument(help: "n1, n2, n3, w1, w2, w3 or router.")
    var host: String

    @Argument(parsing: .captureForPassthrough, help: "The command and its arguments.")
    var command: [String] = []

    func run() throws {
        let words = command.first == "--" ? command.dropFirst() : command[...]
        guard let program = words.first else { throw ValidationError("name a command after --") }
        let lab = try AttachedLab(name: LabCommand.name)
        // Ctrl-C is for the command, which gets it from the terminal itself.
        try SignalFD.block([Signals.interrupt])
        let child = try ChildProcess.spawn(
            program, Array(words.dropFirst()), inNamespace: try lab.host(host).namespace, input: 0)
        switch try child.wait() {
        case .code(let code): throw ExitCode(code)
        case .signal(let signal): throw ExitCode(128 + signal)
        }
    }
}

struct LabStatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Shows the hosts of the lab that is up and what their agents say.")

    @OptionGroup var format: OutputOptions

    /// What is shown of one host.
    struct Row: Encodable {
        var host: String
        var namespace: String
        var agent: AgentStatus?
    }

    func run() throws {
        let lab = try AttachedLab(name: LabCommand.name)
        let nodes = Set(lab.nodes)
        let rows = try lab.hosts.map { host in
            Row(
                host: host.name, namespace: host.namespace,
                agent: nodes.contains(host.name) ? try lab.status(host.name) : nil)
        }
        guard format.output == .text else { return try Terminal.write(json: rows) }
        var table = Table(header: ["HOST", "NAMESPACE", "AGENT", "TIER", "PEERS"])
        for row in rows {
            let state: Table.Cell =
                switch row.agent?.ready {
                case true: Table.Cell("ready", .green)
                case false: Table.Cell("not ready", .red)
                case nil: nodes.contains(row.host) ? Table.Cell("none", .red) : ""
                }
            let peers = row.agent?.peers.map { "\($0.node) \($0.verdict)" }.joined(separator: ", ") ?? ""
            table.add([
                Table.Cell(row.host), Table.Cell(row.namespace), state, Table.Cell(row.agent?.tier ?? ""),
                Table.Cell(peers),
            ])
        }
        Terminal.write(table.text())
    }
}

struct LabDownCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "down", abstract: "Ends the agents of the lab that is up and takes it away.")

    func run() throws {
        let problems = try AttachedLab(name: LabCommand.name).down()
        guard problems.isEmpty else { throw CommandError(problems.joined(separator: "\n")) }
    }
}
