// What a walk thinks: verdicts and plan for 65,536 blocks of 5,000 nodes, without the kernel.

import Benchmark
import BenchmarkSupport
import Net
import Overlay

let benchmarks: @Sendable () -> Void = {
    let cluster = SyntheticCluster.full
    let (local, facts) = (cluster.local, cluster.facts)
    let topology = Topology(cluster.state)
    let desired = DesiredState(local: local, topology: topology, facts: facts)
    let settled = Observed(
        device: facts.links.last, isCarried: true,
        deviceAddresses: desired.device.address.map { [IPv4InterfaceAddress(address: $0, prefixLength: 32)] } ?? [],
        peers: desired.peers,
        settings: Dictionary(
            desired.settings.flatMap { setting in setting.inputs.map { ($0, setting.value) } },
            uniquingKeysWith: { first, _ in first }),
        routes: desired.routes)
    precondition(desired.routes.count > 65_000, "the routes are what is measured")
    let left = Plan(desired: desired, observed: settled, mayRemove: true)
    precondition(left.isEmpty, "nothing to change, but \(left.steps.prefix(3))")

    let times = Benchmark.Configuration(
        metrics: [.wallClock], timeUnits: .microseconds, warmupIterations: 5, maxDuration: .seconds(5),
        maxIterations: 200)
    Benchmark("From nothing: topology, verdicts, plan", configuration: times) { _ in
        let topology = Topology(cluster.state)
        let desired = DesiredState(local: local, topology: topology, facts: facts)
        blackHole(Plan(desired: desired, observed: Observed(), mayRemove: true))
    }
    Benchmark("Nothing to change: verdicts, plan", configuration: times) { _ in
        let desired = DesiredState(local: local, topology: topology, facts: facts)
        blackHole(Plan(desired: desired, observed: settled, mayRemove: true))
    }
    Benchmark("Part: topology", configuration: times) { _ in
        blackHole(Topology(cluster.state))
    }
    Benchmark("Part: verdicts", configuration: times) { _ in
        blackHole(DesiredState(local: local, topology: topology, facts: facts))
    }
    Benchmark("Part: plan from nothing", configuration: times) { _ in
        blackHole(Plan(desired: desired, observed: Observed(), mayRemove: true))
    }
    Benchmark("Part: plan with nothing to change", configuration: times) { _ in
        blackHole(Plan(desired: desired, observed: settled, mayRemove: true))
    }
}
