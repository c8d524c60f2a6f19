// Three agents whose netlink calls can be made to fail, the state that they must come to all the same, and what they
// must not do on the way.

import Lab
import LinuxSystem
import Net
import Rtnetlink
import Testing

/// The documentation's network with faults.
final class FaultyCluster {
    let lab: Lab
    let nodes = ["n1", "n2", "n3"]
    private let library: FaultLibrary
    private var faults: [String: NetlinkFaults] = [:]

    /// Starts an agent on each node; nothing fails yet.
    init(_ lab: Lab) throws {
        self.lab = lab
        library = try FaultLibrary()
        for node in nodes {
            faults[node] = library.faults(for: node)
            try start(node)
        }
        for node in nodes { try lab.waitReady(node) }
        try settle()
    }

    func start(_ node: String) throws {
        try lab.startAgent(on: node, environment: try faults(of: node).environment)
    }

    /// Ends the agents in good order and starts them again, with faults from their first call on.
    ///
    /// An agent that cannot open what it lives by ends, and says why; then it is started again as a service manager
    /// does, and goes on meeting the faults that come after.
    func restart(onCleanHost: Bool, _ order: (Int) -> FaultOrder?) throws {
        for (place, node) in nodes.enumerated() {
            try lab.stopAgent(on: node)
            if onCleanHost { try clean(try lab.host(node)) }
            try faults(of: node).order(order(place))
            try start(node)
        }
        for node in nodes {
            try waitUntil("\(node) to be ready", seconds: 30) {
                guard let end = try lab.agent(node)?.wait(timeoutMilliseconds: 5) else {
                    // It may end in the middle of its answer.
                    return (try? lab.status(node))??.ready == true
                }
                let last = try #require(try trace(node).faults.last)
                let line = lab.logTail(node, lines: 1)
                #expect(last.kind.point == "open" && end == .code(1), "\(node) has ended after \(last): \(line)")
                let says = line.contains("No buffer space available") || line.contains("Operation not permitted")
                #expect(says, "\(node) has ended with the words: \(line)")
                try lab.stopAgent(on: node)
                try faults(of: node).resume(after: last.call)
                try start(node)
                return false
            }
        }
    }

    /// Takes away what makes a start's requests; `poplin clean` would take longer than the start itself.
    private func clean(_ host: LabHost) throws {
        try host.netlink { socket in
            try socket.perform(.deleteLink(.name("tunl0")))
            for route in try socket.routes(filter: RouteFilter(routeProtocol: poplinRoute)) {
                try socket.perform(.deleteRoute(RouteSpecification(route)))
            }
        }
    }

    func faults(of node: String) throws -> NetlinkFaults { try #require(faults[node]) }

    func trace(_ node: String) throws -> NetlinkFaults.Trace { try faults(of: node).trace() }

    /// Orders the same for each node, but for what depends on its place among them.
    func order(_ order: (Int) -> FaultOrder?) throws {
        for (place, node) in nodes.enumerated() { try faults(of: node).order(order(place)) }
    }

    func states() throws -> [String: OwnState] {
        var states: [String: OwnState] = [:]
        for node in nodes { states[node] = try OwnState(of: try lab.host(node)) }
        return states
    }

    /// Waits until every node is as it was in `states`, and its agent says the same.
    func converge(to states: [String: OwnState], _ what: String) throws {
        for node in nodes {
            do {
                let host = try lab.host(node)
                try waitUntil("\(node) after \(what)", seconds: 30) {
                    try requireLife(of: node)
                    return try OwnState(of: host) == states[node]
                }
                // Nor are any peer's packets kept on the slow way because of what could not be read.
                try lab.waitStatus(node, "all to be known", timeoutMilliseconds: 30_000) {
                    $0.ready && !$0.peers.contains { $0.outerReason == "unknown" }
                }
            } catch {
                let met = try trace(node).faults.suffix(8).map(\.description).joined(separator: ", ")
                let state = try OwnState(of: try lab.host(node))
                print("\(node) has met \(met) and has \(state), not \(String(describing: states[node]))")
                throw error
            }
        }
    }

    /// Waits until no agent makes any further call: one that goes on and on never gets there.
    func settle() throws {
        var before: [Int] = []
        try waitUntil("the agents to come to rest", seconds: 30) {
            let now = try nodes.map { try faults(of: $0).callCount }
            defer { before = now }
            if now == before { return true }
            Monotonic.sleep(milliseconds: 120)
            return false
        }
    }

    /// That no change is left to make, in the words of `poplin plan`.
    func expectNothingToDo() throws {
        for node in nodes {
            let result = try plan(node)
            #expect(result.status == .code(0), "\(node): \(result.output)\(result.errors)")
        }
    }

    /// Waits until `poplin plan`, which reads config and resources for itself, finds nothing left to do.
    func waitNothingToDo() throws {
        for node in nodes {
            try waitUntil("\(node) to have done all", seconds: 30) { try plan(node).status == .code(0) }
        }
        try settle()
    }

    private func plan(_ node: String) throws -> ProgramResult {
        try PoplinProgram.run(["plan", "--config", lab.configPath(node)], on: try lab.host(node))
    }

    /// Traffic in both manners, between all nodes.
    func expectTraffic() throws {
        // What failed after the last walk, on the way to the tier, is tried again for itself.
        for node in nodes {
            try lab.waitStatus(node, "a way for outer packets") { status in
                !status.peers.contains { ["unknown", "noProgram"].contains($0.outerReason) }
            }
        }
        for (source, target) in [("w1", "w2"), ("w1", "w3"), ("w3", "w2")] {
            let report = try lab.ping(from: source, to: target, count: 3, intervalMilliseconds: 2)
            #expect(report.isComplete, "\(source) to \(target): \(report.summary)")
        }
    }

    /// What the agents have still to meet of what is dealt among them: of each kind of call, its share to each agent
    /// that makes such calls.
    func missingFaults() throws -> [String] {
        var missing: [String] = []
        for (place, node) in nodes.enumerated() {
            let trace = try trace(node)
            for (kind, count) in trace.kinds {
                let share = (0..<count).count { $0 % nodes.count == place }
                let met = Set(trace.faults.lazy.filter { $0.kind == kind }.map(\.error)).count
                if met < share { missing.append("\(node) \(kind): \(met) of \(share)") }
            }
        }
        return missing.sorted()
    }

    /// That every error was said to a person, and none more often than it was met; what passes by itself is not said.
    func expectLog() throws {
        let words = ["EPERM": "Operation not permitted", "EEXIST": "File exists", "EBUSY": "Device or resource busy"]
        for (error, words) in words {
            var (said, met) = (0, 0)
            for node in nodes {
                let lines = try log(node).filter { $0.contains(words) }
                let faults = try trace(node).faults.count { $0.error.hasPrefix(error) }
                #expect(lines.count <= faults, "\(node) says more than it has met: \(lines)")
                (said, met) = (said + lines.count, met + faults)
            }
            // A few are met where the agent asks only for the words of a message, or at once again.
            #expect(said > 0 || met < 5, "nothing is said about \(met) \(error)")
        }
        for node in nodes {
            let lines = try log(node).filter { $0.contains("Interrupted") || $0.contains("while it was read") }
            #expect(lines == [], "\(node) says what no person needs to know")
        }
    }

    /// That no agent has made more calls than the faults explain: each may cost as many as all is done with.
    ///
    /// - Parameters:
    ///   - count: the calls without a fault.
    ///   - met: how many faults each node had met before.
    func expectFewCalls(_ count: Int, since met: [String: Int]) throws {
        for node in nodes {
            let faults = try trace(node).faults.count - met[node, default: 0]
            let calls = try self.faults(of: node).callCount
            #expect(calls <= count * (faults + 2), "\(node) has made \(calls) calls for \(faults) faults")
        }
    }

    func faultCounts() throws -> [String: Int] {
        Dictionary(uniqueKeysWithValues: try nodes.map { ($0, try trace($0).faults.count) })
    }

    private func log(_ node: String) throws -> [String] {
        try TextFile.read(lab.logPath(node)).split(separator: "\n").map(String.init)
    }

    private func requireLife(of node: String) throws {
        let end = try lab.agent(node)?.wait(timeoutMilliseconds: 0)
        if let end { throw WaitedInVain(description: "\(node) has ended with \(end): \(lab.logTail(node, lines: 2))") }
    }
}
