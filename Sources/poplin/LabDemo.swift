// The course of the demo: each mode in turn, changed live under a ping every millisecond.

internal import Lab
internal import LinuxSystem

/// Runs the demo in a lab that is up.
struct LabDemo {
    let lab: Lab
    /// Told of each mode when it is done.
    let onPhase: (LabDemoReport.Phase) -> Void

    private static let streamBytes = 1 << 20
    private static let pings = 5
    /// Pings before and after each change.
    private static let margin = 150

    func run() throws -> LabDemoReport {
        var report = LabDemoReport()
        Terminal.say("Starting an agent on each node")
        try lab.startAgents()
        for node in lab.specification.nodes {
            let status = try lab.waitReady(node.name)
            report.nodes.append(
                LabDemoReport.Node(
                    node: node.name, address: status.address, tier: status.tier, tierReason: status.tierReason,
                    tunnelDevice: status.tunnel?.device, tunnelMTU: status.tunnel?.mtu))
        }
        for mode in [LabMode.crossSubnet, .always, .never] {
            let changes = mode == .crossSubnet ? [] : try change(to: mode)
            Terminal.say("Mode \(mode.rawValue): pings and TCP between all workloads")
            let phase = try measure(mode, changes)
            if report.packet.isEmpty, let sample = lab.sniffer?.sample(), let packet = PacketDissection(sample) {
                report.packet = packet.lines
            }
            report.phases.append(phase)
            onPhase(phase)
        }
        report.succeeded = report.phases.allSatisfy(\.succeeded)
        return report
    }

    private var nodes: [String] { lab.specification.nodes.map(\.name) }

    private func workload(of node: String) throws -> String {
        guard let workload = try lab.node(node).workloads.first else {
            throw CommandError("\(node) has no workload")
        }
        return workload.name
    }

    /// All ordered pairs of nodes.
    private var pairs: [(from: String, to: String)] {
        nodes.flatMap { from in nodes.filter { $0 != from }.map { (from, $0) } }
    }

    // MARK: - Changing the mode

    private func change(to mode: LabMode) throws -> [LabDemoReport.Change] {
        if mode == .never {
            Terminal.say("Giving the router routes to the blocks: without tunnels, the underlay must know them")
            try lab.teachRouterBlocks()
        }
        Terminal.say(
            "Changing ipipMode to \(mode.rawValue) on one node after the other, under a ping every millisecond")
        let watched = [("n1", "n2"), ("n1", "n3"), ("n3", "n2")]
        let pingers = try watched.map { from, to in
            (from: try workload(of: from), to: try workload(of: to))
        }.map { from, to in (from: from, to: to, pinger: try lab.startPing(from: from, to: to)) }
        defer { for entry in pingers { _ = entry.pinger.stop(lateReplyMilliseconds: 0) } }
        try waitForReplies(pingers.map(\.pinger))
        for node in nodes {
            try lab.setMode(node, mode)
            try waitForMode(mode, on: node)
        }
        try waitForReplies(pingers.map(\.pinger))
        return pingers.map { entry in
            let report = entry.pinger.stop()
            return LabDemoReport.Change(
                from: entry.from, to: entry.to, sent: report.sent, lost: report.lost.count, summary: report.summary)
        }
    }

    private func waitForMode(_ mode: LabMode, on node: String) throws {
        try lab.waitStatus(node, "mode \(mode.rawValue)") { status in
            let reason = mode == .always ? "modeAlways" : "modeNever"
            return status.ready && status.peers.allSatisfy { $0.reason == reason }
        }
    }

    /// Waits until each has had some more replies; a path that is broken shows as losses, not as a wait for ever.
    private func waitForReplies(_ pingers: [Pinger]) throws {
        let deadline = Monotonic.now + 3_000_000_000
        let wanted = pingers.map { $0.received + Self.margin }
        while zip(pingers, wanted).contains(where: { $0.received < $1 }) && Monotonic.now < deadline {
            try lab.interruption.check()
            Monotonic.sleep(milliseconds: 5)
        }
    }

    // MARK: - Measuring

    private func measure(_ mode: LabMode, _ changes: [LabDemoReport.Change]) throws -> LabDemoReport.Phase {
        lab.sniffer?.clear()
        var statuses: [String: AgentStatus] = [:]
        for node in nodes { statuses[node] = try lab.status(node) }
        var rows: [LabDemoReport.Pair] = []
        for (from, to) in pairs {
            try lab.interruption.check()
            let (source, destination) = (try workload(of: from), try workload(of: to))
            let pings = try lab.ping(from: source, to: destination, count: Self.pings, intervalMilliseconds: 2)
            let stream = try lab.transfer(from: source, to: destination, bytes: Self.streamBytes)
            let peer = statuses[from]?.peer(to)
            rows.append(
                LabDemoReport.Pair(
                    from: from, to: to, verdict: peer?.verdict ?? "unknown", reason: peer?.reason ?? "",
                    pingsSent: pings.sent, pingsReceived: pings.received,
                    roundTripMicroseconds: pings.averageRoundTrip / 1000, streamBytes: stream.received,
                    streamIntact: stream.isIntact, streamMegabitsPerSecond: stream.megabitsPerSecond.rounded()))
        }
        let counts = lab.sniffer?.counts() ?? SnifferCounts()
        return LabDemoReport.Phase(
            mode: mode.rawValue, changes: changes, pairs: rows, routerIPIP: counts.ipip, routerPlain: counts.plain)
    }
}
