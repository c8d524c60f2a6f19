// The longest-prefix table that each packet asks, once or twice.

import BenchmarkSupport
import Net

extension MeasuredFunction {
    static var lookups: [MeasuredFunction] {
        [
            lookup("lookup", "address of 65536 blocks") { .blocks(65_536, addresses: $0, onlyInBlocks: true) },
            lookup("lookup-10", "address of 10 blocks") { .blocks(10, addresses: $0, onlyInBlocks: true) },
            lookup("lookup-scattered", "address, 100000 of /8 to /32") { .scattered(100_000, addresses: $0) },
            MeasuredFunction(name: "table", unit: "prefix, a table of 65536 blocks", operations: 65_536, calls: 2) {
                let inputs = LookupInputs.blocks(65_536, addresses: 0, onlyInBlocks: true)
                return { UInt64(IPv4PrefixTable(inputs.prefixes).memoryFootprint) }
            },
        ]
    }

    private static func lookup(
        _ name: String, _ unit: String, inputs: @escaping (_ addresses: Int) -> LookupInputs
    ) -> MeasuredFunction {
        MeasuredFunction(name: name, unit: unit, operations: 4096, calls: 100) {
            let inputs = inputs(4096)
            let table = IPv4PrefixTable(inputs.prefixes)
            return { UInt64(inputs.sumOfMatches(in: table)) }
        }
    }
}
