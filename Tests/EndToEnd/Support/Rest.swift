// An agent at rest has no timer running and no event waiting: what it does after that, a new event has made it do.

import FoundationEssentials
import Lab
import LinuxSystem
import Testing

extension Lab {
    /// Waits until a node's agent is ready and at rest.
    func waitForRest(_ node: String) throws {
        try waitReady(node)
        try waitUntil("the agent of \(node) to be at rest") {
            // The control thread answers between two walks: with the second answer, all that waited at the first has
            // been taken, and a walk that was put off for it shows as a running timer.
            _ = try status(node)
            _ = try status(node)
            return try runningTimers(of: node).isEmpty
        }
    }

    /// The timers of a node's agent that will wake it, as the kernel tells of them.
    private func runningTimers(of node: String) throws -> [String] {
        let process = "/proc/\(try #require(agent(node)).pid)"
        var timers = 0
        let running = try Directory.list("\(process)/fd").compactMap { number -> String? in
            let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(process)/fd/\(number)")
            guard target == "anon_inode:[timerfd]" else { return nil }
            timers += 1
            let lines = try TextFile.read("\(process)/fdinfo/\(number)").split(separator: "\n")
            let value = try #require(lines.first { $0.hasPrefix("it_value:") })
            return value == "it_value: (0, 0)" ? nil : "\(number) \(value)"
        }
        // Else a kernel that names them otherwise would pass for rest.
        try #require(timers > 0, "the agent of \(node) has no timer at all")
        return running
    }
}
