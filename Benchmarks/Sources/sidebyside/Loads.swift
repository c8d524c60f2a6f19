// Whether our own TCP load finds the same throughput as iperf3 on the same path, in turns.

import Bench
import BenchmarkSupport
import FoundationEssentials
import Lab
import LinuxSystem
import Load

enum Loads {
    static func run(_ options: Options) throws {
        guard (try? ChildProcess.run("iperf3", ["--version"]))?.status.isSuccess == true else {
            return print("loads is left out: there is no iperf3")
        }
        let rounds = options.rounds ?? 5
        guard let path = BenchPath.all.first(where: { $0.name == "native" }) else {
            throw BenchmarkFailure("there is no such path")
        }
        let network = try PathNetwork(path, underlayMTU: 1500)
        let lab = network.lab
        let cleanup = Cleanup.note { lab.down() }
        defer { Cleanup.undo(cleanup) }
        let period = LoadPeriod(warmUpMilliseconds: 1000)
        var series: [Series] = []
        for flows in [1, 4] {
            var ours = Series("TCP \(flows), ours", unit: "Gb/s")
            var theirs = Series("TCP \(flows), iperf3", unit: "Gb/s")
            for _ in 0..<rounds {
                let report = try lab.run(StreamLoad(flows: flows, period: period), from: "w1", to: "w2")
                if let failure = report.failure { throw BenchmarkFailure("TCP: \(failure)") }
                ours.add(report.gigabitsPerSecond)
                theirs.add(try gigabitsPerSecond(lab, flows: flows, period))
            }
            series += [ours, theirs, ours.ratio(to: theirs, "TCP \(flows), ours / iperf3")]
        }
        try Figures("loads", series).report(to: options.jsonDirectory)
    }

    private struct Report: Decodable {
        struct End: Decodable { let sum_received: Sum }
        struct Sum: Decodable { let bits_per_second: Double }
        let end: End
    }

    /// What iperf3's receiver got, from w1 to w2, after the same warm-up.
    private static func gigabitsPerSecond(_ lab: Lab, flows: Int, _ period: LoadPeriod) throws -> Double {
        let address = "\(try lab.address(of: "w2"))"
        let server = try ChildProcess.spawn(
            "iperf3", ["--server", "--one-off", "--bind", address], inNamespace: lab.host("w2").namespace,
            output: .null, errors: .null)
        defer { try? server.terminate() }
        let arguments = [
            "--client", address, "--parallel", "\(flows)", "--time", "\(period.milliseconds / 1000)", "--omit", "1",
            "--json", "--connect-timeout", "3000",
        ]
        // The server takes a moment to listen; with --json, iperf3 returns 0 all the same.
        let deadline = Monotonic.now + 5_000_000_000
        while true {
            let result = try lab.host("w1").execute("iperf3", arguments)
            if let report = try? JSONDecoder().decode(Report.self, from: Data(result.output.utf8)) {
                return report.end.sum_received.bits_per_second / 1e9
            }
            guard Monotonic.now < deadline else {
                throw BenchmarkFailure("iperf3: \(result.output.suffix(300)) \(result.errors)")
            }
            Monotonic.sleep(milliseconds: 50)
        }
    }
}
