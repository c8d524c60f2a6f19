// Rounds in turns: each load on every path before the next load, so that what else the machine does meets all alike.

public import Lab
internal import LinuxSystem
internal import Load
public import Report

/// A run that collects samples until it is done or interrupted.
public final class BenchRun {
    /// Where a run stands.
    public struct Progress: Sendable {
        /// What is about to be done: `round 2 of 5: bpf, TCP, 4 flows`.
        public var step: String
        /// By what the steps took so far; nil before the first.
        public var secondsLeft: Double?
    }

    private let plan: BenchPlan
    private let interruption: Interruption
    private let onProgress: (Progress) -> Void
    private var report: BenchReport
    /// Paths that are not to be had, or failed under load.
    private var failed: Set<String> = []
    private var stepsLeft = 0
    private var stepsDone = 0
    /// For ``stepsDone``, in nanoseconds.
    private var spent: UInt64 = 0

    /// A run.
    ///
    /// - Parameters:
    ///   - version: of this program, for the report.
    ///   - command: as a shell would take it, for the report.
    public init(
        _ plan: BenchPlan, version: String, command: String, interruption: Interruption,
        onProgress: @escaping (Progress) -> Void
    ) {
        self.plan = plan
        self.interruption = interruption
        self.onProgress = onProgress
        let congestionControl: String? =
            switch plan.network {
            case .lab: plan.congestionControl
            case .peers: nil
            }
        report = BenchReport(
            command: command, begun: MachineFacts.now, network: "",
            machine: [BenchReport.Item("poplin", version)] + MachineFacts.items(congestionControl: congestionControl),
            rounds: plan.rounds, secondsPerLoad: Double(plan.period.milliseconds) / 1000, paths: [])
    }

    /// Measures everything that can be measured.
    ///
    /// A path that is not to be had, or that fails on the way, is told in the report, with what was measured of it.
    /// - Throws: ``BenchFailure`` where there is nothing at all to report.
    public func run() throws -> BenchReport {
        do {
            switch plan.network {
            case .lab(let paths): try runLab(paths)
            case .peers(let peers): try runPeers(peers)
            }
        } catch LabError.interrupted {
            report.interruption = "interrupted in \(step)"
        }
        guard !report.figures.isEmpty || !report.overheads.isEmpty else {
            let reasons = report.missing.map { "\($0.path): \($0.reason)" }
            throw BenchFailure(([report.interruption].compactMap(\.self) + reasons).joined(separator: "\n"))
        }
        return report
    }

    // MARK: - Networks

    private func runLab(_ paths: [BenchPath]) throws {
        report.network = "two nodes, a workload behind each and a router between them, in network namespaces"
        report.paths = paths.map(\.item)
        for mtu in plan.mtus {
            let ahead = plan.mtus.drop { $0 != mtu }.reduce(0) { $0 + plan.measures(at: $1).count }
            stepsLeft = ahead * plan.rounds * paths.count { !failed.contains($0.name) }
            var endpoints: [LabEndpoint] = []
            for path in paths where !failed.contains(path.name) {
                tell("building the network of \(path.name), MTU \(mtu)")
                try attempt(path.name, in: "MTU \(mtu)") {
                    let network = try PathNetwork(
                        path, underlayMTU: mtu, congestionControl: plan.congestionControl, interruption: interruption)
                    endpoints.append(LabEndpoint(network: network))
                }
            }
            stepsLeft = ahead * plan.rounds * endpoints.count
            try runRounds(endpoints, plan.measures(at: mtu), mtu: mtu)
            if plan.countsWire { try countWire(endpoints) }
        }
    }

    private func runPeers(_ peers: [BenchPlan.Peer]) throws {
        report.network = peers.map { "\($0.name) \($0.address)" }.joined(separator: ", ")
        report.paths = peers.map { BenchReport.Path(name: $0.name, about: "the way to \($0.address)") }
        stepsLeft = plan.measures.count * plan.rounds * peers.count
        let endpoints = peers.map { PeerEndpoint(peer: $0, port: plan.port, interruption: interruption) }
        // What lies between is the peers' own; nobody says what its MTU is.
        try runRounds(endpoints, plan.measures, mtu: 0)
    }

    // MARK: - Loads

    private func runRounds(_ endpoints: [some Endpoint], _ measures: [Measure], mtu: Int) throws {
        for round in 1...max(1, plan.rounds) {
            for measure in measures {
                // There and back, so that none always comes after the same other.
                for endpoint in round.isMultiple(of: 2) ? endpoints.reversed() : endpoints {
                    stepsLeft -= 1
                    if failed.contains(endpoint.name) { continue }
                    tell("round \(round) of \(plan.rounds): \(endpoint.name), \(measure.title)")
                    let begin = Monotonic.now
                    try attempt(endpoint.name, in: "round \(round), \(measure.title)") {
                        let samples = try measure.run(endpoint, plan.period)
                        for (quantity, sample) in zip(measure.quantities, samples) {
                            add(sample, of: quantity, path: endpoint.name, mtu: mtu)
                        }
                    }
                    stepsDone += 1
                    spent += Monotonic.now - begin
                }
            }
        }
    }

    private func countWire(_ endpoints: [LabEndpoint]) throws {
        for endpoint in endpoints where !failed.contains(endpoint.name) {
            tell("bytes on the wire: \(endpoint.name)")
            try attempt(endpoint.name, in: "bytes on the wire, MTU \(endpoint.network.underlayMTU)", goesOn: true) {
                let measure = try WireMeasure(endpoint.network)
                for mix in BenchReport.PacketMix.allCases { report.overheads.append(try measure.run(mix)) }
            }
        }
    }

    private func add(_ sample: Double, of quantity: Quantity, path: String, mtu: Int) {
        let index = report.figures.firstIndex { $0.quantity == quantity && $0.path == path && $0.mtu == mtu }
        if let index {
            report.figures[index].samples.append(sample)
        } else {
            report.figures.append(BenchReport.Figure(path: path, mtu: mtu, quantity: quantity, samples: [sample]))
        }
    }

    // MARK: - What goes wrong

    /// A path that cannot go on is left out from here, for with a gap its later rounds would be compared with others'
    /// earlier ones; an interruption ends everything.
    ///
    /// - Parameter goesOn: a failure says nothing of what comes after.
    private func attempt(
        _ path: String, in place: String, goesOn: Bool = false, _ body: () throws -> Void
    ) throws {
        do {
            try body()
        } catch {
            if interruption.isRequested { throw LabError.interrupted }
            report.missing.append(BenchReport.Missing(path: path, reason: "\(place): \(Self.line(error))"))
            if !goesOn { failed.insert(path) }
        }
    }

    /// One line for a person; of an agent that ended, its own.
    private static func line(_ error: any Error) -> String {
        var text = "\(error)"
        if case LabError.agentEnded(_, _, let log) = error { text = log }
        let name = "poplin: "
        return text.split(separator: "\n").map { $0.hasPrefix(name) ? $0.dropFirst(name.count) : $0 }
            .joined(separator: "; ")
    }

    // MARK: - Progress

    private var step = ""

    private func tell(_ step: String) {
        self.step = step
        let perStep = Double(spent) / 1e9 / Double(max(1, stepsDone))
        // The step that begins is one that is left.
        onProgress(Progress(step: step, secondsLeft: stepsDone == 0 ? nil : perStep * Double(stepsLeft + 1)))
    }
}
