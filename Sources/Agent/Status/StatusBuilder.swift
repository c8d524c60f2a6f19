// The status report from the values of the latest walk, the tier's counters and what stands in the way.

internal import Dataplane
internal import Datastore
internal import FoundationEssentials
internal import LinuxSystem
internal import Net
internal import Overlay
internal import Packet

extension StatusReport {
    /// Reads the report off the reconciler; before the first walk only the config is known.
    init(
        config: NodeConfig, problems: [String], reconciler: borrowing Reconciler, ways: borrowing OuterWays
    ) {
        let outcome = reconciler.outcome
        let desired = outcome?.decideAgain()
        let counters = reconciler.tunnel.counters()
        let obstacles = StatusReport.obstacles(reconciler, desired)
        let local = reconciler.local
        node = local.name
        address = local.address.description
        pid = Host.processID
        tier = reconciler.tier.tier.rawValue
        tierReason = reconciler.tier.reason
        ready = obstacles.isEmpty
        notReadyBecause = obstacles
        tunnel = Tunnel(
            device: local.tunnelDevice, mtu: outcome?.view.observed.device?.mtu ?? 0,
            address: desired?.device.address?.description, isCarried: reconciler.tunnel.isCarried,
            peersInForce: reconciler.tunnel.peers.map { TunnelPeer.fingerprint($0) },
            icmp: ICMP(reconciler.paths.counts))
        var report: (peers: [Peer], installed: Int) = ([], 0)
        if let outcome, let desired {
            report.peers = StatusReport.peers(
                outcome, desired, counters, reconciler.tier.tier == .kernel ? nil : ways.decisions,
                reconciler.paths.table)
            report.installed = StatusReport.installed(outcome, desired)
        }
        peers = report.peers
        let conflicts = desired?.conflicts ?? []
        routes = Routes(
            desired: (desired?.routes.count ?? 0) + conflicts.count, installed: report.installed,
            conflicts: conflicts.map {
                Conflict(
                    destination: $0.destination.description, protocol: Int($0.routeProtocol),
                    predecessor: $0.predecessor?.rawValue)
            })
        drops = Dictionary(
            uniqueKeysWithValues: DropReason.allCases.map { ($0.name, counters.dropped($0)) })
        warnings =
            (outcome?.warnings ?? []).map { Notice(code: $0.code, message: $0.message) }
            + reconciler.notices
            + problems.map { Notice(code: "config", message: $0) }
            + reconciler.datastoreErrors.map { Notice(code: "datastore", message: "\($0)") }
            + reconciler.failures.map { Notice(code: "failing", message: $0) }
        notes = reconciler.datastoreNotes
        lastResync = outcome.map { outcome in
            let age = Double(Monotonic.now - outcome.finished) / 1e9
            return Date(timeIntervalSinceNow: -age).formatted(.iso8601)
        }
    }

    /// What keeps the node from being ready, in words.
    static func obstacles(_ reconciler: borrowing Reconciler) -> [String] {
        obstacles(reconciler, reconciler.outcome?.decideAgain())
    }

    private static func obstacles(_ reconciler: borrowing Reconciler, _ desired: DesiredState?) -> [String] {
        guard let outcome = reconciler.outcome, let desired else {
            return [reconciler.readFailure.map { "the kernel could not be read: \($0)" } ?? "not looked yet"]
        }
        var obstacles: [String] = []
        if !reconciler.isDatastoreInSync { obstacles.append("the datastore is not in sync") }
        if let failure = reconciler.readFailure { obstacles.append("the kernel could not be read: \(failure)") }
        let device = outcome.view.observed.device
        if let foreign = desired.foreignDevice {
            obstacles.append("\(foreign.name) was made by somebody else")
        } else if device == nil || device?.isUp == false || !reconciler.tunnel.isCarried {
            obstacles.append("\(outcome.local.tunnelDevice) is not up")
        }
        let missing = desired.routes.count - installed(outcome, desired)
        if missing > 0 { obstacles.append("\(missing) route\(missing == 1 ? " is" : "s are") not in the kernel") }
        let conflicts = desired.conflicts.count
        if conflicts > 0 {
            obstacles.append("\(conflicts) route\(conflicts == 1 ? " is" : "s are") in conflict with others")
        }
        return obstacles
    }

    /// How many desired routes the kernel has: all but those that the walk left to add or to replace.
    private static func installed(_ outcome: Reconciler.Outcome, _ desired: DesiredState) -> Int {
        let missing = outcome.remaining.steps.count { step in
            switch step {
            case .route(.add), .route(.replace), .adoption(.replace): true
            default: false
            }
        }
        return desired.routes.count - missing
    }

    private static func peers(
        _ outcome: Reconciler.Outcome, _ desired: DesiredState, _ counters: TunnelCounters,
        _ decisions: [IPv4Address: OuterDecision]?, _ paths: PathMTUTable
    ) -> [Peer] {
        let now = Monotonic.now
        let counts = Dictionary(zip(counters.addresses, counters.peers), uniquingKeysWith: { first, _ in first })
        let verdicts = PeerVerdict.all(
            local: outcome.local, topology: outcome.topology, facts: outcome.view.facts, desired: desired)
        return verdicts.map { peer in
            let count = counts[peer.node.address.address] ?? PeerCounters()
            let isTunnelled = peer.decision.verdict == .tunnel
            let outer = isTunnelled ? decisions?[peer.node.address.address] : nil
            let way = isTunnelled && decisions == nil ? "kernel" : outer?.way.name
            let path = paths.entries[peer.node.address.address]
            return Peer(
                node: peer.node.name, address: peer.node.address.description,
                tunnelAddress: peer.node.tunnelAddress?.description, verdict: peer.decision.verdict.rawValue,
                reason: peer.decision.reason.rawValue, outer: way, outerReason: outer?.reason.rawValue,
                blocks: peer.prefixes.map(\.description),
                txPackets: count.txPackets, txBytes: count.txBytes, rxPackets: count.rxPackets,
                rxBytes: count.rxBytes, pathMTU: path.map { Int($0.mtu) },
                pathMTUExpiresIn: path.map { Int(($0.expires - min(now, $0.expires)) / 1_000_000_000) })
        }
    }
}

extension StatusReport.ICMP {
    fileprivate init(_ counts: PathMonitor.Counts) {
        self.init(
            relayed: counts.relayed, limited: counts.limited, ignored: counts.ignored, learnt: counts.learnt)
    }
}
