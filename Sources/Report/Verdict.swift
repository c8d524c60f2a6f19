// What the figures say, in sentences that claim no more: every ratio with its spread, and no difference where 1 lies in it.

/// The headline figures in words.
struct Verdict {
    /// A path, and its number in what is said.
    struct Entry: Equatable {
        let path: String
        let number: String
        /// The lowest and the highest, where there is a spread.
        let range: String?

        var text: String { "\(path) \(number)" + (range.map { " (\($0))" } ?? "") }
    }

    /// A few words on what it is about, and what was found, in this order.
    struct Statement: Equatable {
        let subject: String
        /// What the first path does.
        var base = ""
        /// What the entries are.
        let meaning: String
        var entries: [Entry] = []
        /// Paths whose ratios lie around 1.
        var same: [Entry] = []
        var sameAs = ""
        var remark = ""

        /// Before those that are no different.
        var sameText: String { same.isEmpty ? "" : "Not to be told from \(sameAs) in these rounds:" }

        /// All of it as sentences.
        var finding: String {
            var parts = base.isEmpty ? [] : [base]
            if !entries.isEmpty { parts.append("\(meaning) \(entries.map(\.text).joined(separator: ", ")).") }
            if !same.isEmpty { parts.append("\(sameText) \(same.map(\.text).joined(separator: ", ")).") }
            if !remark.isEmpty { parts.append(remark) }
            return parts.joined(separator: " ")
        }
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
    }

    private static let headlines = [
        Headline(candidates: [.tcp1, .tcp4, .tcp16, .udp64], verb: "carries"),
        Headline(candidates: [.tcp1Processor, .tcp4Processor, .tcp16Processor, .udp64Processor], verb: "needs"),
        Headline(candidates: [.roundTrip50, .ping50], verb: "takes"),
    ]

    private static func statement(
        _ headline: Headline, _ quantity: Quantity, mtu: Int, _ report: BenchReport
    ) -> Statement? {
        guard let reference = report.paths.first, let block = Block(quantity.group, mtu: mtu, in: report),
            let column = block.quantities.firstIndex(of: quantity), let first = block.rows.first,
            first.path == reference, let base = first.cells[column]
        else { return nil }
        let others = block.rows.dropFirst().compactMap { row in
            row.cells[column].flatMap { cell in cell.ratio.map { (path: row.path.name, cell: cell, ratio: $0) } }
        }.sorted {
            quantity.moreIsBetter ? $0.ratio.median > $1.ratio.median : $0.ratio.median < $1.ratio.median
        }
        let entries = others.map {
            Entry(path: $0.path, number: NumberText.ratio($0.ratio.median), range: $0.cell.ratioRange)
        }
        let number = "\(NumberText.significant(base.spread.median)) \(quantity.unit)"
        return Statement(
            subject: "\(quantity.group.rawValue), \(quantity.title), \(NumberText.mtu(mtu))",
            base: Entry(path: "\(reference.name) \(headline.verb)", number: number, range: base.range).text + ".",
            meaning: "Ratio to it:",
            entries: zip(entries, others).filter { !$1.ratio.includesOne }.map(\.0),
            same: zip(entries, others).filter(\.1.ratio.includesOne).map(\.0), sameAs: reference.name,
            remark: entries.contains { $0.range == nil } ? "One round says nothing of the spread." : "")
    }

    /// What each packet grows by, as it was counted.
    private static func wire(_ report: BenchReport) -> Statement? {
        var entries: [Entry] = []
        var worst = 0.0
        for path in report.paths.dropFirst() {
            let overheads = report.overheads.filter { $0.path == path.name && $0.packets > 0 }
            guard let lowest = overheads.map(\.measuredPerPacket).min(),
                let highest = overheads.map(\.measuredPerPacket).max()
            else { continue }
            worst = overheads.map(\.discrepancy).reduce(worst, max)
            let (low, high) = (NumberText.fixed(lowest, decimals: 1), NumberText.fixed(highest, decimals: 1))
            entries.append(Entry(path: path.name, number: low == high ? low : "\(low)–\(high)", range: nil))
        }
        guard !entries.isEmpty else { return nil }
        return Statement(
            subject: "On the wire", meaning: "Bytes added to a packet, as counted:", entries: entries,
            remark: worst < 0.05
                ? "The arithmetic says the same."
                : "The arithmetic differs by \(NumberText.fixed(worst, decimals: 1)) bytes a packet at most.")
    }
}

extension Spread {
    /// Whether a ratio with this spread may as well be none.
    fileprivate var includesOne: Bool { minimum <= 1 && maximum >= 1 }
}

extension BenchReport.Overhead {
    /// Bytes a packet between arithmetic and count.
    fileprivate var discrepancy: Double { (measuredPerPacket - expectedPerPacket).magnitude }
}
