// A lab that another process left running, found again by its files.

internal import LinuxSystem

/// A lab that is up without a process of its own.
public struct AttachedLab: Hashable, Sendable {
    private let directory: LabDirectory

    /// Finds a lab by its name.
    ///
    /// - Throws: ``LabError/notUp(name:)``.
    public init(name: String) throws(LabError) {
        directory = LabDirectory(lab: name)
        guard !name.isEmpty, !name.contains("/"), name != ".", name != "..", directory.exists else {
            throw .notUp(name: name)
        }
    }

    /// Its hosts, sorted by name.
    public var hosts: [LabHost] { directory.hosts }

    /// The names of the nodes, which run an agent.
    public var nodes: [String] { hosts.map(\.name).filter { File.exists(directory.config($0)) } }

    /// A host by its name.
    public func host(_ name: String) throws(LabError) -> LabHost {
        guard let host = hosts.first(where: { $0.name == name }) else {
            throw .invalid("there is no host \(name); there are \(hosts.map(\.name).joined(separator: ", "))")
        }
        return host
    }

    /// Asks a node's agent; nil where none listens.
    public func status(_ node: String) throws -> AgentStatus? {
        try AgentStatus.ask(directory.statusSocket(node), timeoutMilliseconds: 5000)
    }

    /// The path of a node's config.
    public func configPath(_ node: String) -> String { directory.config(node) }
    /// The path of the file with what a node's agent writes.
    public func logPath(_ node: String) -> String { directory.log(node) }
    /// Where the lab keeps all its files.
    public var path: String { directory.path }

    /// Ends the agents, deletes the hosts and the files.
    ///
    /// - Throws: ``LabError/inUse(name:advice:)`` where a running process has the lab.
    /// - Returns: what could not be taken away, one line each.
    public func down() throws -> [String] {
        try LabDirectory.locked {
            if case .process(let owner) = directory.owner, owner.isRunning {
                throw LabError.inUse(
                    name: directory.lab, advice: "process \(owner.pid) has it and will take it down")
            }
            return Leftovers.remove(directory)
        }
    }
}
