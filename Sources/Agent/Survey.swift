// One look at config, datastore and kernel without changing anything: what `explain`, `plan` and `check` show,
// by the same code and the same values that the agent applies.

public import Dataplane
internal import Datastore
internal import LinuxSystem
public import Net
public import Overlay
internal import Rtnetlink

/// Everything that one walk of the agent would see, and what it would do.
public struct Survey: Sendable {
    public let config: NodeConfig
    public let local: LocalNode
    public let topology: Topology
    public let facts: HostFacts
    public let observed: Observed
    public let desired: DesiredState
    public let plan: Plan
    /// Which tier the agent uses, or would choose; nil where none is available.
    public let tier: TierChoice?
    /// Why there is no tier.
    public let tierProblem: String?
    /// The running agent's own report; nil where none runs.
    public let status: StatusReport?
    /// Notes and errors of the datastore, a line each.
    public let notes: [String]
    public let problems: [String]

    /// Looks.
    ///
    /// - Throws: an error whose description is one line for a person.
    public init(configPath: String, environment: [String: String]) throws {
        let config = try ConfigFile(path: configPath, environment: environment).load()
        var netlink = try NetlinkSocket()
        let local = try config.localNode(facts: try HostReader.read(&netlink, device: config.tunnelDevice).facts)
        var datastore = FileDatastore(directory: config.datastoreDirectory)
        let snapshot = datastore.load()
        var view = try HostReader.read(&netlink, device: local.tunnelDevice)
        let status = try StatusClient.ask(config.statusSocketPath)
        // What ICMP has told of the paths, only the agent knows.
        view.facts.pathMTUs = status?.pathMTUs ?? [:]
        let topology = Topology(snapshot.state)
        let desired = DesiredState(local: local, topology: topology, facts: view.facts)
        view.observed.settings = HostSettings.observe(desired.settings)
        var filter = FilterTable()
        (view.observed.filter, view.observed.filterIsIntact) = try filter.observe() ?? (desired.filter, true)
        // Whether packets are carried, and for whom, only the agent that carries them can tell.
        view.observed.isCarried = status?.tunnel.isCarried ?? false
        let areInForce = status.map { $0.tunnel.peersInForce == TunnelPeer.fingerprint(desired.peers) } ?? false
        view.observed.peers = areInForce ? desired.peers : nil
        do throws(TierUnavailable) {
            tier = try TierChoice.choose(config.tier)
            tierProblem = nil
        } catch {
            tier = nil
            tierProblem = error.message
        }
        self.config = config
        self.local = local
        self.topology = topology
        self.desired = desired
        self.status = status
        facts = view.facts
        observed = view.observed
        plan = Plan(desired: desired, observed: view.observed, mayRemove: snapshot.isComplete)
        notes = snapshot.notes
        problems = snapshot.errors.map { "\($0)" }
    }

    /// Why packets for `address` go the way they go.
    public func explain(_ address: IPv4Address) -> Explanation {
        Explanation(
            of: address, local: local, topology: topology, facts: facts, desired: desired, observed: observed.routes,
            tier: status?.tier ?? tier?.tier.rawValue ?? "none")
    }

    /// The plan's steps as they are shown.
    public var steps: [StepText] {
        let names = Dictionary(facts.links.map { ($0.index, $0.name) }, uniquingKeysWith: { first, _ in first })
        return plan.steps.map { StepText($0, device: local.tunnelDevice, names: names) }
    }
}

extension StatusReport {
    /// The learnt path MTUs, as the facts have them.
    fileprivate var pathMTUs: [IPv4Address: UInt16] {
        var mtus: [IPv4Address: UInt16] = [:]
        for peer in peers {
            guard let mtu = peer.pathMTU, let address = IPv4InterfaceAddress(peer.address) else { continue }
            mtus[address.address] = UInt16(clamping: mtu)
        }
        return mtus
    }
}
