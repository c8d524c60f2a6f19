// The same 65,536 routes, made by Poplin's writer and by iproute2, in turns.

import BenchmarkSupport
import Dataplane
import LinuxSystem
import Net
import Overlay

enum Install {
    static func run(_ options: Options) throws {
        let cluster = SyntheticCluster.full
        let host = try BenchmarkHost("install", of: cluster)
        let figures = try host.run { try measure(cluster, host, rounds: options.rounds ?? 7) }
        try figures.report(to: options.jsonDirectory)
    }

    private static func measure(
        _ cluster: SyntheticCluster, _ host: BenchmarkHost, rounds: Int
    ) throws -> Figures {
        var walk = try Walk(cluster, host: host)
        let full = walk.topology
        let none = Topology(ClusterState())
        // Device, settings and peers: these are not what is compared.
        walk.topology = none
        try walk.settle()
        walk.topology = full
        let steps = walk.plan(try walk.read()).steps
        let batch = "\(host.directory)/routes.ip"
        try TextFile.replace(batch, with: commands(for: steps))

        var ours = Series("PlanWriter, add")
        var theirs = Series("ip -batch, add")
        var walked = Series("whole walk from nothing")
        var removal = Series("PlanWriter, remove")
        func clear(_ series: inout Series) throws {
            walk.topology = none
            let removals = walk.plan(try walk.read()).steps
            try series.time { try walk.apply(removals) }
            walk.topology = full
        }
        var ignored = Series("")
        for round in 0...rounds {
            var (one, two, three, four) = (ours, theirs, walked, removal)
            try one.time { try walk.apply(steps) }
            try expectSettled(&walk, "PlanWriter")
            try clear(&four)
            let result = try two.time {
                try ChildProcess.run("ip", ["-batch", batch], timeoutMilliseconds: 120_000)
            }
            guard result.status.isSuccess else { throw BenchmarkFailure("ip -batch: \(result.errors)") }
            try expectSettled(&walk, "ip -batch")
            try clear(&ignored)
            try three.time { try walk.apply(walk.plan(try walk.read()).steps) }
            try clear(&ignored)
            if round > 0 { (ours, theirs, walked, removal) = (one, two, three, four) }
        }
        let ratio = ours.ratio(to: theirs, "PlanWriter / ip -batch")
        return Figures("install", [ours, theirs, ratio, walked, removal], aims: [Aim(ratio, atMost: 1)])
    }

    /// Whether the routes are there just as they should be: both ways are held to the same outcome.
    private static func expectSettled(_ walk: inout Walk, _ way: String) throws {
        let view = try walk.read()
        let left = walk.plan(view).steps.count { if case .route = $0 { true } else { false } }
        guard left == 0 else { throw BenchmarkFailure("\(way) left \(left) routes to change") }
    }

    /// The routes that are added, as lines for `ip -batch`.
    static func commands(for steps: [Step]) -> String {
        var lines: [String] = []
        for case .route(.add(let route)) in steps {
            let device = route.link == Route.tunnelLink ? "tunl0" : "eth0"
            switch route.kind {
            case .blackhole: lines.append("route add blackhole \(route.destination) proto 112 metric \(route.metric)")
            default:
                let flags = route.flags.contains(.onlink) ? " onlink" : ""
                lines.append("route add \(route.destination) via \(route.gateway) dev \(device) proto 112\(flags)")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
