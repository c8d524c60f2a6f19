// The pure parts at full size, with the project's aims; the suites below Benchmarks/ have them in more detail.

import BenchmarkSupport
import Net
import Overlay

enum Functions {
    private static let prefixCount = 100_000
    private static let lookupsARound = 1 << 20

    static func run(_ options: Options) throws {
        let rounds = options.rounds ?? 50
        let verdicts = try verdicts(rounds)
        let lookups = lookups(rounds)
        try Figures(
            "functions", verdicts + lookups,
            aims: [Aim(verdicts[0], atMost: 60), Aim(verdicts[1], atMost: 15)]
                + [Aim(lookups[0], atLeast: 50), Aim(lookups[2], atMost: 2)]
        ).report(to: options.jsonDirectory)
    }

    private static func verdicts(_ rounds: Int) throws -> [Series] {
        let settled = try SettledCluster(.full)
        var fromNothing = Series("65,536 blocks of 5,000 nodes: topology, verdicts, plan, from nothing")
        var unchanged = Series("65,536 blocks of 5,000 nodes: verdicts, plan, nothing to change")
        for round in 0...rounds {
            var (one, two) = (fromNothing, unchanged)
            let steps = one.time { settled.walkFromNothing().steps.count }
            let left = two.time { settled.walkAtRest().steps }
            guard steps > 65_000, left.isEmpty else {
                throw BenchmarkFailure("\(steps) steps from nothing, \(left.count) at rest: \(left.prefix(3))")
            }
            if round > 0 { (fromNothing, unchanged) = (one, two) }
        }
        return [fromNothing, unchanged]
    }

    /// On one core: the loop is of this one thread.
    private static func lookups(_ rounds: Int) -> [Series] {
        let scattered = LookupInputs.scattered(prefixCount, addresses: lookupsARound)
        let inPool = LookupInputs.blocks(prefixCount, addresses: lookupsARound, onlyInBlocks: false)
        let scatteredTable = IPv4PrefixTable(scattered.prefixes)
        let blockTable = IPv4PrefixTable(inPool.prefixes)
        var rates = [
            Series("lookups, 100,000 prefixes of /8 to /32", unit: "M/s"),
            Series("lookups, 100,000 blocks of a /8", unit: "M/s"),
        ]
        for round in 0...rounds {
            for (index, (table, inputs)) in [(scatteredTable, scattered), (blockTable, inPool)].enumerated() {
                var time = Series("")
                let sum = time.time { inputs.sumOfMatches(in: table) }
                if round > 0, sum != 0 { rates[index].add(Double(lookupsARound) / time.median / 1000) }
            }
        }
        var size = Series("table of 100,000 prefixes of /8 to /32", unit: "MB")
        size.add(Double(scatteredTable.memoryFootprint) / 1e6)
        return rates + [size]
    }
}
