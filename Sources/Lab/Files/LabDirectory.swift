// Where a lab keeps its files, and the two lists by which another process can clean up after a crash.

internal import FoundationEssentials
internal import LinuxSystem

/// The files of one lab, below `/run/poplin-lab/NAME`.
///
///     owner            the process that made the lab, or `detached`
///     hosts/NAME       one for each namespace, made before the namespace is
///     processes/PID    the start time of a process that the lab started
///     cluster/         the resources, shared by all nodes
///     nodes/NAME/      node.yaml, agent.log and the agent's run directory
struct LabDirectory: Hashable, Sendable {
    static let root = "/run/poplin-lab"
    let lab: String

    var path: String { "\(Self.root)/\(lab)" }
    var cluster: String { "\(path)/cluster" }
    private var ownerPath: String { "\(path)/owner" }
    private var hostsPath: String { "\(path)/hosts" }
    private var processesPath: String { "\(path)/processes" }

    func node(_ name: String) -> String { "\(path)/nodes/\(name)" }
    func config(_ node: String) -> String { "\(self.node(node))/node.yaml" }
    func log(_ node: String) -> String { "\(self.node(node))/agent.log" }
    func run(_ node: String) -> String { "\(self.node(node))/run" }
    func statusSocket(_ node: String) -> String { "\(run(node))/status.sock" }

    /// Whose a lab is.
    enum Owner: Hashable, Sendable {
        /// It goes with the process that made it.
        case process(RunningProcess)
        /// It stays until somebody takes it down.
        case detached
    }

    var exists: Bool { File.exists(path) }

    var owner: Owner? {
        guard let text = try? TextFile.read(ownerPath, limit: 256) else { return nil }
        if text == "detached\n" { return .detached }
        return RunningProcess(text).map { .process($0) }
    }

    func create(owner: Owner) throws {
        try Directory.create(hostsPath)
        try Directory.create(processesPath)
        try Directory.create(cluster)
        try setOwner(owner)
    }

    func setOwner(_ owner: Owner) throws {
        switch owner {
        case .detached: try TextFile.replace(ownerPath, with: "detached\n")
        case .process(let process): try TextFile.replace(ownerPath, with: process.text)
        }
    }

    func noteHost(_ host: LabHost) throws {
        try TextFile.replace("\(hostsPath)/\(host.name)", with: "\(host.namespace)\n")
    }

    func forgetHost(_ host: LabHost) throws {
        try Directory.removeFile("\(hostsPath)/\(host.name)")
    }

    var hosts: [LabHost] {
        ((try? Directory.list(hostsPath)) ?? []).compactMap { name in
            guard let text = try? TextFile.read("\(hostsPath)/\(name)", limit: 512) else { return nil }
            return LabHost(name: name, namespace: String(text.prefix { $0 != "\n" }))
        }
    }

    func noteProcess(_ process: RunningProcess) throws {
        try TextFile.replace("\(processesPath)/\(process.pid)", with: process.text)
    }

    func forgetProcess(_ pid: Int32) throws {
        try Directory.removeFile("\(processesPath)/\(pid)")
    }

    var processes: [RunningProcess] {
        ((try? Directory.list(processesPath)) ?? []).compactMap { name in
            (try? TextFile.read("\(processesPath)/\(name)", limit: 256)).flatMap { RunningProcess($0) }
        }
    }

    /// The names of all labs that left a directory.
    static var labs: [String] { ((try? Directory.list(root)) ?? []).filter { !$0.hasPrefix(".") } }

    /// For claiming a name and for taking away what others left: two at once would take away each other's.
    ///
    /// - Throws: ``FileLockError`` where another process keeps it for 30 s.
    static func locked<Result>(_ body: () throws -> Result) throws -> Result {
        try Directory.create(root)
        let lock = try FileLock.acquire(path: "\(root)/.lock", waitMilliseconds: 30_000)
        let result = try body()
        _ = consume lock
        return result
    }

    /// Deletes the lab's directory. The common one stays: another lab may be about to use it.
    func remove() throws {
        if exists { try FileManager.default.removeItem(atPath: path) }
    }
}
