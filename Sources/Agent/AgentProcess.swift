// The daemon from its start to its end: config, tier, lock, and then the control loop.

internal import Dataplane
internal import Datastore
internal import LinuxSystem
public import Logging
internal import Net
internal import Overlay
internal import Rtnetlink

/// `poplin agent`.
public enum AgentProcess {
    private static let handled = [Signals.terminate, Signals.interrupt, Signals.hangup]
    /// What one tier or another needs: the latter two are for programs.
    private static let everyTier: Capabilities.Mask = [.netAdmin, .netRaw, .bpf, .perfmon]
    /// How often the host is read at the start before it is given up, and the milliseconds in between.
    private static let firstReads = 5
    private static let firstReadPause: UInt32 = 40

    /// Runs the agent until it is told to end.
    ///
    /// - Parameters:
    ///   - once: reconcile once and return; only for tiers that need no process.
    ///   - takesOver: where an agent runs, go on in its place without losing a packet.
    ///   - adopts: replace what other overlay software left in the pools.
    /// - Throws: an error whose description is one line for a person.
    public static func run(
        configPath: String, environment: [String: String], once: Bool, takesOver: Bool, adopts: Bool, log: Logger
    ) throws {
        // Before anything is read, so that no file can make this process do what it has no right for any more.
        try Capabilities.reduce(to: everyTier.union(.setPCap))
        Memory.mapAllocations(from: 1 << 19)
        // Before any thread is started, so that all inherit the mask and only the descriptor sees the signals.
        // Nor may a log reader that went away end the process.
        try SignalFD.block(handled + [Signals.pipe])
        let signals = try SignalFD(handled)
        let configFile = ConfigFile(path: configPath, environment: environment)
        let config = try configFile.load()
        // Before any device is made: the name of a TUN can keep the ipip driver out.
        let choice = try TierChoice.choose(config.tier, device: config.tunnelDevice, by: .trying)
        // CAP_SETPCAP went with them until now, so that the bounding set can shrink once more.
        try Capabilities.reduce(to: choice.tier == .bpf ? everyTier : [.netAdmin, .netRaw])
        if once && choice.tier == .userspace {
            throw AgentError(
                "--once needs the kernel or the bpf tier: in the userspace tier the agent itself carries the packets")
        }
        var netlink = try NetlinkSocket()
        let local = try config.localNode(facts: try firstFacts(&netlink, config), tier: choice.tier)
        try Directory.create(config.runDirectory)
        let tunnel = try makeTunnel(choice.tier, config, local)
        var reconciler = try Reconciler(
            local: local, tier: choice, tunnel: tunnel,
            settings: HostSettings(runDirectory: config.runDirectory), adopts: adopts, log: log)
        var datastore = FileDatastore(directory: config.datastoreDirectory)
        let takeover = takesOver ? try prepareTakeover(config, &reconciler, &datastore) : nil
        let seat =
            switch takeover {
            case .some(let takeover): try takeover.take(tunnel, config, tier: choice.tier)
            case .none: try AgentSeat.acquire(config)
            }
        log.info(
            "node \(local.name), address \(local.address), tier \(choice.tier.rawValue) (\(choice.reason))")
        if once {
            let ways = try OuterWays(choice.tier, config.express, log: log)
            return try reconcileOnce(&reconciler, &datastore, ways, seat)
        }
        var loop = try ControlLoop(
            configFile: configFile, config: config, datastore: datastore, reconciler: reconciler, signals: signals,
            seat: seat, log: log)
        if let takeover {
            guard try loop.walkFirst() else { throw AgentError("nothing was taken over: the log says what failed") }
            try takeover.confirm()
            log.info("taken over from the running agent")
        }
        try loop.run()
    }

    private static func makeTunnel(_ tier: Tier, _ config: NodeConfig, _ local: LocalNode) throws -> any Tunnel {
        switch tier {
        case .kernel: try KernelTunnel(parameters: local.tunnelParameters ?? IPIPParameters())
        case .userspace: try UserspaceTunnel(settings: config.tunnelSettings(localAddress: local.address.address))
        case .bpf: try BPFTunnel(settings: config.tunnelSettings(localAddress: local.address.address))
        }
    }

    /// Walks once, and leaves the packets to the kernel.
    ///
    /// - Throws: what keeps the node from being ready, in one line.
    private static func reconcileOnce(
        _ reconciler: inout Reconciler, _ datastore: inout FileDatastore, _ ways: consuming OuterWays,
        _ seat: borrowing AgentSeat
    ) throws {
        reconciler.take(datastore.load())
        reconciler.walk()
        ways.hostWasRead()
        try ways.walkIfDue(reconciler)
        seat.leave()
        let obstacles = StatusReport.obstacles(reconciler) + ways.needingAgent(reconciler)
        guard obstacles.isEmpty else { throw AgentError("not settled: \(obstacles.joined(separator: "; "))") }
    }

    /// The host as it is at the start. What keeps it from being read for a moment is no reason to end.
    private static func firstFacts(
        _ netlink: inout NetlinkSocket, _ config: NodeConfig
    ) throws(NetlinkError) -> HostFacts {
        for _ in 1..<firstReads {
            if let view = try? HostReader.read(&netlink, device: config.tunnelDevice) { return view.facts }
            Monotonic.sleep(milliseconds: firstReadPause)
        }
        return try HostReader.read(&netlink, device: config.tunnelDevice).facts
    }

    /// Does all that takes time before the running agent stops: reading, deciding, making the table of peers.
    private static func prepareTakeover(
        _ config: NodeConfig, _ reconciler: inout Reconciler, _ datastore: inout FileDatastore
    ) throws -> Takeover? {
        reconciler.take(datastore.load())
        try reconciler.prepare()
        guard let takeover = try Takeover.begin(config) else { return nil }
        guard reconciler.knowsDatastore else {
            throw AgentError(
                "nothing was taken over: the datastore is not completely known, and the running agent may know more")
        }
        return takeover
    }
}

/// Why the agent, or a command that looks at the host, cannot go on.
public struct AgentError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
