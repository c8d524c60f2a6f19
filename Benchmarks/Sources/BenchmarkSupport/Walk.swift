// The agent's walk without an agent: the same functions in the same order, on the calling thread's namespace.

public import Dataplane
private import LinuxSystem
public import Overlay
public import Rtnetlink

/// Walks for one cluster.
public struct Walk: ~Copyable {
    public let local: LocalNode
    public var topology: Topology
    public let tunnel: IdleTunnel
    private var writer: PlanWriter
    public var netlink: NetlinkSocket

    /// A walk in the calling thread's namespace.
    public init(_ cluster: SyntheticCluster, host: BenchmarkHost) throws {
        let tunnel = try IdleTunnel()
        let netlink = try NetlinkSocket()
        local = cluster.local
        topology = Topology(cluster.state)
        writer = PlanWriter(
            device: cluster.local.tunnelDevice, tunnel: tunnel, settings: HostSettings(runDirectory: host.directory))
        self.tunnel = tunnel
        self.netlink = netlink
    }

    /// Reads the kernel.
    public mutating func read() throws -> HostView {
        var view = try HostReader.read(&netlink, device: local.tunnelDevice)
        view.observed.isCarried = tunnel.isCarried
        view.observed.peers = tunnel.peers
        return view
    }

    /// Compares.
    public func plan(_ view: HostView) -> Plan {
        let desired = DesiredState(local: local, topology: topology, facts: view.facts)
        var observed = view.observed
        observed.settings = HostSettings.observe(desired.settings)
        return Plan(desired: desired, observed: observed, mayRemove: true)
    }

    /// Carries steps out.
    public mutating func apply(_ steps: [Step]) throws {
        let failures = try writer.apply(steps, through: &netlink)
        if let first = failures.first {
            throw BenchmarkFailure("\(failures.count) steps failed, the first: \(first.object): \(first.message)")
        }
    }

    /// Walks until nothing is left to do.
    public mutating func settle() throws {
        for _ in 0..<4 {
            let plan = plan(try read())
            if plan.isEmpty { return }
            try apply(plan.steps)
        }
        throw BenchmarkFailure("the kernel does not come to rest: \(plan(try read()).steps.prefix(3))")
    }
}

/// A host whose kernel holds all of a cluster's routes. For one thread at a time.
public final class InstalledRoutes: @unchecked Sendable {
    private let host: BenchmarkHost
    /// Its sockets stay in the host's namespace, whatever thread uses them.
    public var walk: Walk

    /// Makes the host and installs the routes.
    public init(_ cluster: SyntheticCluster) throws {
        let host = try BenchmarkHost("routes", of: cluster)
        self.host = host
        walk = try host.run { try InstalledWalk(cluster, host) }.take()
    }
}

/// Carries the walk from the namespace's thread to the caller.
private final class InstalledWalk: @unchecked Sendable {
    private var walk: Walk?

    init(_ cluster: SyntheticCluster, _ host: BenchmarkHost) throws {
        var walk = try Walk(cluster, host: host)
        try walk.settle()
        self.walk = consume walk
    }

    func take() throws -> Walk {
        guard let walk = walk.take() else { throw BenchmarkFailure("the walk was taken already") }
        return walk
    }
}
