// The four hops, walked whole each time: read the inputs, decide, plan, apply. Why it is walked does not matter.

internal import Dataplane
internal import Datastore
internal import LinuxSystem
internal import Logging
internal import Net
internal import Overlay
internal import Packet
internal import Rtnetlink

/// Owns all that is known of the cluster and of this host, and makes the one agree with the other.
struct Reconciler: ~Copyable {
    /// The values of the latest walk, for whoever wants to show them.
    struct Outcome {
        var local: LocalNode
        var topology: Topology
        /// Without the routes, which only the plan needs.
        var view: HostView
        var warnings: [Warning]
        /// What the walk would still change, failures and waiting retries included.
        var remaining: Plan
        var adopting: Set<Predecessor>
        var finished: UInt64

        /// What the walk decided. Decided once more rather than kept: at 65,536 blocks it is 7 MB, and seldom asked for.
        func decideAgain() -> DesiredState {
            DesiredState(local: local, topology: topology, facts: view.facts, adopting: adopting)
        }
    }

    /// An application can meet changes of its own making (a device that brings addresses, say): a few rounds settle it.
    private static let rounds = 4
    /// Steps, failures or warnings of one round that are logged each; of more the log only says how many.
    private static let loggedLines = 20
    /// From this many blocks on, what a walk has freed is worth giving back to the kernel.
    private static let largeTable = 4096

    let tier: TierChoice
    let tunnel: any Tunnel
    private let log: Logger
    private var writer: PlanWriter
    private var netlink: NetlinkSocket
    private(set) var local: LocalNode
    private(set) var topology = Topology(ClusterState())
    private var snapshot: Snapshot?
    private var backoff = Backoff()
    private var adoption: AdoptionWatch
    private(set) var paths: PathMonitor
    private(set) var outcome: Outcome?
    /// Why the kernel could not be read or written; nil where it could.
    private(set) var readFailure: String?
    /// Whether programs of a former agent of the bpf tier may still hang on devices that are not ours.
    private var mayHavePrograms: Bool
    private var removalProblem: String?
    /// Whether the last walk ended with something left that it could have done.
    private(set) var isUnsettled = false

    /// A reconciler in the network namespace of the calling thread.
    ///
    /// - Parameter adopts: whether routes of predecessors are taken over.
    init(
        local: LocalNode, tier: TierChoice, tunnel: any Tunnel, settings: HostSettings, adopts: Bool, log: Logger
    ) throws {
        let netlink = try NetlinkSocket()
        let paths = try PathMonitor(localAddress: local.address.address)
        self.local = local
        self.tier = tier
        self.tunnel = tunnel
        self.log = log
        self.netlink = netlink
        self.paths = paths
        adoption = AdoptionWatch(isOn: adopts)
        mayHavePrograms = tier.tier != .bpf
        writer = PlanWriter(device: local.tunnelDevice, tunnel: tunnel, settings: settings)
    }

    /// The port by which the kernel names our own changes.
    var portID: UInt32 { netlink.portID }
    /// The same, of our changes of the packet filter.
    var filterPortID: UInt32 { writer.filter.portID }

    /// The datastore's notes and errors.
    var datastoreErrors: [SourceError] { snapshot?.errors ?? [] }
    var datastoreNotes: [String] { snapshot?.notes ?? [] }
    var knowsDatastore: Bool { snapshot?.isComplete ?? false }
    var isDatastoreInSync: Bool { snapshot?.inSync ?? false }
    /// Warnings about the agent's own work.
    var notices: [StatusReport.Notice] {
        let active = adoption.messages(now: Monotonic.now).map {
            StatusReport.Notice(code: "predecessorActive", message: $0)
        }
        guard let snapshot, !snapshot.isComplete else { return active }
        return active + [
            StatusReport.Notice(
                code: "removalsOnHold",
                message: "the datastore is not completely known: nothing is removed until every file can be read")
        ]
    }
    /// What failed and waits for another try.
    var failures: [String] { backoff.messages }
    /// When a walk is due by itself (nanoseconds, monotonic): for a failed object, a path MTU that has aged, or a
    /// predecessor that may have been stopped.
    var nextRetry: UInt64? {
        [backoff.nextDue, paths.table.nextExpiry, adoption.nextDue(now: Monotonic.now)].compactMap { $0 }.min()
    }

    /// Takes what the underlay says about outer packets; true where that is a reason to walk.
    mutating func hearPaths() -> Bool {
        let source = outcome?.view.observed.deviceAddresses.first ?? local.address
        let tunnel = tunnel
        let device = outcome?.view.observed.device?.ipip
        return paths.hear(
            peers: tunnel.peers ?? [], source: source.address,
            // The driver's own device inherits whatever the config says.
            inheritsTimeToLive: device.map { $0.timeToLive == 0 } ?? local.inheritsTimeToLive
        ) { tunnel.counters().received(from: $0) }
    }

    /// Takes what the tier says unasked; true where that is a reason to walk.
    mutating func takeNotices() -> Bool {
        var isReason = false
        for notice in tunnel.takeNotices() {
            switch notice {
            case .stopped: isReason = true
            case .tooBig(let peer): if paths.ask(&netlink, about: peer) { isReason = true }
            }
        }
        return isReason
    }

    /// Takes the live part of a changed config.
    mutating func configure(ipipMode: IPIPMode?, tunnelMTU: Int?) {
        local.ipipMode = ipipMode
        local.tunnelMTU = tunnelMTU
    }

    /// Takes a new snapshot of the cluster.
    mutating func take(_ snapshot: Snapshot) {
        let known = Set(datastoreErrors)
        for error in snapshot.errors where !known.contains(error) { log.error("\(error)") }
        if snapshot.state != self.snapshot?.state { topology = Topology(snapshot.state) }
        self.snapshot = snapshot
    }

    /// Tells the tier all that it must know to carry the next packet, and changes nothing else.
    mutating func prepare() throws {
        let view = try HostReader.read(&netlink, device: local.tunnelDevice)
        tunnel.observe(view.observed.device)
        try tunnel.setPeers(DesiredState(local: local, topology: topology, facts: view.facts).peers)
    }

    /// Walks from the inputs to the kernel until nothing is left to do now.
    mutating func walk() {
        isUnsettled = false
        defer { if topology.blocks.count >= Reconciler.largeTable { Memory.returnFreed() } }
        for _ in 0..<Reconciler.rounds {
            do throws(NetlinkError) {
                if try walkOnce() { return removePrograms() }
            } catch {
                if readFailure != error.description { log.error("the kernel could not be read or written: \(error)") }
                readFailure = error.description
                return
            }
        }
        isUnsettled = true
    }

    /// Takes away the programs that another tier has left, as soon as this one carries for everybody.
    private mutating func removePrograms() {
        guard mayHavePrograms, knowsDatastore, tunnel.isCarried, backoff.isEmpty else { return }
        do {
            let filters = try TunnelFilters.list(&netlink)
            // A device whose carrier has just come drops what no program takes, until the kernel has looked at it.
            guard try filters.isEmpty || netlink.link(named: local.tunnelDevice)?.isRunning == true else {
                isUnsettled = true
                return
            }
            for filter in filters {
                try TunnelFilters.remove(filter)
                log.info("- program \(filter.name) of the bpf tier, device \(filter.link)")
            }
            (mayHavePrograms, removalProblem) = (false, nil)
        } catch {
            if removalProblem != "\(error)" { log.error("a program of the bpf tier cannot be removed: \(error)") }
            removalProblem = "\(error)"
            isUnsettled = true
        }
    }

    /// One round; true where nothing was left to do.
    private mutating func walkOnce() throws(NetlinkError) -> Bool {
        var view = try HostReader.read(&netlink, device: local.tunnelDevice)
        tunnel.observe(view.observed.device)
        paths.prepare(peers: tunnel.peers ?? [])
        view.facts.pathMTUs = paths.table.mtus
        view.take(try writer.filter.observe())
        let (desired, adopting) = decide(view.facts)
        view.observed.isCarried = tunnel.isCarried
        view.observed.peers = tunnel.peers
        view.observed.settings = HostSettings.observe(desired.settings)
        announce(desired.warnings)
        // A cause may be gone with any change of the host: an address that came late, a link that is up again.
        if let outcome, outcome.view.facts != view.facts { backoff.retryNow() }
        let plan = Plan(desired: desired, observed: view.observed, mayRemove: snapshot?.isComplete ?? false)
        view.observed.routes = []
        let now = Monotonic.now
        outcome = Outcome(
            local: local, topology: topology, view: view, warnings: desired.warnings, remaining: plan,
            adopting: adopting, finished: now)
        if !backoff.isEmpty {
            let wanted = Set(plan.steps.lazy.map(\.object))
            backoff.keep { wanted.contains($0) }
        }
        let waiting = backoff
        var steps = waiting.isEmpty ? plan.steps : plan.steps.filter { !waiting.holdsBack($0.object, now: now) }
        let carries = steps.contains { if case .device(.carry) = $0 { true } else { false } }
        if !tunnel.isCarried && !carries { steps.removeAll(where: \.needsCarriedDevice) }
        if !steps.isEmpty { try apply(steps, names: view.deviceNames) }
        readFailure = nil
        return steps.isEmpty
    }

    /// Decides, and who is taken over: nobody before the first complete snapshot, for until then nothing is taken away.
    private mutating func decide(_ facts: HostFacts) -> (desired: DesiredState, adopting: Set<Predecessor>) {
        let now = Monotonic.now
        while true {
            let adopting = knowsDatastore ? adoption.adopting(now: now) : []
            let desired = DesiredState(local: local, topology: topology, facts: facts, adopting: adopting)
            let (hasReturned, news) = adoption.look(at: desired.leftovers, now: now)
            for message in news { log.warning("\(message)") }
            if !hasReturned { return (desired, adopting) }
        }
    }

    private mutating func apply(_ steps: [Step], names: [Int32: String]) throws(NetlinkError) {
        if steps.count <= Reconciler.loggedLines {
            for step in steps {
                log.info("\(StepText(step, device: local.tunnelDevice, names: names))")
            }
        } else {
            log.info("\(steps.count) changes")
        }
        let failures = try writer.apply(steps, through: &netlink)
        let now = Monotonic.now
        let failed = Set(failures.map(\.object))
        adoption.took(steps.lazy.filter { !failed.contains($0.object) })
        let news = failures.filter { backoff.failed($0.object, message: $0.message, now: now) }
        for failure in news.prefix(Reconciler.loggedLines) { log.error("\(failure.object): \(failure.message)") }
        if news.count > Reconciler.loggedLines {
            log.error("\(news.count - Reconciler.loggedLines) further failures; `poplin status` has them")
        }
    }

    private mutating func announce(_ warnings: [Warning]) {
        let known = Set(outcome?.warnings ?? [])
        let news = warnings.filter { !known.contains($0) }
        for warning in news.prefix(Reconciler.loggedLines) { log.warning("\(warning)") }
        if news.count > Reconciler.loggedLines {
            log.warning("\(news.count - Reconciler.loggedLines) further warnings; `poplin status` has them")
        }
    }
}
