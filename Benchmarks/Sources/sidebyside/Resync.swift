// How much the agent's walk adds to what the kernel's dump costs anyway.

import BenchmarkSupport
import Dataplane
import LinuxSystem
import Overlay

enum Resync {
    static func run(_ options: Options) throws {
        let cluster = SyntheticCluster.full
        let host = try BenchmarkHost("resync", of: cluster)
        let figures = try host.run { try measure(cluster, host, rounds: options.rounds ?? 25) }
        try figures.report(to: options.jsonDirectory)
    }

    private static func measure(
        _ cluster: SyntheticCluster, _ host: BenchmarkHost, rounds: Int
    ) throws -> Figures {
        var walk = try Walk(cluster, host: host)
        try walk.settle()
        var dump = try KernelDump()
        var bare = Series("bare receive loop")
        var read = Series("HostReader.read")
        var whole = Series("read, verdicts, plan")
        var thought = Series("of it verdicts and plan")
        // The first round only warms up.
        for round in 0...rounds {
            var (one, two, three, four) = (bare, read, whole, thought)
            // The bare loop stands between the two that are compared with it.
            try one.time { _ = try dump.receive() }
            let view = try two.time { try walk.read() }
            let isEmpty = try three.time {
                let view = try walk.read()
                return four.time { walk.plan(view).isEmpty }
            }
            guard isEmpty, view.observed.routes.count > 65_000 else {
                throw BenchmarkFailure("the walk is not at rest: \(view.observed.routes.count) routes")
            }
            if round > 0 { (bare, read, whole, thought) = (one, two, three, four) }
        }
        let ratio = whole.ratio(to: bare, "read, verdicts, plan / bare")
        return Figures(
            "resync", [bare, read, whole, thought, read.ratio(to: bare, "HostReader.read / bare"), ratio],
            aims: [Aim(ratio, atMost: 2)])
    }
}
