// A walk of the control thread, step by step: decide, compare, and what is said to the kernel and heard from it.

import BenchmarkSupport
import Dataplane
import Rtnetlink

extension MeasuredFunction {
    /// As many blocks to a node as in the full cluster.
    private static let (smallNodes, smallBlocks) = (312, 4096)

    static var walks: [MeasuredFunction] {
        [
            walk("topology") { UInt64($0.index().blocks.count) },
            walk("topology-4096", nodes: smallNodes, blocks: smallBlocks) { UInt64($0.index().blocks.count) },
            walk("verdicts") { UInt64($0.decide().routes.count) },
            walk("verdicts-4096", nodes: smallNodes, blocks: smallBlocks) { UInt64($0.decide().routes.count) },
            walk("plan") { UInt64($0.planFromNothing().steps.count) },
            walk("plan-4096", nodes: smallNodes, blocks: smallBlocks) { UInt64($0.planFromNothing().steps.count) },
            walk("plan-at-rest") { UInt64($0.planAtRest().steps.count) },
            encode, decode,
        ]
    }

    private static func walk(
        _ name: String, nodes: Int = 5000, blocks: Int = 65_536, step: @escaping (SettledCluster) -> UInt64
    ) -> MeasuredFunction {
        MeasuredFunction(
            name: name, unit: "block of \(blocks)", operations: blocks, calls: blocks > smallBlocks ? 2 : 32
        ) {
            let settled = try SettledCluster(SyntheticCluster(nodes: nodes, blocks: blocks))
            return { step(settled) }
        }
    }

    private static var encode: MeasuredFunction {
        MeasuredFunction(name: "netlink-encode", unit: "route of a batch", operations: smallBlocks, calls: 20) {
            let routes = try SettledCluster(SyntheticCluster(nodes: smallNodes, blocks: smallBlocks)).desired.routes
            guard routes.count == smallBlocks else { throw BenchmarkFailure("\(routes.count) routes") }
            return {
                var batch = NetlinkBatch(reservingCapacity: routes.count)
                for route in routes { batch.append(.addRoute(route.specification(tunnelLink: 3))) }
                return UInt64(batch.count)
            }
        }
    }

    /// The kernel's own work is not among a process's instructions, so what is left is the reading.
    private static var decode: MeasuredFunction {
        // The routes of eth0 and of its default gateway are there too.
        let count = smallBlocks + 2
        return MeasuredFunction(name: "netlink-decode", unit: "route of a listing", operations: count, calls: 20) {
            try Cleanup.handleSignals()
            let installed = try InstalledRoutes(SyntheticCluster(nodes: smallNodes, blocks: smallBlocks))
            return {
                let routes = try installed.walk.netlink.routes()
                guard routes.count == count else { throw BenchmarkFailure("\(routes.count) routes") }
                return UInt64(routes.count)
            }
        }
    }
}
