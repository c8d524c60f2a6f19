// The four hops, walked whole each time: read the inputs, decide, plan, apply. Why it is walked does not matter.

internal import Dataplane
internal import Datastore
internal import LinuxSystem
internal import Logging
internal import Net
internal import Overlay
internal import Rtnetlink

/// Owns all that is known of the cluster and of this host, and makes the one agree with the other.
struct Reconciler: ~Copyable {
    /// The values of the latest walk, for whoever wants to show them.
    struct Outcome {
        var local: LocalNode
        var desired: DesiredState
        var view: HostView
        /// What the walk would still change, failures and waiting retries included.
        var remaining: Plan
        var finished: UInt64
    }

    /// An application can meet changes of its own making (a device that brings addresses, say): a few rounds settle it.
    private static let rounds = 4

    let tier: TierChoice
    let tunnel: any Tunnel
    private let log: Logger
    private let writer: PlanWriter
    private var netlink: NetlinkSocket
    private(set) var local: LocalNode
    private(set) var topology = Topology(ClusterState())
    private var snapshot: Snapshot?
    private var backoff = Backoff()
    private(set) var outcome: Outcome?
    /// Why the kernel could not be read; nil where it could.
    private(set) var readFailure: String?

    /// A reconciler in the network namespace of the calling thread.
    init(
        local: LocalNode, tier: TierChoice, tunnel: any Tunnel, settings: HostSettings, log: Logger
    ) throws(NetlinkError) {
        self.local = local
        self.tier = tier
        self.tunnel = tunnel
        self.log = log
        writer = PlanWriter(device: local.tunnelDevice, tunnel: tunnel, settings: settings)
        netlink = try NetlinkSocket()
    }

    /// The port by which the kernel names our own changes.
    var portID: UInt32 { netlink.portID }

    /// The datastore's notes and errors.
    var datastoreErrors: [SourceError] { snapshot?.errors ?? [] }
    var datastoreNotes: [String] { snapshot?.notes ?? [] }
    var isDatastoreInSync: Bool { snapshot?.inSync ?? false }
    /// What failed and waits for another try.
    var failures: [String] { backoff.messages }
    /// When a failed object is due again (nanoseconds, monotonic).
    var nextRetry: UInt64? { backoff.nextDue }

    /// Takes the live part of a changed config.
    mutating func configure(ipipMode: IPIPMode?, tunnelMTU: Int?) {
        local.ipipMode = ipipMode
        local.tunnelMTU = tunnelMTU
    }

    /// Takes a new snapshot of the cluster.
    mutating func take(_ snapshot: Snapshot) {
        for error in snapshot.errors where !(self.snapshot?.errors.contains(error) ?? false) {
            log.error("\(error)")
        }
        if snapshot.state != self.snapshot?.state { topology = Topology(snapshot.state) }
        self.snapshot = snapshot
    }

    /// Walks from the inputs to the kernel until nothing is left to do now.
    mutating func walk() {
        for _ in 0..<Reconciler.rounds {
            var view: HostView
            do throws(NetlinkError) {
                view = try HostReader.read(
                    &netlink, device: local.tunnelDevice, underlayAddress: local.address.address)
                readFailure = nil
            } catch {
                if readFailure != error.description { log.error("the kernel's state could not be read: \(error)") }
                readFailure = error.description
                return
            }
            view.observed.isCarried = tunnel.isCarried
            view.observed.peers = tunnel.peers
            let desired = DesiredState(local: local, topology: topology, facts: view.facts)
            announce(desired.warnings)
            let plan = Plan(desired: desired, observed: view.observed, mayRemove: snapshot?.isComplete ?? false)
            let now = Monotonic.now
            outcome = Outcome(local: local, desired: desired, view: view, remaining: plan, finished: now)
            backoff.keep(only: Set(plan.steps.lazy.map(\.object)))
            guard plan.steps.contains(where: { !backoff.holdsBack($0.object, now: now) }) else { return }
            apply(plan, names: view.deviceNames, now: now)
        }
    }

    private mutating func apply(_ plan: Plan, names: [Int32: String], now: UInt64) {
        let waiting = backoff
        let steps = plan.steps.filter { !waiting.holdsBack($0.object, now: now) }
        if steps.count <= 20 {
            for step in steps {
                log.info("\(StepText(step, device: local.tunnelDevice, names: names))")
            }
        } else {
            log.info("\(steps.count) changes")
        }
        for failure in writer.apply(steps, through: &netlink) {
            if backoff.failed(failure.object, message: failure.message, now: now) {
                log.error("\(failure.object): \(failure.message)")
            }
        }
    }

    private mutating func announce(_ warnings: [Warning]) {
        let known = Set(outcome?.desired.warnings ?? [])
        for warning in warnings where !known.contains(warning) { log.warning("\(warning)") }
    }
}
