// The second, small walk: by which way outer packets leave, kept right while neighbours, traffic control and packet
// filters change. None of these is a reason for the whole walk, and some neighbours change twice a minute.

internal import Dataplane
internal import LinuxSystem
internal import Logging
internal import Net
internal import Overlay
internal import Packet
internal import Rtnetlink

/// Decides for the peers in force, and tells the tier where that changes something.
struct OuterWays: ~Copyable {
    /// Nanoseconds between two walks at least: so short that a lost neighbour is noticed before TCP gives up on it.
    private static let shortestPause: UInt64 = 50_000_000
    /// Nanoseconds before what failed is tried again: at first, and where it has failed again and again.
    private static let retryDelay: (first: UInt64, longest: UInt64) = (200_000_000, 30_000_000_000)
    /// Of a subscription: a change of a neighbour weighs less than 1 KB, and what is lost is only a reason to look.
    private static let receiveBufferBytes = 1 << 20

    /// Nil in the kernel tier, whose driver sends; then nothing is decided.
    private let choice: ExpressChoice?
    /// Whether programs send and no frames are made.
    private let usesPrograms: Bool
    private let log: Logger
    /// What to wait for; ``drain()`` when one of them is readable.
    let descriptors: [Int32]
    private var netlink: NetlinkSocket
    private let timer: TimerFD
    /// Nil where neither frames nor programs are to be used; then nothing here ever wakes up.
    private var sending: NetlinkMonitor?
    /// Nil where this kernel has no such thing.
    private var filter: ChangeMonitor?
    private let hearsOfFilter: Bool
    private var policies: ChangeMonitor?

    /// As of the whole walk; nil when it has to be made anew.
    private var underlay: Underlay?
    /// As of the filter's latest change; nil when they have to be read.
    private var chains: [FilterChain]?
    private var isDue = false
    private var lastWalk: (started: UInt64, ended: UInt64) = (0, 0)
    private var problem: String?
    /// After a failure: from when on to walk again, and how long that is (nanoseconds).
    private var retry: (due: UInt64, delay: UInt64) = (0, 0)
    /// The devices of this host's workloads, by index.
    private var workloads: Set<Int32> = []
    /// What the tier was told last; nil before the first time.
    private var inForce: [IPv4Address: OuterWay]?
    /// The next hops whose changes matter.
    private var nextHops: Set<OuterDecision.NextHop> = []
    /// The latest answers, by the peer's outer address.
    private(set) var decisions: [IPv4Address: OuterDecision] = [:]

    /// Subscribes in the calling thread's network namespace to what matters to the tier, unless all is decided by
    /// `tunnel.express: never`.
    init(_ tier: Tier, _ choice: ExpressChoice, log: Logger) throws {
        let isUsed = tier != .kernel && choice != .never
        let usesPrograms = tier == .bpf
        let sending: NetlinkMonitor? =
            isUsed
            ? try NetlinkMonitor(
                usesPrograms ? .traffic : .sending, receiveBufferBytes: OuterWays.receiveBufferBytes) : nil
        let filter = isUsed && !usesPrograms ? try OuterWays.subscribe(.filter) : nil
        let policies = isUsed ? try OuterWays.subscribe(.policies) : nil
        let timer = try TimerFD()
        let netlink = try NetlinkSocket()
        var descriptors = [timer.descriptor.rawValue]
        switch sending {
        case .some(let monitor): descriptors.append(monitor.fileDescriptor)
        case .none: break
        }
        descriptors += [OuterWays.descriptor(of: filter), OuterWays.descriptor(of: policies)].compactMap { $0 }
        hearsOfFilter = OuterWays.descriptor(of: filter) != nil
        self.choice = tier == .kernel ? nil : choice
        self.usesPrograms = usesPrograms
        self.log = log
        self.descriptors = descriptors
        self.netlink = netlink
        self.timer = timer
        self.sending = sending
        self.filter = filter
        self.policies = policies
    }

    /// Nil where this kernel has no such thing. Any other refusal must not pass for that: frames would go past a filter
    /// or a policy of which nobody hears.
    private static func subscribe(_ subject: ChangeMonitor.Subject) throws(NetlinkError) -> ChangeMonitor? {
        do throws(NetlinkError) {
            return try ChangeMonitor(subject)
        } catch {
            if error.meansUnsupported { return nil }
            throw error
        }
    }

    private static func descriptor(of monitor: borrowing ChangeMonitor?) -> Int32? {
        switch monitor {
        case .some(let monitor): monitor.fileDescriptor
        case .none: nil
        }
    }

    /// The whole walk has read the host or changed the peers.
    mutating func hostWasRead() {
        underlay = nil
        isDue = choice != nil
    }

    /// Takes what the kernel has told, and notes whether any of it matters.
    mutating func drain() {
        timer.drain()
        let watched = nextHops
        var matters = false
        do throws(NetlinkError) {
            try sending?.drain { event in
                switch event {
                case .neighbour(_, let neighbour):
                    let place = OuterDecision.NextHop(link: neighbour.link, address: neighbour.address)
                    matters = matters || watched.contains(place)
                default: matters = true
                }
            }
            if try filter?.drain() ?? false { (chains, matters) = (nil, true) }
            if try policies?.drain() ?? false { matters = true }
        } catch {
            log.error("\(error)")
            (chains, matters) = (nil, true)
        }
        if matters { isDue = true }
    }

    /// Walks if there is a reason, but leaves as much time between two walks as the last one took, and a little.
    mutating func walkIfDue(_ reconciler: borrowing Reconciler) throws(SyscallError) {
        guard isDue, let outcome = reconciler.outcome, let peers = reconciler.tunnel.peers else { return }
        let now = Monotonic.now
        let pause = max(lastWalk.ended - lastWalk.started, OuterWays.shortestPause)
        let due = max(lastWalk.ended + pause, retry.due)
        guard now >= due else { return try timer.arm(afterNanoseconds: due - now) }
        isDue = false
        var reason = OuterReason.unknown
        do {
            try walk(outcome, peers)
            reason = .noProgram
            try tell(reconciler.tunnel)
            (problem, retry) = (nil, (0, 0))
        } catch {
            if problem != "\(error)" { log.error("outer packets take the socket: \(error)") }
            problem = "\(error)"
            decide(peers) { _ in .socket(reason, "\(error)") }
            // Programs look the way up themselves, packet by packet: those that stand are better than none.
            if !usesPrograms { try? tell(reconciler.tunnel) }
            let delay = min(max(retry.delay * 2, OuterWays.retryDelay.first), OuterWays.retryDelay.longest)
            retry = (Monotonic.now + delay, delay)
            isDue = true
            try timer.arm(afterNanoseconds: delay)
        }
        lastWalk = (now, Monotonic.now)
    }

    /// Whom nobody sends to without an agent, with the reason, a line each; for a tier that can do without one.
    func needingAgent(_ reconciler: borrowing Reconciler) -> [String] {
        guard usesPrograms, let outcome = reconciler.outcome else { return [] }
        let verdicts = PeerVerdict.all(
            local: outcome.local, topology: outcome.topology, facts: outcome.view.facts, desired: outcome.decideAgain())
        return verdicts.filter { $0.decision.verdict == .tunnel }.compactMap { peer in
            guard let decision = decisions[peer.node.address.address], decision.way == .socket else { return nil }
            return "packets to \(peer.node.name) need a running agent (\(decision.reason.rawValue): \(decision.detail))"
        }
    }

    /// Tells the tier where something is new; one with programs always, so that it looks after them.
    private mutating func tell(_ tunnel: any Tunnel) throws {
        let ways = decisions.compactMapValues { $0.way == .socket ? nil : $0.way }
        guard ways != inForce || usesPrograms else { return }
        tunnel.setWorkloads(workloads)
        try tunnel.setWays(ways)
        guard ways != inForce else { return }
        let peers = "\(ways.count) of \(decisions.count) peers"
        if usesPrograms {
            log.info("programs carry what is for \(peers)")
        } else {
            log.debug("outer packets to \(peers) leave as frames")
        }
        inForce = ways
    }

    private mutating func walk(_ outcome: Reconciler.Outcome, _ peers: [TunnelPeer]) throws(NetlinkError) {
        guard choice != .never else {
            return decide(peers) { _ in .socket(.configured) }
        }
        let underlay = self.underlay ?? Underlay(facts: outcome.view.facts, local: outcome.local)
        self.underlay = underlay
        if usesPrograms {
            workloads = outcome.view.facts.workloadLinks(in: outcome.topology.pools)
            let facts = try ExpressFacts.readForPrograms(&netlink)
            return decide(peers, RedirectDecider(underlay: underlay, facts: facts).decide)
        }
        let carriers = Set(peers.compactMap { underlay.path(to: $0.address)?.link })
        let facts = try ExpressFacts.read(&netlink, carriers: carriers, chains: chains)
        // Without a subscription to its changes, the filter is asked every time.
        if hearsOfFilter { chains = facts.chains }
        let decider = OuterDecider(underlay: underlay, facts: facts, skipsOutput: choice == .always)
        decide(peers, decider.decide)
    }

    private mutating func decide(_ peers: [TunnelPeer], _ decide: (IPv4Address) -> OuterDecision) {
        decisions = Dictionary(
            peers.map { ($0.address, decide($0.address)) }, uniquingKeysWith: { first, _ in first })
        nextHops = Set(decisions.values.compactMap(\.nextHop))
    }
}

extension OuterWay {
    /// As `status` shows it.
    var name: String {
        switch self {
        case .socket: "socket"
        case .frame: "frame"
        case .redirect: "redirect"
        }
    }
}
