// A cluster with all that a walk knows of it, and a kernel in which nothing is left to do.

private import Net
public import Overlay

/// What a walk on the first node of a cluster starts from, and its steps one by one.
public struct SettledCluster: Sendable {
    /// The cluster.
    public let cluster: SyntheticCluster
    /// What should be true on its first node.
    public let desired: DesiredState
    private let facts: HostFacts
    private let topology: Topology
    private let settled: Observed

    /// Decides everything once, and makes the kernel that is as it should be.
    public init(_ cluster: SyntheticCluster) throws {
        let facts = cluster.facts
        let topology = Topology(cluster.state)
        let desired = DesiredState(local: cluster.local, topology: topology, facts: facts)
        var settled = Observed(device: facts.links.last, isCarried: true, peers: desired.peers, routes: desired.routes)
        settled.deviceAddresses = [IPv4InterfaceAddress(address: cluster.local.address.address, prefixLength: 32)]
        for setting in desired.settings {
            for input in setting.inputs { settled.settings[input] = setting.value }
        }
        self.cluster = cluster
        self.desired = desired
        self.facts = facts
        self.topology = topology
        self.settled = settled
        // Routes are what is measured: all blocks but the few of this node.
        let (new, left) = (planFromNothing(), planAtRest())
        guard new.steps.count > cluster.state.blocks.count * 9 / 10, left.isEmpty else {
            throw BenchmarkFailure("\(new.steps.count) steps from nothing, at rest \(left.steps.prefix(3))")
        }
    }

    /// The cluster, settled and indexed.
    public func index() -> Topology { Topology(cluster.state) }

    /// A decision for each block.
    public func decide() -> DesiredState {
        DesiredState(local: cluster.local, topology: topology, facts: facts)
    }

    /// All steps, where nothing is there.
    public func planFromNothing() -> Plan { Plan(desired: desired, observed: Observed(), mayRemove: true) }

    /// No step, where all is there.
    public func planAtRest() -> Plan { Plan(desired: desired, observed: settled, mayRemove: true) }

    /// A walk's thinking after a change of the datastore: topology, verdicts and plan, where nothing is there.
    public func walkFromNothing() -> Plan {
        let desired = DesiredState(local: cluster.local, topology: Topology(cluster.state), facts: facts)
        return Plan(desired: desired, observed: Observed(), mayRemove: true)
    }

    /// A walk's thinking where all is as it should be: verdicts and plan.
    public func walkAtRest() -> Plan { Plan(desired: decide(), observed: settled, mayRemove: true) }
}
