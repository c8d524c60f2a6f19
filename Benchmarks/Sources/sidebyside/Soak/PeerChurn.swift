// A node that joins the cluster and leaves it again, once a second, by its resource files.

import BenchmarkSupport
import Lab
import LinuxSystem
import Net
import Synchronization

/// A running churn.
final class PeerChurn: Sendable {
    private static let name = "n9"

    private let lab: Lab
    private let resources: [LabResource]
    private let isStopping = Atomic<Bool>(false)
    private let rounds = Atomic<Int>(0)
    private let problem = Mutex<String?>(nil)
    private let thread = Mutex<SystemThread?>(nil)

    static func start(_ lab: Lab) throws -> PeerChurn {
        guard let address = IPv4InterfaceAddress("10.0.2.9/24"), let block = IPv4Prefix("10.244.9.0/26") else {
            throw BenchmarkFailure("no address for the node that comes and goes")
        }
        let churn = PeerChurn(lab, [.node(name, address: address), .block(block, node: name)])
        try churn.thread.withLock { $0 = try SystemThread.start(name: "churn") { churn.loop() } }
        return churn
    }

    private init(_ lab: Lab, _ resources: [LabResource]) {
        self.lab = lab
        self.resources = resources
    }

    /// Ends it, and sees to it that the agents still follow: the node comes once more and goes.
    ///
    /// - Returns: how often it came.
    func stop() throws -> Int {
        isStopping.store(true, ordering: .releasing)
        if let thread = thread.withLock({ $0.take() }) { thread.join() }
        if let problem = problem.withLock({ $0 }) { throw BenchmarkFailure("the node that comes and goes: \(problem)") }
        try join()
        for node in ["n1", "n2"] {
            try lab.waitStatus(node, "the peer that joins") { $0.peer(Self.name)?.blocks.count == 1 }
        }
        try leave()
        for node in ["n1", "n2"] { try lab.waitStatus(node, "the peer that leaves") { $0.peer(Self.name) == nil } }
        return rounds.load(ordering: .relaxed) + 1
    }

    private func join() throws { try lab.write(resources) }
    private func leave() throws { for resource in resources { try lab.removeResource(resource.name) } }

    private func loop() {
        do {
            while !isStopping.load(ordering: .acquiring) {
                try join()
                Monotonic.sleep(milliseconds: 500)
                try leave()
                Monotonic.sleep(milliseconds: 500)
                rounds.wrappingAdd(1, ordering: .relaxed)
            }
        } catch {
            problem.withLock { $0 = "\(error)" }
        }
    }
}
