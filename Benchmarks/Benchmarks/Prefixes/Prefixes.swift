// The rate of longest-prefix matches and the time to build a table, at the size of a large cluster.

import Benchmark
import BenchmarkSupport
import Net

let benchmarks: @Sendable () -> Void = {
    let prefixCount = 100_000
    // As many as one scaled pass stands for, so that the reported throughput is in lookups.
    let lookupsAPass = BenchmarkScalingFactor.mega.rawValue

    let scattered = LookupInputs.scattered(prefixCount, addresses: lookupsAPass)
    let inPool = LookupInputs.blocks(prefixCount, addresses: lookupsAPass, onlyInBlocks: false)
    let inBlocks = LookupInputs.blocks(prefixCount, addresses: lookupsAPass, onlyInBlocks: true)
    let scatteredTable = IPv4PrefixTable(scattered.prefixes)
    let blockTable = IPv4PrefixTable(inPool.prefixes)

    let lookups = Benchmark.Configuration(
        metrics: [.throughput], warmupIterations: 5, scalingFactor: .mega,
        maxDuration: .seconds(2), maxIterations: 1_000)
    Benchmark("Lookup, 100k prefixes of /8 to /32, any address", configuration: lookups) { _ in
        blackHole(scattered.sumOfMatches(in: scatteredTable))
    }
    Benchmark("Lookup, 100k /26 of 10.0.0.0/8, any address of it", configuration: lookups) { _ in
        blackHole(inPool.sumOfMatches(in: blockTable))
    }
    Benchmark("Lookup, 100k /26 of 10.0.0.0/8, only addresses in them", configuration: lookups) { _ in
        blackHole(inBlocks.sumOfMatches(in: blockTable))
    }

    let builds = Benchmark.Configuration(
        metrics: [.wallClock], timeUnits: .microseconds, warmupIterations: 2, maxDuration: .seconds(2),
        maxIterations: 100)
    Benchmark("Build, 100k prefixes of /8 to /32", configuration: builds) { _ in
        blackHole(IPv4PrefixTable(scattered.prefixes))
    }
    Benchmark("Build, 100k /26 of 10.0.0.0/8", configuration: builds) { _ in
        blackHole(IPv4PrefixTable(inPool.prefixes))
    }
}
