// Requests written and routes read, 65,536 at a time; the kernel's part is in `sidebyside`, beside what it is compared with.

import Benchmark
import BenchmarkSupport
import Dataplane
import LinuxSystem
import Overlay
import Rtnetlink

let benchmarks: @Sendable () -> Void = {
    let times = Benchmark.Configuration(
        metrics: [.wallClock], timeUnits: .microseconds, warmupIterations: 3, maxDuration: .seconds(4),
        maxIterations: 100)
    let cluster = SyntheticCluster.full
    let routes = DesiredState(local: cluster.local, topology: Topology(cluster.state), facts: cluster.facts).routes

    Benchmark("Encode 65,536 route requests", configuration: times) { _ in
        var batch = NetlinkBatch(reservingCapacity: routes.count)
        for route in routes { batch.append(.addRoute(route.specification(tunnelLink: 3))) }
        blackHole(batch.count)
    }

    guard Host.hasCapability(.netAdmin) else {
        print("Netlink: no CAP_NET_ADMIN, so the kernel's dump is not measured")
        return
    }
    Benchmark(
        "Dump and decode 65,536 routes", configuration: times,
        closure: { (_: Benchmark, installed: InstalledRoutes) in
            blackHole(try installed.walk.netlink.routes().count)
        },
        setup: { try InstalledRoutes(cluster) },
        teardown: { Cleanup.undoAll() })
}
