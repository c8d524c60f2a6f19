// A lab that is up: its hosts, its files and its agents, all gone again after `down()` whatever happened before.

internal import LinuxSystem
public import Net
internal import Rtnetlink
internal import Synchronization

/// A network of virtual hosts that is up; safe to use from any thread.
///
/// A lab that nobody has taken down when the last reference goes takes itself down.
public final class Lab: Sendable {
    /// The lab's name.
    public let name: String
    /// Looked at by every wait in the lab.
    public let interruption: Interruption
    /// Requested when the lab goes down: traffic that somebody forgot ends with it.
    let end = Interruption()
    /// Counts the packets that nodes hand to the router; nil where the specification wants none.
    public let sniffer: PacketSniffer?
    let directory: LabDirectory
    let binary: String?
    let state: Mutex<State>
    private static let nextNumber = Atomic<Int>(1)

    struct State {
        var specification: LabSpecification
        var agents: [String: ChildProcess] = [:]
        var programs: [ChildProcess] = []
        var isDown = false
    }

    /// A name that no other lab on this host has.
    public static func uniqueName(_ stem: String = "t") -> String {
        let number = nextNumber.wrappingAdd(1, ordering: .relaxed).oldValue
        return "\(stem)\(Host.processID)x\(number)"
    }

    /// Builds the network and writes the cluster's resources; no agent runs yet.
    ///
    /// What a crashed lab of the same name left is taken away first.
    ///
    /// - Parameters:
    ///   - agentBinary: the `poplin` program for ``startAgent(on:)``; nil looks for one, see ``findAgentBinary()``.
    /// - Throws: ``LabError``, or what the kernel refused; nothing is left behind then.
    public static func up(
        _ specification: LabSpecification, agentBinary: String? = nil, interruption: Interruption = Interruption()
    ) throws -> Lab {
        try specification.validate()
        try checkPermissions()
        let directory = LabDirectory(lab: specification.name)
        try LabDirectory.locked { try claim(directory) }
        let builder = NetworkBuilder(directory: directory, specification: specification)
        do {
            try builder.makeRouter()
            for node in specification.nodes {
                try interruption.check()
                try builder.makeNode(node)
            }
            try directory.write(specification.pools.map { LabResource.pool($0) })
            for node in specification.nodes { try write(node, directory) }
            let ports = specification.nodes.map { NetworkBuilder.port($0.name) }
            let sniffer = specification.hasSniffer ? try PacketSniffer(on: builder.router, devices: ports) : nil
            let lab = Lab(specification, directory, agentBinary ?? findAgentBinary(), sniffer, interruption)
            if specification.routerKnowsBlocks { try lab.teachRouterBlocks() }
            return lab
        } catch {
            _ = Leftovers.remove(directory)
            throw error
        }
    }

    private init(
        _ specification: LabSpecification, _ directory: LabDirectory, _ binary: String?, _ sniffer: PacketSniffer?,
        _ interruption: Interruption
    ) {
        name = specification.name
        self.directory = directory
        self.binary = binary
        self.sniffer = sniffer
        self.interruption = interruption
        state = Mutex(State(specification: specification))
    }

    deinit {
        down()
    }

    /// Builds a lab, runs a body with it and takes it down on every way out.
    public static func with<Result>(
        _ specification: LabSpecification, agentBinary: String? = nil, interruption: Interruption = Interruption(),
        _ body: (Lab) throws -> Result
    ) throws -> Result {
        let lab = try up(specification, agentBinary: agentBinary, interruption: interruption)
        defer { lab.down() }
        return try body(lab)
    }

    /// Ends the agents, deletes the hosts and the files. A second call does nothing.
    ///
    /// - Returns: what could not be taken away, one line each; normally empty.
    @discardableResult
    public func down() -> [String] {
        let processes: [ChildProcess]? = state.withLock { state in
            if state.isDown { return nil }
            state.isDown = true
            defer { (state.agents, state.programs) = ([:], []) }
            return Array(state.agents.values) + state.programs
        }
        guard let processes else { return [] }
        end.request()
        sniffer?.stop()
        for process in processes { try? process.terminate() }
        for process in processes where ((try? process.wait(timeoutMilliseconds: 1500)) ?? nil) == nil {
            try? process.terminate(Signals.kill)
            _ = try? process.wait(timeoutMilliseconds: 2000)
        }
        return Leftovers.remove(directory)
    }

    /// Leaves the lab and its agents running after this process; ``AttachedLab`` finds it again.
    public func detach() throws {
        try directory.setOwner(.detached)
        state.withLock { state in
            for process in Array(state.agents.values) + state.programs { process.release() }
            (state.agents, state.programs) = ([:], [])
            state.isDown = true
        }
        end.request()
        sniffer?.stop()
    }

    /// Takes away the labs whose process ended without doing so.
    ///
    /// - Returns: what could not be taken away, one line each.
    @discardableResult
    public static func removeAbandoned() -> [String] { Leftovers.removeAbandoned() }

    /// - Throws: ``LabError/notPermitted(_:)`` where this process cannot make labs.
    public static func checkPermissions() throws(LabError) {
        for (capability, name) in [
            (Host.Capability.sysAdmin, "CAP_SYS_ADMIN"), (.netAdmin, "CAP_NET_ADMIN"), (.netRaw, "CAP_NET_RAW"),
        ] where !Host.hasCapability(capability) {
            throw .notPermitted("\(name) is missing; run it with sudo")
        }
    }

    /// Makes the lab's directory, which is also the claim on its name.
    private static func claim(_ directory: LabDirectory) throws {
        switch directory.owner {
        case .detached:
            throw LabError.inUse(name: directory.lab, advice: "poplin lab down takes it away")
        case .process(let process) where process.isRunning:
            throw LabError.inUse(name: directory.lab, advice: "process \(process.pid) has it")
        case .process, nil:
            if directory.exists {
                let problems = Leftovers.remove(directory)
                if let problem = problems.first { throw LabError.inUse(name: directory.lab, advice: problem) }
            }
        }
        guard let current = RunningProcess.current else { throw LabError.notPermitted("/proc is not mounted") }
        try directory.create(owner: .process(current))
    }

    static func write(_ node: NodeSpecification, _ directory: LabDirectory) throws {
        try Directory.create(directory.run(node.name))
        try TextFile.replace(directory.config(node.name), with: node.config(directory))
        try directory.write(node.resources)
    }

    // MARK: - Hosts

    /// The specification as it is now, after changes.
    public var specification: LabSpecification { state.withLock { $0.specification } }

    var builder: NetworkBuilder { NetworkBuilder(directory: directory, specification: specification) }

    /// A host by its name.
    ///
    /// - Throws: ``LabError/invalid(_:)`` where there is none.
    public func host(_ name: String) throws(LabError) -> LabHost {
        guard let host = hosts.first(where: { $0.name == name }) else {
            throw .invalid("there is no host \(name); there are \(hosts.map(\.name).joined(separator: ", "))")
        }
        return host
    }

    /// All hosts: the router, then each node with its workloads.
    public var hosts: [LabHost] {
        let specification = specification
        let builder = NetworkBuilder(directory: directory, specification: specification)
        return [builder.router]
            + specification.nodes.flatMap { node in
                [builder.host(node.name)] + node.workloads.map { builder.host($0.name) }
            }
    }

    /// The router.
    public var router: LabHost { builder.router }

    /// A node's part of the specification.
    public func node(_ name: String) throws(LabError) -> NodeSpecification {
        guard let node = specification.nodes.first(where: { $0.name == name }) else {
            throw .invalid("there is no node \(name)")
        }
        return node
    }

    /// The address of a workload, or a node's underlay address.
    public func address(of host: String) throws(LabError) -> IPv4Address {
        for node in specification.nodes {
            if node.name == host { return node.address.address }
            if let workload = node.workloads.first(where: { $0.name == host }) { return workload.address }
        }
        throw .invalid("there is no host \(host) with an address")
    }

    /// The path of a node's config.
    public func configPath(_ node: String) -> String { directory.config(node) }
    /// The path of the file with what a node's agent wrote.
    public func logPath(_ node: String) -> String { directory.log(node) }
    /// A node's run directory, with the status socket.
    public func runDirectory(_ node: String) -> String { directory.run(node) }
    /// The directory with the cluster's resources.
    public var clusterDirectory: String { directory.cluster }
    /// Where the lab keeps all its files.
    public var path: String { directory.path }
}
