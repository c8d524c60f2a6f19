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
    /// How long a second agent waits for the first to go.
    private static let lockPatienceMilliseconds: Int32 = 2000

    private static let handled = [Signals.terminate, Signals.interrupt, Signals.hangup]

    /// Runs the agent until it is told to end.
    ///
    /// - Parameter once: reconcile once and return; only for tiers that need no process.
    /// - Throws: an error whose description is one line for a person.
    public static func run(configPath: String, environment: [String: String], once: Bool, log: Logger) throws {
        Memory.mapAllocations(from: 1 << 19)
        // Before any thread is started, so that all inherit the mask and only the descriptor sees the signals.
        // Nor may a log reader that went away end the process.
        try SignalFD.block(handled + [Signals.pipe])
        let signals = try SignalFD(handled)
        let configFile = ConfigFile(path: configPath, environment: environment)
        let config = try configFile.load()
        let choice = try TierChoice.choose(config.tier)
        if once && choice.tier == .userspace {
            throw AgentError(
                "--once needs the kernel or the bpf tier: in the userspace tier the agent itself carries the packets")
        }
        var netlink = try NetlinkSocket()
        let local = try config.localNode(facts: try HostReader.read(&netlink, device: config.tunnelDevice).facts)
        try Directory.create(config.runDirectory)
        let lock = try FileLock.acquire(
            path: config.lockPath, waitMilliseconds: lockPatienceMilliseconds)
        let namespaceLock = try NamespaceLock.acquire(waitMilliseconds: lockPatienceMilliseconds)
        log.info(
            "node \(local.name), address \(local.address), tier \(choice.tier.rawValue) (\(choice.reason))")
        let tunnel = try UserspaceTunnel(settings: config.tunnelSettings(localAddress: local.address.address))
        let reconciler = try Reconciler(
            local: local, tier: choice, tunnel: tunnel,
            settings: HostSettings(runDirectory: config.runDirectory), log: log)
        var loop = try ControlLoop(
            configFile: configFile, config: config, reconciler: reconciler, signals: signals, log: log)
        try loop.run()
        _ = consume namespaceLock
        _ = consume lock
    }
}

/// Why the agent, or a command that looks at the host, cannot go on.
public struct AgentError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
