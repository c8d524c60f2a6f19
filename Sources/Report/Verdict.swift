// What the figures say, in sentences that claim no more: every ratio with its spread, and no difference where 1 lies in it.

/// The headline figures in words.
struct Verdict {
    /// A few words on what it is about, and what was found.
    struct Statement: Equatable {
        let subject: String
        let finding: String
    }

    /// One for each headline that was measured: throughput, processor time, latency, bytes on the wire.
    let statements: [Statement]

    init(_ report: BenchReport) {
        let ratios = report.mtus.first.map { mtu in
            Verdict.headlines.compactMap { headline in
                headline.candidates.lazy.compactMap { Verdict.statement(headline, $0, mtu: mtu, report) }.first
            }
        }
        statements = (ratios ?? []) + (Verdict.wire(report).map { [$0] } ?? [])
    }

    /// What is said of the first quantity that was measured.
    private struct Headline {
        let candidates: [Quantity]
        let verb: String
        let comparison: String
    }

    private static let headlines = [
        Headline(candidates: [.tcp1, .tcp4, .tcp16, .udp64], verb: "carries", comparison: "of that"),
        Headline(
            candidates: [.tcp1Processor, .tcp4Processor, .tcp16Processor, .udp64Processor], verb: "needs",
            comparison: "times that"),
        Headline(candidates: [.roundTrip50, .ping50], verb: "takes", comparison: "times that"),
    ]

    private static func statement(
        _ headline: Headline, _ quantity: Quantity, mtu: Int, _ report: BenchReport
    ) -> Statement? {
        guard let reference = report.paths.first, let block = Block(quantity.group, mtu: mtu, in: report),
            let column = block.quantities.firstIndex(of: quantity), let first = block.rows.first,
            first.path == reference, let base = first.cells[column]
        else { return nil }
        var finding = "\(reference.name) \(headline.verb) "
        finding += "\(NumberText.significant(base.spread.median)) \(quantity.unit)\(parentheses(base.range))."

        let others = block.rows.dropFirst().compactMap { row in
            row.cells[column].flatMap { cell in cell.ratio.map { (name: row.path.name, cell: cell, ratio: $0) } }
        }.sorted { ($0.ratio.median < $1.ratio.median) != quantity.moreIsBetter }
        let different = others.filter { !$0.ratio.includesOne }
        for (index, other) in different.enumerated() {
            finding += index == 0 ? " Ratio to it: " : ", "
            finding += "\(other.name) \(NumberText.ratio(other.ratio.median))\(parentheses(other.cell.ratioRange))"
        }
        if !different.isEmpty { finding += "." }
        let same = others.filter(\.ratio.includesOne)
        if !same.isEmpty {
            let names = same.map { "\($0.name)\(parentheses($0.cell.ratioRange))" }
            finding += " Not to be told from \(reference.name) in these rounds: \(names.joined(separator: ", "))."
        }
        if others.contains(where: { $0.cell.ratioRange == nil }) { finding += " One round says nothing of the spread." }
        return Statement(
            subject: "\(quantity.group.rawValue), \(quantity.title), MTU \(mtu)", finding: finding)
    }

    /// What each packet grows by, as it was counted.
    private static func wire(_ report: BenchReport) -> Statement? {
        var parts: [String] = []
        var worst = 0.0
        for path in report.paths.dropFirst() {
            let overheads = report.overheads.filter { $0.path == path.name && $0.packets > 0 }
            guard let lowest = overheads.map(\.measuredPerPacket).min(),
                let highest = overheads.map(\.measuredPerPacket).max()
            else { continue }
            worst = overheads.map(\.discrepancy).reduce(worst, max)
            let (low, high) = (NumberText.fixed(lowest, decimals: 1), NumberText.fixed(highest, decimals: 1))
            parts.append("\(path.name) \(low == high ? low : "\(low)–\(high)")")
        }
        guard !parts.isEmpty else { return nil }
        let agreement =
            worst < 0.05
            ? "The arithmetic says the same."
            : "The arithmetic differs by \(NumberText.fixed(worst, decimals: 1)) bytes a packet at most."
        return Statement(
            subject: "Bytes added to a packet, counted on the wire",
            finding: "\(parts.joined(separator: ", ")). \(agreement)")
    }

    private static func parentheses(_ range: String?) -> String { range.map { " (\($0))" } ?? "" }
}

extension Spread {
    /// Whether a ratio with this spread may as well be none. One sample is no spread.
    fileprivate var includesOne: Bool { minimum <= 1 && maximum >= 1 }
}

extension BenchReport.Overhead {
    /// Bytes a packet between arithmetic and count.
    var discrepancy: Double { (measuredPerPacket - expectedPerPacket).magnitude }
}
