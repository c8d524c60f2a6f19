// The rate of longest-prefix matches and the time to build a table, at the size of a large cluster.

import Benchmark
import BenchmarkSupport
import Net

let benchmarks: @Sendable () -> Void = {
    let prefixCount = 100_000
    // As many as one scaled pass stands for, so that the reported throughput is in lookups.
    let lookupsAPass = BenchmarkScalingFactor.mega.rawValue

    var random = SplitMix64(seed: 42)
    let scattered = scatteredPrefixes(prefixCount, using: &random)
    let blocks = poolBlocks(prefixCount, using: &random)
    let everywhere = (0..<lookupsAPass).map { _ in address(in: 0 ... .max, using: &random) }
    let inPool = (0..<lookupsAPass).map { _ in address(in: 0x0A00_0000...0x0AFF_FFFF, using: &random) }
    let inBlocks = (0..<lookupsAPass).map { _ in
        let block = blocks[Int.random(in: blocks.indices, using: &random)].prefix
        return address(in: block.address.rawValue...block.last.rawValue, using: &random)
    }
    let scatteredTable = IPv4PrefixTable(scattered)
    let blockTable = IPv4PrefixTable(blocks)

    let lookups = Benchmark.Configuration(
        metrics: [.throughput], warmupIterations: 5, scalingFactor: .mega,
        maxDuration: .seconds(2), maxIterations: 1_000)
    Benchmark("Lookup, 100k prefixes of /8 to /32, any address", configuration: lookups) { _ in
        blackHole(sumOfMatches(in: scatteredTable, of: everywhere))
    }
    Benchmark("Lookup, 100k /26 of 10.0.0.0/8, any address of it", configuration: lookups) { _ in
        blackHole(sumOfMatches(in: blockTable, of: inPool))
    }
    Benchmark("Lookup, 100k /26 of 10.0.0.0/8, only addresses in them", configuration: lookups) { _ in
        blackHole(sumOfMatches(in: blockTable, of: inBlocks))
    }

    let builds = Benchmark.Configuration(
        metrics: [.wallClock], timeUnits: .microseconds, warmupIterations: 2, maxDuration: .seconds(2),
        maxIterations: 100)
    Benchmark("Build, 100k prefixes of /8 to /32", configuration: builds) { _ in
        blackHole(IPv4PrefixTable(scattered))
    }
    Benchmark("Build, 100k /26 of 10.0.0.0/8", configuration: builds) { _ in
        blackHole(IPv4PrefixTable(blocks))
    }
}

private func sumOfMatches(in table: IPv4PrefixTable, of addresses: [IPv4Address]) -> UInt32 {
    var sum: UInt32 = 0
    for address in addresses {
        sum &+= table.lookup(address) ?? 1
    }
    return sum
}

/// Distinct prefixes in random order, every length equally often as far as there are enough of it.
private func scatteredPrefixes(
    _ count: Int, using random: inout SplitMix64
) -> [(prefix: IPv4Prefix, value: UInt32)] {
    var seen: Set<IPv4Prefix> = []
    var entries: [(prefix: IPv4Prefix, value: UInt32)] = []
    while entries.count < count {
        let prefix = IPv4Prefix(
            containing: address(in: 0 ... .max, using: &random), length: .random(in: 8...32, using: &random))
        if seen.insert(prefix).inserted { entries.append((prefix, UInt32(entries.count))) }
    }
    return entries
}

/// Distinct /26 blocks of 10.0.0.0/8 in random order.
private func poolBlocks(_ count: Int, using random: inout SplitMix64) -> [(prefix: IPv4Prefix, value: UInt32)] {
    let slots = (UInt32(0)..<1 << 18).shuffled(using: &random).prefix(count)
    return slots.enumerated().map { index, slot in
        (IPv4Prefix(containing: IPv4Address(rawValue: 0x0A00_0000 | slot << 6), length: 26), UInt32(index))
    }
}

private func address(in range: ClosedRange<UInt32>, using random: inout SplitMix64) -> IPv4Address {
    IPv4Address(rawValue: .random(in: range, using: &random))
}
