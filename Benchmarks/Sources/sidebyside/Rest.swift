// What an agent with a large cluster costs while nothing happens.

import BenchmarkSupport
import LinuxSystem
import Overlay

enum Rest {
    private static let idleSeconds: UInt32 = 30

    static func run(_ options: Options) throws {
        let cluster = SyntheticCluster.full
        let host = try BenchmarkHost("rest", of: cluster)
        let figures = try host.run { try measure(options.agent, cluster, host, rounds: options.rounds ?? 5) }
        try figures.report(to: options.jsonDirectory)
    }

    private static func measure(
        _ binary: String, _ cluster: SyntheticCluster, _ host: BenchmarkHost, rounds: Int
    ) throws -> Figures {
        let count = DesiredState(local: cluster.local, topology: Topology(cluster.state), facts: cluster.facts)
            .routes.count
        var ready = Series("start to all routes installed", unit: "ms")
        var restart = Series("start to rest, routes there already", unit: "ms")
        var resident = Series("resident, routes installed", unit: "MiB")
        var again = Series("resident after restart, nothing to do", unit: "MiB")
        var anonymousAgain = Series("of it anonymous, after restart", unit: "MiB")
        var peak = Series("peak", unit: "MiB")
        var anonymous = Series("of it anonymous", unit: "MiB")
        var wakeUps = Series("wake-ups in \(idleSeconds) s at rest", unit: "")
        for round in 0..<rounds {
            for isRestart in [false, true] {
                let agent = try Agent(binary, cluster: cluster, host: host)
                try agent.waitUntilSettled(routes: count)
                let time = Double(Monotonic.now - agent.started) / 1e6 - Agent.settlingMilliseconds
                let megabytes = Double(try agent.kilobytes("VmRSS")) / 1024
                if isRestart {
                    restart.add(time)
                    again.add(megabytes)
                    anonymousAgain.add(Double(try agent.kilobytes("RssAnon")) / 1024)
                } else {
                    ready.add(time)
                    resident.add(megabytes)
                    anonymous.add(Double(try agent.kilobytes("RssAnon")) / 1024)
                    peak.add(Double(try agent.kilobytes("VmHWM")) / 1024)
                    if round == 0 {
                        try agent.waitUntilIdle()
                        let before = try agent.wakeUps()
                        Monotonic.sleep(milliseconds: idleSeconds * 1000)
                        wakeUps.add(Double(try agent.wakeUps() - before))
                    }
                }
                _ = try agent.stop()
            }
            // The device went with the agent, and the tunnelled routes with it; the rest is cleared by hand.
            try host.ip("route flush proto 112\n")
        }
        return Figures(
            "rest", [ready, restart, resident, anonymous, again, anonymousAgain, peak, wakeUps],
            aims: [Aim(resident, atMost: 40), Aim(again, atMost: 40), Aim(wakeUps, atMost: 0)])
    }
}
