// A report small enough to be written out in a test.

import Report

enum SmallReport {
    /// Two paths, three rounds, a few quantities.
    static let two = BenchReport(
        command: "poplin bench --quick", begun: "2026-11-23T09:14:07Z", network: "the lab's network",
        machine: [.init("kernel", "Linux 6.18.44")], rounds: 3, secondsPerLoad: 0.5,
        paths: [
            .init(name: "native", about: "routed by the kernel"), .init(name: "bpf", about: "IP-in-IP by programs"),
        ],
        missing: [.init(path: "fastd", reason: "there is no program fastd")],
        figures: [
            figure("native", .tcp1, [16, 14, 18]), figure("native", .roundTrip50, [10, 11, 10.5]),
            figure("bpf", .tcp1, [15.2, 13.3, 16.2]), figure("bpf", .roundTrip50, [15, 16.5, 15.75]),
        ],
        overheads: [
            overhead("native", .small, wire: 92_000, added: 0), overhead("bpf", .small, wire: 112_000, added: 20),
        ])

    /// The first path of ``two`` alone, without anything else.
    static var one: BenchReport {
        var report = two
        report.paths.removeLast()
        report.figures.removeAll { $0.path == "bpf" }
        report.overheads.removeAll { $0.path == "bpf" }
        return report
    }

    /// Nothing measured at all.
    static let empty = BenchReport(
        command: "poplin bench", begun: "2026-11-23T09:14:07Z", network: "the lab's network", machine: [], rounds: 5,
        secondsPerLoad: 2, paths: [])

    static func figure(_ path: String, _ quantity: Quantity, _ samples: [Double]) -> BenchReport.Figure {
        .init(path: path, mtu: 1500, quantity: quantity, samples: samples)
    }

    private static func overhead(
        _ path: String, _ mix: BenchReport.PacketMix, wire: Int, added: Double
    ) -> BenchReport.Overhead {
        .init(
            path: path, mtu: 1500, mix: mix, packets: 1000, deliveredBytes: 64_000, wireBytes: wire,
            expectedPerPacket: added, measuredPerPacket: added)
    }
}
