// The kernel tier of a node with 1,000 peers of 64 blocks each: until all of it is in the kernel, until a walk has seen
// that it is right, and what the agent keeps in memory.

import BenchmarkSupport
import LinuxSystem
import Net
import Overlay
import Rtnetlink

enum KernelTier {
    private static let peers = 1_000
    private static let cluster = SyntheticCluster(nodes: peers + 1, blocks: (peers + 1) * 64)
    private static let repairs = 20

    static func run(_ options: Options) throws {
        let host = try BenchmarkHost("kernel", of: cluster)
        let figures = try host.run { try measure(options.agent, host, rounds: options.rounds ?? 3) }
        try figures.report(to: options.jsonDirectory)
    }

    private static func measure(_ binary: String, _ host: BenchmarkHost, rounds: Int) throws -> Figures {
        let routes = DesiredState(local: cluster.local, topology: Topology(cluster.state), facts: cluster.facts).routes
        let batch = "\(host.directory)/routes.ip"
        try TextFile.replace(batch, with: Install.commands(for: routes.map { .route(.add($0)) }))
        var theirs = Series("ip -batch, the same routes")
        var start = Series("start to rest, \(routes.count) routes made")
        var restart = Series("killed and started again: to rest, nothing changed")
        var changes = Series("changes of routes and devices by the restart", unit: "")
        var route = Series("deleted route back")
        var resident = Series("resident", unit: "MiB")
        var again = Series("resident after restart", unit: "MiB")
        var peak = Series("peak", unit: "MiB")
        for _ in 0..<rounds {
            try host.ip("link add tunl0 type ipip local \(cluster.local.address.address)\nlink set tunl0 up\n")
            try theirs.time { try execute("ip", ["-batch", batch]) }
            try host.ip("link del tunl0\nroute flush proto 112\n")

            let agent = try Agent(binary, cluster: cluster, host: host, tier: .kernel)
            try agent.waitUntilSettled(routes: routes.count, seconds: 300)
            start.add(Double(Monotonic.now - agent.started) / 1e6 - Agent.settlingMilliseconds)
            resident.add(Double(try agent.kilobytes("VmRSS")) / 1024)
            peak.add(Double(try agent.kilobytes("VmHWM")) / 1024)
            try agent.kill()

            var watch = try Watch()
            let successor = try Agent(binary, cluster: cluster, host: host, tier: .kernel)
            try successor.waitUntilSettled(routes: routes.count, seconds: 300)
            restart.add(Double(Monotonic.now - successor.started) / 1e6 - Agent.settlingMilliseconds)
            again.add(Double(try successor.kilobytes("VmRSS")) / 1024)
            changes.add(Double(try watch.count()))
            try repair(successor, &route)
            _ = try successor.stop()
            try execute(binary, ["clean", "--config", successor.configPath])
        }
        let ratio = start.ratio(to: theirs, "start to rest / ip -batch")
        return Figures(
            "kernel", [theirs, start, ratio, restart, changes, route, resident, again, peak],
            aims: [Aim(changes, atMost: 0)])
    }

    /// Deletes routes one by one: each comes back by one whole walk.
    private static func repair(_ agent: Agent, _ series: inout Series) throws {
        var netlink = try NetlinkSocket()
        var watch = try Watch()
        for victim in try netlink.routes(filter: RouteFilter(routeProtocol: 112, kind: .unicast)).prefix(repairs) {
            try watch.clear()
            let start = Monotonic.now
            try netlink.perform(.deleteRoute(RouteSpecification(victim)))
            let end = try watch.wait(seconds: 30) { event in
                if case .route(.new, let back, _) = event { back.destination == victim.destination } else { false }
            }
            series.add(Double(end - start) / 1e6)
            try agent.waitUntilQuiet()
        }
    }

    private static func execute(_ program: String, _ arguments: [String]) throws {
        let result = try ChildProcess.run(program, arguments, timeoutMilliseconds: 300_000)
        guard result.status.isSuccess else { throw BenchmarkFailure("\(program): \(result.errors)") }
    }
}
