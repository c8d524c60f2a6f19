// How fast packets get from one workload to another, by every way there is, in turns.

import BenchmarkSupport
import Lab
import LinuxSystem
import Load

enum Packets {
    static func run(_ options: Options) throws {
        let rounds = options.rounds ?? (options.isQuick ? 2 : 5)
        let period =
            options.isQuick
            ? LoadPeriod(warmUpMilliseconds: 300, milliseconds: 1000) : LoadPeriod()
        let measures = try options.chosen(PacketMeasure.allCases, by: \.rawValue, from: options.measures)
        let paths = try options.chosen(PacketPath.all, by: \.name, from: options.paths)
        let mtu = options.mtu ?? 1500
        for problem in Lab.removeAbandoned() { print("an earlier run left: \(problem)") }

        let networks = try paths.compactMap { try bringUp($0, mtu: mtu, agent: options.agent) }
        var results = PacketResults(paths: networks.map(\.path), measures: measures)
        for round in 1...max(1, rounds) {
            print("round \(round) of \(rounds)")
            for measure in measures {
                for network in networks {
                    do {
                        results.add(try measure.run(network.lab, period), of: measure, for: network.path)
                    } catch {
                        throw BenchmarkFailure("\(network.path.name), \(measure.rawValue): \(error)")
                    }
                }
            }
        }
        print("underlay MTU \(mtu), \(rounds) rounds of \(period.milliseconds) ms")
        let name = options.name ?? "packets"
        try results.report(mtu == 1500 ? name : "\(name)-\(mtu)", to: options.jsonDirectory)
    }

    /// Nil for a path that this agent's config has no words for.
    private static func bringUp(_ path: PacketPath, mtu: Int, agent: String) throws -> PathNetwork? {
        do {
            return try PathNetwork(path, underlayMTU: mtu, agent: agent)
        } catch LabError.agentEnded(_, _, let log) where log.contains("tunnel.") {
            print("\(path.name) is left out: \(log)")
            return nil
        } catch {
            throw BenchmarkFailure("\(path.name): \(error)")
        }
    }
}
