// A report as a run on the lab's network gives it: eight paths, two MTUs, five rounds, all quantities.

import Report
import TestSupport

enum SampleReport {
    /// Medians at MTU 1500, near to those in docs/figures.
    private struct Medians {
        let name: String
        let about: String
        let gigabits: [Double]
        let secondsPerGigabyte: [Double]
        let kilopackets: [Double]
        let loss: [Double]
        let ping: [Double]
        let connections: Double
        let addedBytes: Int
    }

    private static let medians = [
        Medians(
            name: "native", about: "routed by the kernel, without encapsulation", gigabits: [16.2, 31.9, 31.2],
            secondsPerGigabyte: [0.615, 0.501, 0.507], kilopackets: [180, 176, 171], loss: [0, 0, 0],
            ping: [10.3, 15.6, 42.6], connections: 21_400, addedBytes: 0),
        Medians(
            name: "native-mtu", about: "native with GSO off", gigabits: [3.09, 6.14, 6.02],
            secondsPerGigabyte: [3.04, 2.6, 2.64], kilopackets: [181, 175, 170], loss: [0, 0, 0],
            ping: [10.3, 16.4, 51.8], connections: 21_300, addedBytes: 0),
        Medians(
            name: "vxlan", about: "the kernel's VXLAN device", gigabits: [14.3, 28, 27.1],
            secondsPerGigabyte: [0.729, 0.572, 0.583], kilopackets: [123, 121, 117], loss: [0, 0, 0],
            ping: [15.3, 24.4, 53.2], connections: 17_200, addedBytes: 50),
        Medians(
            name: "kernel", about: "IP-in-IP by the kernel's ipip driver", gigabits: [15.1, 29.3, 28.8],
            secondsPerGigabyte: [0.688, 0.551, 0.556], kilopackets: [141, 138, 133], loss: [0, 0, 0],
            ping: [13.2, 19.8, 47.1], connections: 18_900, addedBytes: 20),
        Medians(
            name: "bpf", about: "IP-in-IP by programs in the kernel", gigabits: [15.4, 28.4, 27.9],
            secondsPerGigabyte: [0.695, 0.562, 0.566], kilopackets: [139, 137, 132], loss: [0, 0, 0],
            ping: [13.7, 20, 46.3], connections: 18_600, addedBytes: 20),
        Medians(
            name: "bpf-shortcut", about: "the same, past the host's forwarding", gigabits: [16, 30.2, 29.5],
            secondsPerGigabyte: [0.664, 0.528, 0.533], kilopackets: [156, 153, 148], loss: [0, 0, 0],
            ping: [12.6, 18.5, 46.1], connections: 19_800, addedBytes: 20),
        Medians(
            name: "userspace", about: "IP-in-IP by the agent's own thread", gigabits: [3.52, 3.13, 3.01],
            secondsPerGigabyte: [3.8, 4.14, 4.2], kilopackets: [113, 108, 96], loss: [43.3, 41.1, 38.5],
            ping: [101, 174, 278], connections: 4_120, addedBytes: 20),
        Medians(
            name: "fastd", about: "fastd 22, method null, MTU 1428", gigabits: [0.801, 0.763, 0.742],
            secondsPerGigabyte: [18.5, 19.8, 20.3], kilopackets: [55.4, 54.1, 49.8], loss: [78.6, 76.9, 74.2],
            ping: [112, 186, 320], connections: 3_870, addedBytes: 32),
    ]

    /// What the machine did to all paths of a round.
    private static let rounds = [1.0, 0.96, 1.05, 0.92, 1.03]

    /// Samples around a median: what a round does to all, and a little of each path's own.
    private static func samples(_ median: Double, _ generator: inout SeededGenerator) -> [Double] {
        rounds.map { median * $0 * Double.random(in: 0.97...1.03, using: &generator) }
    }

    static let full = make()

    private static func make() -> BenchReport {
        var report = BenchReport(
            command: "poplin bench --rounds 5 --html bench.html", begun: "2026-11-23T09:14:07Z",
            network: "the lab's network",
            machine: [
                .init("processor", "AMD EPYC, 2 shared cores"), .init("memory", "16 GB"),
                .init("kernel", "Linux 6.18.44"), .init("congestion control", "cubic"),
                .init("poplin", "0.6.0, Swift 6.3"), .init("fastd", "22"),
            ],
            rounds: 5, secondsPerLoad: 2, paths: medians.map { .init(name: $0.name, about: $0.about) },
            missing: [
                .init(path: "wireguard", reason: "there is no program wg"),
                .init(path: "geneve", reason: "the kernel cannot make the device: Operation not supported"),
            ])
        var generator = SeededGenerator(seed: 6)
        for mtu in [1500, 9000] {
            for values in medians { add(values, mtu: mtu, to: &report, &generator) }
        }
        return report
    }

    private static func add(
        _ values: Medians, mtu: Int, to report: inout BenchReport, _ generator: inout SeededGenerator
    ) {
        // Large packets help those most that pay for each packet.
        let factor = mtu == 1500 ? 1.0 : values.gigabits[0] < 5 ? 1.9 : 0.97
        let columns: [([Quantity], [Double])] = [
            ([.tcp1, .tcp4, .tcp16], values.gigabits.map { $0 * factor }),
            ([.tcp1Processor, .tcp4Processor, .tcp16Processor], values.secondsPerGigabyte.map { $0 / factor }),
            ([.udp64, .udp512, .udp1400], values.kilopackets),
            ([.udp64Loss, .udp512Loss, .udp1400Loss], values.loss),
            ([.udp64Processor, .udp512Processor, .udp1400Processor], values.kilopackets.map { 1800 / $0 }),
            ([.roundTrip50, .roundTrip99, .roundTrip999], values.ping.map { $0 * 1.8 }),
            ([.ping50, .ping99, .ping999], values.ping),
            ([.connections], [values.connections]),
        ]
        for column in columns {
            for (quantity, median) in zip(column.0, column.1) {
                report.figures.append(
                    .init(
                        path: values.name, mtu: mtu, quantity: quantity, samples: samples(median, &generator)))
            }
        }
        for mix in BenchReport.PacketMix.allCases {
            let packets = 20_000
            let payload =
                switch mix {
                case .small: 64.0
                case .mixed: 658.0 + 2.0 / 3
                case .full: Double(mtu - 28 - values.addedBytes)
                }
            let delivered = Int(payload * Double(packets))
            let wire = delivered + packets * (28 + values.addedBytes)
            report.overheads.append(
                .init(
                    path: values.name, mtu: mtu, mix: mix, packets: packets, deliveredBytes: delivered,
                    wireBytes: wire, expectedPerPacket: Double(values.addedBytes),
                    measuredPerPacket: Double(values.addedBytes)))
        }
    }
}
