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
    /// - Parameter adopts: whether routes of predecessors would be taken over.
    /// - Throws: an error whose description is one line for a person.
    public init(configPath: String, environment: [String: String], adopts: Bool = false) throws {
        let config = try ConfigFile(path: configPath, environment: environment).load()
        var netlink = try NetlinkSocket()
        let facts = try HostReader.read(&netlink, device: config.tunnelDevice).facts
        let status = try StatusClient.ask(config.statusSocketPath)
        (tier, tierProblem) = Survey.chooseTier(config, status)
        let local = try config.localNode(facts: facts, tier: tier?.tier)
        var datastore = FileDatastore(directory: config.datastoreDirectory)
        let snapshot = datastore.load()
        var view = try HostReader.read(&netlink, device: local.tunnelDevice)
        // What ICMP has told of the paths, only the agent knows.
        view.facts.pathMTUs = status?.pathMTUs ?? [:]
        let topology = Topology(snapshot.state)
        var filter = FilterTable()
        let mayLook = view.take(try filter.observe())
        let desired = DesiredState(
            local: local, topology: topology, facts: view.facts,
            adopting: adopts && snapshot.isComplete ? Set(Predecessor.allCases) : [])
        view.observed.settings = HostSettings.observe(desired.settings)
        // Who may not look takes it as it should be.
        if !mayLook { view.observed.filter = desired.filter }
        // Whether packets are carried, and for whom, only the agent that carries them can tell; the kernel's driver and
        // programs need none.
        let isKernels = try Survey.carriesWithoutAgent(tier?.tier, view.observed.device, &netlink)
        view.observed.isCarried = status?.tunnel.isCarried ?? isKernels
        let areInForce =
            status.map { $0.tunnel.peersInForce == TunnelPeer.fingerprint(desired.peers) }
            ?? (tier?.tier == .kernel || tier?.tier == .bpf && isKernels)
        view.observed.peers = areInForce ? desired.peers : nil
        self.config = config
        self.local = local
        self.topology = topology
        self.desired = desired
        self.status = status
        self.facts = view.facts
        observed = view.observed
        plan = Plan(desired: desired, observed: view.observed, mayRemove: snapshot.isComplete)
        notes = snapshot.notes
        problems = snapshot.errors.map { "\($0)" }
    }

    /// A running agent has chosen; without one only a look is taken, which loads no module.
    private static func chooseTier(_ config: NodeConfig, _ status: StatusReport?) -> (TierChoice?, problem: String?) {
        if let choice = status?.tierChoice { return (choice, nil) }
        do throws(TierUnavailable) {
            return (try TierChoice.choose(config.tier, device: config.tunnelDevice, by: .looking), nil)
        } catch {
            return (nil, error.message)
        }
    }

    /// Whether the kernel carries the device's packets by itself.
    private static func carriesWithoutAgent(
        _ tier: Tier?, _ device: Link?, _ netlink: inout NetlinkSocket
    ) throws(NetlinkError) -> Bool {
        guard let device else { return false }
        return switch tier {
        case .kernel: device.kind == KernelTunnel.linkKind
        case .bpf: try netlink.trafficFilters(link: device.index, side: .egress).contains(where: TunnelFilters.isOurs)
        case .userspace, nil: false
        }
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
        return (plan.steps + plan.later).map { StepText($0, device: local.tunnelDevice, names: names) }
    }
}

extension StatusReport {
    /// What the agent chose; nil for a tier that this version does not know.
    fileprivate var tierChoice: TierChoice? {
        Tier(rawValue: tier).map { TierChoice(tier: $0, reason: tierReason) }
    }

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
