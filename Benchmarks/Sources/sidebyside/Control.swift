// The two promises to operators that have a time in them: a changed config is in force, and SIGTERM ends the agent.

import BenchmarkSupport
import Glibc
import LinuxSystem
import Net
import Overlay
import Rtnetlink

enum Control {
    static func run(_ options: Options) throws {
        let cluster = SyntheticCluster(nodes: 500, blocks: 1_000)
        let host = try BenchmarkHost("control", of: cluster)
        let figures = try host.run { try measure(options.agent, cluster, host, rounds: options.rounds ?? 50) }
        try figures.report(to: options.jsonDirectory)
    }

    private static func measure(
        _ binary: String, _ cluster: SyntheticCluster, _ host: BenchmarkHost, rounds: Int
    ) throws -> Figures {
        let routes = DesiredState(local: cluster.local, topology: Topology(cluster.state), facts: cluster.facts).routes
        // A neighbour on the link: direct in CrossSubnet, tunnelled in Always.
        guard let direct = routes.last(where: { $0.kind == .unicast && $0.link != Route.tunnelLink }) else {
            throw BenchmarkFailure("no direct route in this cluster")
        }
        var config = Series("changed config in force")
        var end = Series("SIGTERM to exit")
        do {
            let agent = try Agent(binary, cluster: cluster, host: host)
            try agent.waitUntilSettled(routes: routes.count)
            var watch = try Watch()
            for round in 0..<rounds {
                let text = Agent.config(cluster, host, ipipMode: round % 2 == 0 ? .always : .crossSubnet)
                let path = "\(host.directory)/node.yaml.new"
                try TextFile.replace(path, with: text)
                try watch.clear()
                let start = Monotonic.now
                guard rename(path, agent.configPath) == 0 else { throw BenchmarkFailure("rename: errno \(errno)") }
                let finish = try watch.wait { event in
                    if case .route(.new, let new, _) = event { new.destination == direct.destination } else { false }
                }
                config.add(Double(finish - start) / 1e6)
                try agent.waitUntilQuiet()
            }
            end.add(try agent.stop())
        }
        for _ in 0..<min(rounds, 20) {
            let agent = try Agent(binary, cluster: cluster, host: host)
            try agent.waitUntilSettled(routes: routes.count)
            end.add(try agent.stop())
        }
        return Figures("control", [config, end], aims: [Aim(config, atMost: 300), Aim(end, atMost: 300)])
    }
}
