// Pings every millisecond and TCP streams between the workloads of all nodes at once.

import Lab
import Testing

/// Running traffic between w1, w2 and w3, in both directions of each pair.
final class AllPairsTraffic {
    /// What each TCP stream sends in a second: a load, but not one that fills a queue by itself.
    private static let bytesPerSecond = 4_000_000

    private struct Flow {
        let name: String
        let pinger: Pinger
        let stream: StreamTraffic
        /// Number of the first ping after each mark.
        var marks: [(name: String, first: Int)] = []
    }

    private var flows: [Flow] = []

    private init() {}

    deinit {
        for flow in flows {
            _ = flow.pinger.stop(lateReplyMilliseconds: 0)
            _ = flow.stream.stop()
        }
    }

    /// Starts it, and waits until every flow runs: what comes first resolves the neighbours' addresses.
    static func start(in lab: Lab) throws -> AllPairsTraffic {
        let traffic = AllPairsTraffic()
        let workloads = ["w1", "w2", "w3"]
        for source in workloads {
            for target in workloads where target != source {
                traffic.flows.append(
                    Flow(
                        name: "\(source) to \(target)", pinger: try lab.startSteadyPing(from: source, to: target),
                        stream: try lab.startSteadyTransfer(from: source, to: target, bytesPerSecond: bytesPerSecond)))
            }
        }
        try traffic.waitForReplies(20)
        return traffic
    }

    /// Names what happens from now on.
    func mark(_ name: String) {
        for index in flows.indices { flows[index].marks.append((name, flows[index].pinger.sent)) }
    }

    /// Waits until every flow has moved on by this many replies, and every stream by a piece.
    func waitForReplies(_ count: Int) throws {
        let targets = flows.map { ($0.pinger.received + count, $0.stream.received) }
        func waiting() -> [Flow] {
            zip(flows, targets).filter { flow, target in
                flow.pinger.received < target.0 || flow.stream.received <= target.1
            }.map(\.0)
        }
        do {
            try waitUntil("\(count) more replies on every flow", seconds: 20) { waiting().isEmpty }
        } catch {
            let flows = waiting().map {
                "\($0.name): \($0.pinger.received) of \($0.pinger.sent) pings, \($0.stream.received) bytes"
            }
            throw WaitedInVain(description: "\(error): \(flows.joined(separator: "; "))")
        }
    }

    /// Ends it; anything lost, doubled, changed or broken off is an issue that names the flow and the moment.
    ///
    /// - Parameter excepted: marks after which a ping may be lost; all the rest is expected there as well.
    func expectNoLoss(exceptAt excepted: Set<String> = [], sourceLocation: SourceLocation = #_sourceLocation) {
        let ended = flows
        flows = []
        for flow in ended {
            let pings = flow.pinger.stop()
            let moments = Set(pings.lost.map { number in flow.marks.last { $0.first <= number }?.name ?? "before" })
            #expect(
                pings.sent > 0 && moments.isSubset(of: excepted) && pings.duplicates == 0 && pings.corrupted == 0,
                "\(flow.name): \(pings.summary), at: \(moments.sorted()), duplicates: \(pings.duplicates)",
                sourceLocation: sourceLocation)
            let stream = flow.stream.stop()
            #expect(stream.isIntact, "\(flow.name): \(stream)", sourceLocation: sourceLocation)
        }
    }
}
