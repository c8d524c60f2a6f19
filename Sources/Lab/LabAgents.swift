// The agents of a lab: real processes of the real program, started in their hosts and asked through their sockets.

internal import FoundationEssentials
public import LinuxSystem
internal import Synchronization

extension Lab {
    /// The `poplin` program: `POPLIN_BIN` where that is set, this program where it is `poplin`, else one beside it.
    public static func findAgentBinary() -> String? {
        if let path = ProcessInfo.processInfo.environment["POPLIN_BIN"], !path.isEmpty { return path }
        guard let own = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") else { return nil }
        if own.hasSuffix("/poplin") { return own }
        let beside = "/" + own.split(separator: "/").dropLast().joined(separator: "/") + "/poplin"
        return File.exists(beside) ? beside : nil
    }

    /// Starts a node's agent; its output is appended to ``logPath(_:)``.
    ///
    /// - Parameter arguments: after `agent --config FILE`.
    /// - Throws: ``LabError`` where one runs already or there is no program.
    public func startAgent(on name: String, arguments: [String] = [], environment: [String: String] = [:]) throws {
        guard agent(name) == nil else { throw LabError.invalid("the agent of \(name) runs already") }
        let agent = try launchAgent(on: name, arguments: arguments, environment: environment)
        state.withLock { $0.agents[name] = agent }
    }

    /// Starts an agent that takes over from the node's running one, and waits until that one has ended.
    ///
    /// - Parameter arguments: besides `--take-over`.
    /// - Returns: how the former agent ended.
    /// - Throws: ``LabError`` where the successor ends or the former agent does not; the former one stays the node's.
    public func replaceAgent(
        on name: String, arguments: [String] = [], timeoutMilliseconds: Int32 = 20_000
    ) throws -> ExitStatus {
        guard let former = agent(name) else { throw LabError.invalid("no agent runs on \(name)") }
        let successor = try launchAgent(on: name, arguments: ["--take-over"] + arguments, environment: [:])
        let deadline = Monotonic.now + UInt64(max(0, timeoutMilliseconds)) * 1_000_000
        while true {
            if let status = try former.wait(timeoutMilliseconds: 5) {
                try directory.forgetProcess(former.pid)
                state.withLock { $0.agents[name] = successor }
                return status
            }
            if let ended = try successor.wait(timeoutMilliseconds: 0) {
                try directory.forgetProcess(successor.pid)
                throw LabError.agentEnded(node: name, status: "\(ended)", log: logTail(name, lines: 3))
            }
            guard Monotonic.now < deadline else {
                throw LabError.timedOut("\(name): waited \(timeoutMilliseconds) ms for the former agent to end")
            }
            try interruption.check()
        }
    }

    private func launchAgent(
        on name: String, arguments: [String], environment: [String: String]
    ) throws -> ChildProcess {
        let node = try node(name)
        guard let binary else {
            throw LabError.invalid("no poplin program found: build it, or name it in POPLIN_BIN")
        }
        let log = ChildProcess.Output.file(directory.log(node.name))
        // What overrides the user's own config has no place in the lab's.
        let inherited = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("POPLIN_") }
        let agent = try ChildProcess.spawn(
            binary, ["agent", "--config", directory.config(node.name)] + arguments,
            environment: inherited.merging(environment) { _, new in new },
            inNamespace: builder.host(node.name).namespace, output: log, errors: log, newProcessGroup: true)
        if let process = RunningProcess(pid: agent.pid) { try directory.noteProcess(process) }
        return agent
    }

    /// Starts the agents of all registered nodes that have none.
    public func startAgents() throws {
        for node in specification.nodes where node.isRegistered && agent(node.name) == nil {
            try startAgent(on: node.name)
        }
    }

    /// Ends a node's agent in good order (SIGTERM); none is fine.
    ///
    /// - Returns: how it ended; nil where there was none.
    /// - Throws: ``LabError/timedOut(_:)`` where it does not end; it is killed then.
    @discardableResult
    public func stopAgent(on name: String, timeoutMilliseconds: Int32 = 30_000) throws -> ExitStatus? {
        guard let agent = agent(name) else { return nil }
        try agent.terminate()
        let status = try agent.wait(timeoutMilliseconds: timeoutMilliseconds)
        if status == nil { try agent.terminate(Signals.kill) }
        let final = try status ?? agent.wait()
        try forget(name, agent)
        guard status != nil else {
            throw LabError.timedOut("the agent of \(name) did not end within \(timeoutMilliseconds) ms of SIGTERM")
        }
        return final
    }

    /// Ends a node's agent as a crash would (SIGKILL), and waits until it is gone; none is fine.
    public func killAgent(on name: String) throws {
        guard let agent = agent(name) else { return }
        try agent.terminate(Signals.kill)
        _ = try agent.wait()
        try forget(name, agent)
    }

    /// The process of a node's agent; nil where none was started.
    public func agent(_ name: String) -> ChildProcess? { state.withLock { $0.agents[name] } }

    private func forget(_ name: String, _ agent: ChildProcess) throws {
        state.withLock { $0.agents[name] = nil }
        try directory.forgetProcess(agent.pid)
    }

    /// Asks a node's agent; nil where none listens.
    public func status(_ name: String) throws -> AgentStatus? {
        try AgentStatus.ask(directory.statusSocket(name), timeoutMilliseconds: 30_000)
    }

    /// Waits until a node's agent says that it is ready.
    @discardableResult
    public func waitReady(_ name: String, timeoutMilliseconds: Int32 = 30_000) throws -> AgentStatus {
        try waitStatus(name, "it to be ready", timeoutMilliseconds: timeoutMilliseconds) { $0.ready }
    }

    /// Waits until the answer of a node's agent fulfils a condition.
    ///
    /// - Parameter what: what is waited for, for the error.
    /// - Throws: ``LabError/timedOut(_:)`` with the last answer, or ``LabError/agentEnded(node:status:log:)``.
    @discardableResult
    public func waitStatus(
        _ name: String, _ what: String, timeoutMilliseconds: Int32 = 30_000, _ condition: (AgentStatus) -> Bool
    ) throws -> AgentStatus {
        let deadline = Monotonic.now + UInt64(max(0, timeoutMilliseconds)) * 1_000_000
        while true {
            try interruption.check()
            // An agent that ends in the middle of its answer is the same as one that does not answer.
            let status = (try? status(name)) ?? nil
            if let status, condition(status) { return status }
            if let ended = try agent(name)?.wait(timeoutMilliseconds: 0) {
                throw LabError.agentEnded(node: name, status: "\(ended)", log: logTail(name, lines: 3))
            }
            if Monotonic.now >= deadline {
                let last = status.map { $0.notReadyBecause.joined(separator: ", ") } ?? "it does not answer"
                throw LabError.timedOut(
                    "\(name): waited \(timeoutMilliseconds) ms for \(what)\(last.isEmpty ? "" : ": \(last)")")
            }
            Monotonic.sleep(milliseconds: 5)
        }
    }

    /// The last lines of what a node's agent wrote.
    public func logTail(_ name: String, lines: Int) -> String {
        let text = (try? TextFile.read(directory.log(name))) ?? ""
        return text.split(separator: "\n").suffix(lines).joined(separator: " | ")
    }
}
