// Full load, a peer that comes and goes, and garbage at the socket, for minutes: nothing breaks, leaks or is uncounted.

import Bench
import BenchmarkSupport
import Lab
import LinuxSystem

enum Soak {
    private static let garbagePerSecond = 50_000
    /// What the median of the last third may be above that of the first.
    private static let growthKilobytes = 1024

    static func run(_ options: Options) throws {
        for problem in Lab.removeAbandoned() { print("an earlier run left: \(problem)") }
        guard let path = BenchPath.all.first(where: { $0.name == "userspace" }) else {
            throw BenchmarkFailure("there is no such path")
        }
        let network = try PathNetwork(path, underlayMTU: 1500, agentBinary: options.agent)
        let lab = network.lab
        let cleanup = Cleanup.note { lab.down() }
        defer { Cleanup.undo(cleanup) }
        let failures = try soak(lab, seconds: max(12, Int((options.minutes ?? 10) * 60)))
        guard failures.isEmpty else { throw BenchmarkFailure(failures.joined(separator: "\n            ")) }
        print("soak: passed")
    }

    /// - Returns: what was not as it should be.
    private static func soak(_ lab: Lab, seconds: Int) throws -> [String] {
        try fixNeighbours(lab)
        let nodes = ["n1", "n2"]
        let processes = nodes.map { lab.agent($0)?.pid ?? 0 }
        let watch = try StrangerWatch(on: lab.host("w2"), allowed: lab.address(of: "w1"))
        let before = try DropAccount(lab)
        let stream = try lab.startTransfer(from: "w1", to: "w2", bytesPerSecond: nil)
        let churn = try PeerChurn.start(lab)
        let garbage = try GarbageSender.start(on: lab.router, packetsPerSecond: garbagePerSecond)
        defer { garbage.stop() }

        var memory = nodes.map { Series("resident, agent of \($0)", unit: "KiB") }
        let interval = min(10, max(1, seconds / 15))
        let begin = Monotonic.now
        // A table that is read for the first time, arenas that fill: the first tenth is warming up.
        var next = seconds / 10
        while true {
            let passed = Int((Monotonic.now - begin) / 1_000_000_000)
            if passed >= seconds { break }
            Monotonic.sleep(milliseconds: 200)
            try watch.look()
            for (node, process) in zip(nodes, processes) where try lab.agent(node)?.wait(timeoutMilliseconds: 0) != nil
            {
                throw BenchmarkFailure(
                    "the agent of \(node) (process \(process)) ended: \(lab.logTail(node, lines: 5))")
            }
            guard passed >= next else { continue }
            next += interval
            for index in nodes.indices { memory[index].add(try residentKilobytes(processes[index])) }
        }

        garbage.stop()
        let report = stream.stop()
        let rounds = try churn.stop()
        try watch.look()
        let account = try settle(lab).since(before)
        print(
            "soak: \(seconds) s; TCP \(report.megabitsPerSecond.rounded()) Mb/s, \(report.received) bytes, each compared"
        )
        print(
            "      a peer joined and left \(rounds) times; garbage \(Int(garbage.packetsPerSecond)) of "
                + "\(garbagePerSecond) packets/s")
        let table = SoakTable(garbage: garbage.sent, account: account)
        table.write()

        var failures: [String] = []
        if !report.isIntact { failures.append("the stream is not intact: \(report)") }
        for (node, process) in zip(nodes, processes) where try lab.status(node)?.pid != process {
            failures.append("the agent of \(node) is another process")
        }
        for series in memory { if let growth = growth(series) { failures.append(growth) } }
        if !garbage.refused.isEmpty { print("      refused by the sender's kernel: \(garbage.refused)") }
        for (source, count) in watch.strangers { failures.append("\(count) packets from \(source) reached w2") }
        if table.missing != 0 { failures.append("\(table.missing) packets ended where nobody counts") }
        return failures
    }

    /// Samples of a process's `VmRSS`.
    private static func residentKilobytes(_ process: Int32) throws -> Double {
        let line = try TextFile.read("/proc/\(process)/status").split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        guard
            let value = line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap({
                Double($0)
            })
        else { throw BenchmarkFailure("no VmRSS of process \(process)") }
        return value
    }

    /// Prints how the memory went; a failure where it grew.
    private static func growth(_ series: Series) -> String? {
        let third = max(1, series.samples.count / 3)
        var (first, last) = (Series("", unit: ""), Series("", unit: ""))
        for sample in series.samples.prefix(third) { first.add(sample) }
        for sample in series.samples.suffix(third) { last.add(sample) }
        print(
            "      \(series.name): \(Int(first.median)) KiB in the first third, \(Int(last.median)) in the last, "
                + "\(Int(series.minimum))–\(Int(series.maximum)) in all, \(series.samples.count) samples")
        let isFlat = last.median <= first.median + Double(growthKilobytes)
        return isFlat ? nil : "\(series.name) grew from \(first.median) to \(last.median) KiB"
    }

    /// Waits until nothing is on its way any more.
    private static func settle(_ lab: Lab) throws -> DropAccount {
        var last = try DropAccount(lab)
        for _ in 0..<100 {
            Monotonic.sleep(milliseconds: 100)
            let now = try DropAccount(lab)
            if now.ended == last.ended && now.fromPeer == last.fromPeer { return now }
            last = now
        }
        throw BenchmarkFailure("packets go on though nobody sends")
    }

    /// ARP is a packet too, and would be in the accounts.
    private static func fixNeighbours(_ lab: Lab) throws {
        for name in ["n1", "router", "n2"] {
            let host = try lab.host(name)
            for line in try host.execute("ip", ["-4", "neighbour", "show"]).output.split(separator: "\n") {
                // 10.0.1.254 dev eth0 lladdr 02:… REACHABLE
                let words = line.split(separator: " ").map(String.init)
                guard words.count >= 5, words[3] == "lladdr" else { continue }
                let result = try host.execute(
                    "ip", ["neighbour", "replace", words[0], "lladdr", words[4], "dev", words[2], "nud", "permanent"])
                guard result.status.isSuccess else { throw BenchmarkFailure("ip neighbour: \(result.errors)") }
            }
        }
    }
}
