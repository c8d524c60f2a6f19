// The figures of all paths: a table for a person, ratios within each round, and what the project wants of them.

import BenchmarkSupport

/// Samples by path and figure.
struct PacketResults {
    private let paths: [PacketPath]
    private let figures: [PacketFigure]
    private var series: [PacketPath: [PacketFigure: Series]] = [:]

    init(paths: [PacketPath], measures: [PacketMeasure]) {
        self.paths = paths
        figures = PacketFigure.allCases.filter { figure in measures.contains { $0.figures.contains(figure) } }
    }

    /// Adds what a measure gave for a path in one round.
    mutating func add(_ values: [Double], of measure: PacketMeasure, for path: PacketPath) {
        for (figure, value) in zip(measure.figures, values) {
            series[path, default: [:]][figure, default: Series("\(path.name): \(figure.rawValue)", unit: figure.unit)]
                .add(value)
        }
    }

    private func find(_ path: String, _ figure: PacketFigure) -> Series? {
        paths.first { $0.name == path }.flatMap { series[$0]?[figure] }
    }

    /// Prints everything and writes it as JSON.
    func report(_ name: String, to directory: String?) throws {
        printTable()
        let compared = comparisons()
        let all = paths.flatMap { path in figures.compactMap { series[path]?[$0] } } + compared.map(\.ratio)
        try Figures(name, all, aims: compared.compactMap(\.aim)).report(to: directory, printing: compared.map(\.ratio))
    }

    // MARK: - Ratios

    private struct Comparison {
        let ratio: Series
        let aim: Aim?
    }

    private enum Bound {
        case atLeast(Double)
        case atMost(Double)
    }

    /// A ratio is formed within each round: what else the machine does then meets both sides.
    private func comparisons() -> [Comparison] {
        let throughput: [(String, String, Double)] = [
            ("poplin", "fastd", 4), ("poplin", "one", 2), ("raw", "native-mtu", 0.85), ("express", "native-mtu", 1.1),
        ]
        var wanted: [(String, String, PacketFigure, Bound)] = []
        for figure in [PacketFigure.oneFlow, .fourFlows] {
            for (one, other, limit) in throughput { wanted.append((one, other, figure, .atLeast(limit))) }
        }
        wanted.append(("poplin", "fastd", .datagrams, .atLeast(2)))
        wanted.append(("poplin", "fastd", .median, .atMost(1)))
        wanted.append(("bpf", "native", .oneFlow, .atLeast(0.9)))
        wanted.append(("bpf", "vxlan", .oneFlow, .atLeast(1.05)))
        wanted.append(("bpf-shortcut", "native", .oneFlow, .atLeast(1)))
        wanted.append(("bpf", "native", .median, .atMost(1.3)))
        wanted.append(("bpf", "vxlan", .oneFlowCost, .atMost(1)))
        return wanted.compactMap { one, other, figure, bound in
            guard let first = find(one, figure), let second = find(other, figure) else { return nil }
            let ratio = first.ratio(to: second, "\(figure.rawValue): \(one) / \(other)")
            switch bound {
            case .atLeast(let limit): return Comparison(ratio: ratio, aim: Aim(ratio, atLeast: limit))
            case .atMost(let limit): return Comparison(ratio: ratio, aim: Aim(ratio, atMost: limit))
            }
        }
    }

    // MARK: - The table

    private func printTable() {
        let heading = ["path"] + figures.map { "\($0.rawValue), \($0.unit)" }
        let rows = paths.map { path in
            [path.name]
                + figures.map { figure in
                    guard let one = series[path]?[figure] else { return "-" }
                    return "\(Figures.text(one.median)) (\(Figures.text(one.minimum))–\(Figures.text(one.maximum)))"
                }
        }
        let table = [heading] + rows
        let widths = heading.indices.map { column in table.map { $0[column].count }.max() ?? 0 }
        for row in table {
            var line = ""
            for (cell, width) in zip(row, widths) {
                line += cell + String(repeating: " ", count: width - cell.count + 2)
            }
            while line.last == " " { line.removeLast() }
            print(line)
        }
        for path in paths { print("  \(path.name): \(path.about)") }
    }
}
