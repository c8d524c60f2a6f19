// What a walk thinks: verdicts and plan for 65,536 blocks of 5,000 nodes, without the kernel.

import Benchmark
import BenchmarkSupport
import Overlay

let benchmarks: @Sendable () -> Void = {
    let settled: SettledCluster
    do {
        settled = try SettledCluster(.full)
    } catch {
        fatalError("\(error)")
    }
    let times = Benchmark.Configuration(
        metrics: [.wallClock], timeUnits: .microseconds, warmupIterations: 5, maxDuration: .seconds(5),
        maxIterations: 200)
    Benchmark("From nothing: topology, verdicts, plan", configuration: times) { _ in
        blackHole(settled.walkFromNothing())
    }
    Benchmark("Nothing to change: verdicts, plan", configuration: times) { _ in
        blackHole(settled.walkAtRest())
    }
    Benchmark("Part: topology", configuration: times) { _ in
        blackHole(settled.index())
    }
    Benchmark("Part: verdicts", configuration: times) { _ in
        blackHole(settled.decide())
    }
    Benchmark("Part: plan from nothing", configuration: times) { _ in
        blackHole(settled.planFromNothing())
    }
    Benchmark("Part: plan with nothing to change", configuration: times) { _ in
        blackHole(settled.planAtRest())
    }
}
