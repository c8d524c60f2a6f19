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
        let cluster = SyntheticCluster.full
        let facts = cluster.facts
        let topology = Topology(cluster.state)
        let desired = DesiredState(local: cluster.local, topology: topology, facts: facts)
        var settled = Observed(device: facts.links.last, isCarried: true, peers: desired.peers, routes: desired.routes)
        settled.deviceAddresses = [IPv4InterfaceAddress(address: cluster.local.address.address, prefixLength: 32)]
        for setting in desired.settings {
            for input in setting.inputs { settled.settings[input] = setting.value }
        }
        var fromNothing = Series("65,536 blocks of 5,000 nodes: topology, verdicts, plan, from nothing")
        var unchanged = Series("65,536 blocks of 5,000 nodes: verdicts, plan, nothing to change")
        for round in 0...rounds {
            var (one, two) = (fromNothing, unchanged)
            let steps = one.time {
                let topology = Topology(cluster.state)
                let desired = DesiredState(local: cluster.local, topology: topology, facts: facts)
                return Plan(desired: desired, observed: Observed(), mayRemove: true).steps.count
            }
            let left = two.time {
                let desired = DesiredState(local: cluster.local, topology: topology, facts: facts)
                return Plan(desired: desired, observed: settled, mayRemove: true).steps
            }
            guard steps > 65_000, left.isEmpty else {
                throw BenchmarkFailure("\(steps) steps from nothing, \(left.count) at rest: \(left.prefix(3))")
            }
            if round > 0 { (fromNothing, unchanged) = (one, two) }
        }
        return [fromNothing, unchanged]
    }

    /// On one core: the loop is of this one thread.
    private static func lookups(_ rounds: Int) -> [Series] {
        var random = SplitMix64(seed: 42)
        var prefixes: Set<IPv4Prefix> = []
        while prefixes.count < prefixCount {
            let address = IPv4Address(rawValue: .random(in: 0 ... .max, using: &random))
            prefixes.insert(IPv4Prefix(containing: address, length: .random(in: 8...32, using: &random)))
        }
        let scattered = prefixes.sorted().enumerated().map { (prefix: $0.element, value: UInt32($0.offset)) }
        let blocks = (0..<UInt32(prefixCount)).map { index in
            (
                prefix: IPv4Prefix(containing: IPv4Address(rawValue: 0x0A00_0000 + index << 7), length: 26),
                value: index
            )
        }
        let anywhere = (0..<lookupsARound).map { _ in
            IPv4Address(rawValue: .random(in: 0 ... .max, using: &random))
        }
        let inPool = (0..<lookupsARound).map { _ in
            IPv4Address(rawValue: .random(in: 0x0A00_0000...0x0AFF_FFFF, using: &random))
        }
        let scatteredTable = IPv4PrefixTable(scattered)
        let blockTable = IPv4PrefixTable(blocks)
        var rates = [
            Series("lookups, 100,000 prefixes of /8 to /32", unit: "M/s"),
            Series("lookups, 100,000 blocks of a /8", unit: "M/s"),
        ]
        for round in 0...rounds {
            for (index, (table, addresses)) in [(scatteredTable, anywhere), (blockTable, inPool)].enumerated() {
                var time = Series("")
                let sum = time.time { addresses.reduce(into: UInt32(0)) { $0 &+= table.lookup($1) ?? 1 } }
                // A sum that is used keeps the loop from being left out.
                if round > 0, sum != 0 { rates[index].add(Double(addresses.count) / time.median / 1000) }
            }
        }
        var size = Series("table of 100,000 prefixes of /8 to /32", unit: "MB")
        size.add(Double(scatteredTable.memoryFootprint) / 1e6)
        return rates + [size]
    }
}
