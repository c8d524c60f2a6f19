// A real agent process on a benchmark's host, watched from outside only: by its routes, /proc and its end.

import BenchmarkSupport
import Dataplane
import Glibc
import LinuxSystem
import Net
import Overlay
import Rtnetlink

/// A running `poplin agent`; it is killed when the value goes. All its methods are called on the host's thread.
final class Agent {
    private static let quietLooks = 5
    private static let lookMilliseconds: Int32 = 100
    /// How long ``waitUntilSettled(routes:seconds:)`` looks on after the agent has gone to sleep.
    static let settlingMilliseconds = Double(quietLooks) * Double(lookMilliseconds)

    private let host: BenchmarkHost
    private let cleanup: Int
    private let process: ChildProcess
    let configPath: String
    /// Nanoseconds, monotonic.
    let started: UInt64

    /// Writes config and datastore, and starts the agent.
    init(_ binary: String, cluster: SyntheticCluster, host: BenchmarkHost, tier: Tier = .userspace) throws {
        self.host = host
        let store = "\(host.directory)/cluster"
        configPath = "\(host.directory)/config/node.yaml"
        try Directory.create(store)
        try Directory.create("\(host.directory)/config")
        try TextFile.replace("\(store)/nodes.yaml", with: cluster.nodesYAML)
        try TextFile.replace("\(store)/blocks.yaml", with: cluster.blocksYAML)
        try TextFile.replace(configPath, with: Agent.config(cluster, host, tier: tier))
        started = Monotonic.now
        let process = try ChildProcess.spawn(
            binary, ["agent", "--config", configPath], output: .null, errors: .file("\(host.directory)/agent.log"))
        self.process = process
        cleanup = Cleanup.note {
            try? process.terminate(Signals.kill)
            _ = try? process.wait(timeoutMilliseconds: 2000)
        }
    }

    deinit {
        Cleanup.undo(cleanup)
    }

    static func config(
        _ cluster: SyntheticCluster, _ host: BenchmarkHost, tier: Tier = .userspace, ipipMode: IPIPMode? = nil
    ) -> String {
        let mode = ipipMode.map { "ipipMode: \($0.rawValue)\n" } ?? ""
        return """
            node: \(cluster.local.name)
            address: \(cluster.local.address)
            dataplane: \(tier.rawValue)
            \(mode)datastore:
              file: \(host.directory)/cluster
            runDirectory: \(host.directory)/run

            """
    }

    /// Waits until the kernel has as many of Poplin's routes and the agent has gone to sleep.
    func waitUntilSettled(routes: Int, seconds: Int = 60) throws {
        var netlink = try NetlinkSocket()
        let deadline = Monotonic.now + UInt64(seconds) * 1_000_000_000
        var quiet = 0
        var switches = -1
        while quiet < Agent.quietLooks {
            guard Monotonic.now < deadline else {
                throw BenchmarkFailure("the agent is not ready after \(seconds) s; its log: \(log)")
            }
            if try process.wait(timeoutMilliseconds: Agent.lookMilliseconds) != nil {
                throw BenchmarkFailure("the agent ended: \(log)")
            }
            let count = try netlink.routes(filter: RouteFilter(routeProtocol: 112)).count
            let now = try contextSwitches()
            quiet = try count == routes && now == switches && sleeps() ? quiet + 1 : 0
            switches = now
        }
    }

    /// Waits until the agent has been asleep for a while.
    func waitUntilQuiet() throws {
        var before = -1
        for _ in 0..<500 {
            let now = try contextSwitches()
            if try now == before && sleeps() { return }
            before = now
            Monotonic.sleep(milliseconds: 20)
        }
        throw BenchmarkFailure("the agent does not come to rest")
    }

    /// Waits until nothing has woken the agent for a few seconds: an installation is followed by a last look at it,
    /// and a new device by the kernel's own few IPv6 packets.
    func waitUntilIdle() throws {
        for _ in 0..<30 {
            let before = try wakeUps()
            Monotonic.sleep(milliseconds: 5000)
            if try wakeUps() == before { return }
        }
        throw BenchmarkFailure("the agent keeps waking up")
    }

    /// Sends SIGTERM and waits for the end; gives the milliseconds in between.
    func stop() throws -> Double {
        let start = Monotonic.now
        try process.terminate()
        guard let status = try process.wait(timeoutMilliseconds: 10_000) else {
            throw BenchmarkFailure("the agent does not end")
        }
        let time = Double(Monotonic.now - start) / 1e6
        guard status.isSuccess else { throw BenchmarkFailure("the agent ended with \(status): \(log)") }
        return time
    }

    /// Kills it as a crash would; gives back when it is gone.
    func kill() throws {
        try process.terminate(Signals.kill)
        _ = try process.wait(timeoutMilliseconds: 10_000)
    }

    /// How often threads of the agent woke up: each time they went to sleep before.
    func wakeUps() throws -> Int { try sum("voluntary_ctxt_switches:") }

    /// How often threads of the agent went to sleep or were stopped for others.
    private func contextSwitches() throws -> Int {
        try sum("voluntary_ctxt_switches:") + sum("nonvoluntary_ctxt_switches:")
    }

    /// Whether all threads are asleep.
    private func sleeps() throws -> Bool {
        try Directory.list("/proc/\(process.pid)/task").allSatisfy { thread in
            ((try? TextFile.read("/proc/\(process.pid)/task/\(thread)/status")) ?? "").contains("State:\tS")
        }
    }

    private func sum(_ field: String) throws -> Int {
        var sum = 0
        for thread in try Directory.list("/proc/\(process.pid)/task") {
            // A thread that has ended meanwhile counts no more.
            guard let status = try? TextFile.read("/proc/\(process.pid)/task/\(thread)/status") else { continue }
            for line in status.split(separator: "\n") where line.hasPrefix(field) {
                sum += Int(line.split(separator: "\t").last ?? "") ?? 0
            }
        }
        return sum
    }

    /// A field of `/proc/PID/status` in KB.
    func kilobytes(_ field: String) throws -> Int {
        let line = try TextFile.read("/proc/\(process.pid)/status").split(separator: "\n")
            .first { $0.hasPrefix("\(field):") }
        guard let words = line?.split(whereSeparator: { $0 == " " || $0 == "\t" }), words.count >= 2,
            let value = Int(words[1])
        else { throw BenchmarkFailure("no \(field) in /proc") }
        return value
    }

    private var log: String {
        ((try? TextFile.read("\(host.directory)/agent.log")) ?? "").split(separator: "\n").suffix(5)
            .joined(separator: " | ")
    }
}

/// Changes as the kernel tells of them, with the time of their arrival.
struct Watch: ~Copyable {
    private var monitor: NetlinkMonitor

    init() throws {
        monitor = try NetlinkMonitor()
    }

    /// Throws away what is waiting.
    mutating func clear() throws {
        try monitor.drain { _ in }
    }

    /// How many changes of links, addresses and routes have come since the last look.
    mutating func count() throws -> Int {
        var count = 0
        try monitor.drain { _ in count += 1 }
        return count
    }

    /// Waits for an event that `isWanted`; gives the time at which it came (nanoseconds, monotonic).
    mutating func wait(seconds: Int = 5, for isWanted: (MonitorEvent) -> Bool) throws -> UInt64 {
        let deadline = Monotonic.now + UInt64(seconds) * 1_000_000_000
        var found: UInt64?
        while found == nil {
            var entry = pollfd(fd: monitor.fileDescriptor, events: Int16(POLLIN), revents: 0)
            _ = poll(&entry, 1, 100)
            let now = Monotonic.now
            try monitor.drain { if found == nil, isWanted($0) { found = now } }
            if now > deadline { throw BenchmarkFailure("what was waited for did not come in \(seconds) s") }
        }
        return found ?? 0
    }
}
