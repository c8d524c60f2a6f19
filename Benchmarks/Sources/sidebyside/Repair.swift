// Somebody deletes a route, or the tunnel device with all its routes: how long until they are back.

import BenchmarkSupport
import LinuxSystem
import Net
import Overlay
import Rtnetlink

enum Repair {
    private static let small = SyntheticCluster(nodes: 500, blocks: 1_000)

    static func run(_ options: Options) throws {
        var series: [Series] = []
        var aims: [Aim] = []
        for (cluster, rounds) in [(small, options.rounds ?? 60), (SyntheticCluster.full, (options.rounds ?? 60) / 5)] {
            let host = try BenchmarkHost("repair-\(cluster.state.blocks.count)", of: cluster)
            let found = try host.run { try measure(options.agent, cluster, host, rounds: rounds) }
            series += found
            if aims.isEmpty { aims = [0, 1, 3].map { Aim(found[$0], atMost: 20) } }
        }
        try Figures("repair", series, aims: aims).report(to: options.jsonDirectory)
    }

    private static func measure(
        _ binary: String, _ cluster: SyntheticCluster, _ host: BenchmarkHost, rounds: Int
    ) throws -> [Series] {
        let agent = try Agent(binary, cluster: cluster, host: host)
        let count = DesiredState(local: cluster.local, topology: Topology(cluster.state), facts: cluster.facts)
            .routes.count
        try agent.waitUntilSettled(routes: count)
        var netlink = try NetlinkSocket()
        var watch = try Watch()
        var random = SplitMix64(seed: 7)
        var route = Series("route back, \(count) routes")
        var device = Series("device up again, \(count) routes")
        var deletion = Series("the call that deletes the device, \(count) routes")
        var routes = Series("last of its routes back, \(count) routes")

        // The notifications of a whole large table overrun any receive buffer.
        let followsRoutes = count < 10_000
        let tunnelled = try netlink.routes(filter: RouteFilter(routeProtocol: 112, kind: .unicast))
        for _ in 0..<rounds {
            guard let victim = tunnelled.randomElement(using: &random) else { break }
            try watch.clear()
            let start = Monotonic.now
            try netlink.perform(.deleteRoute(RouteSpecification(victim)))
            let end = try watch.wait { event in
                if case .route(.new, let back, _) = event { back.destination == victim.destination } else { false }
            }
            route.add(Double(end - start) / 1e6)
            try agent.waitUntilQuiet()
        }
        for _ in 0..<rounds {
            guard let link = try netlink.link(named: cluster.local.tunnelDevice) else {
                throw BenchmarkFailure("there is no tunnel device")
            }
            let viaTunnel = try netlink.routes(filter: RouteFilter(routeProtocol: 112, link: link.index))
            guard let last = viaTunnel.last else { throw BenchmarkFailure("no route uses the tunnel") }
            try watch.clear()
            let start = Monotonic.now
            // On a thread of its own: the call returns late, after the kernel's last look for users of the device.
            let remover = try Remover()
            let thread = try SystemThread.start(name: "remove") { remover.remove(link.index) }
            // Both may be told of in one go.
            var up: UInt64?
            let end = try watch.wait(seconds: 30) { event in
                switch event {
                case .link(.new, let back) where back.name == link.name && back.isUp && back.index != link.index:
                    up = up ?? Monotonic.now
                    return !followsRoutes
                case .route(.new, let back, _):
                    return followsRoutes && up != nil && back.destination == last.destination
                default:
                    return false
                }
            }
            thread.join()
            device.add(Double((up ?? end) - start) / 1e6)
            deletion.add(Double(remover.finished - start) / 1e6)
            if followsRoutes { routes.add(Double(end - start) / 1e6) }
            try agent.waitUntilSettled(routes: count)
        }
        _ = try agent.stop()
        return followsRoutes ? [route, device, deletion, routes] : [route, device, deletion]
    }
}

/// Deletes a device from another thread.
private final class Remover: @unchecked Sendable {
    private var netlink: NetlinkSocket
    /// When the call returned (nanoseconds, monotonic); read after the thread has ended.
    private(set) var finished: UInt64 = 0

    init() throws {
        netlink = try NetlinkSocket()
    }

    func remove(_ link: Int32) {
        // Where it fails, nobody sees the device come back, and the wait for that says so.
        try? netlink.perform(.deleteLink(.index(link)))
        finished = Monotonic.now
    }
}
