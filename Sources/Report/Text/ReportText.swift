// What a terminal shows of a benchmark: aligned numbers, ratios as numbers and as bars, readable without colour.

/// A report as text.
public enum ReportText {
    /// The whole report.
    ///
    /// - Parameters:
    ///   - width: columns of the terminal; only a table whose names and numbers alone need more is wider.
    ///   - colour: whether to use escape sequences (ECMA-48 SGR); nothing is said by them alone.
    public static func render(_ report: BenchReport, width: Int = 100, colour: Bool = false) -> String {
        let page = Page(report: report, width: max(width, 20), colour: colour)
        var parts = [page.heading()]
        for block in report.blocks { parts.append(page.text(BlockText(block), of: block)) }
        parts.append(page.overheads())
        parts.append(page.missing())
        parts.append(page.machine())
        // Last, because a terminal shows the end.
        parts.append(page.verdict())
        return parts.filter { !$0.isEmpty }.joined(separator: "\n")
    }
}

/// The parts of a report, each of whole lines.
private struct Page {
    let report: BenchReport
    let width: Int
    let colour: Bool

    private func title(_ text: String, _ more: String = "") -> String {
        TextStyle.bold(TextLines.plain(text), colour: colour)
            + (more.isEmpty ? "" : TextStyle.faint(" · " + more, colour: colour)) + "\n"
    }

    func heading() -> String {
        let load = NumberText.setting(report.secondsPerLoad)
        var text = title("Benchmark", "\(TextLines.plain(report.network)), \(TextLines.plain(report.begun))")
        if let reason = report.interruption {
            text += TextLines.wrap(
                "\(reason). What was measured before is below.", width: width, first: "Ended early: ")
        }
        guard let reference = report.paths.first, !report.figures.isEmpty else {
            return report.overheads.isEmpty ? text + "Nothing was measured.\n" : text
        }
        var reading = "\(report.roundsInWords), \(load) s for each load. Numbers are medians"
        reading += report.hasSpread ? " (lowest–highest)" : ""
        if report.paths.count > 1 {
            reading += ", then the ratio to \(reference.name), formed within each round, as number and bar"
        }
        return text + TextLines.wrap(reading + ".", width: width)
    }

    func text(_ table: BlockText, of block: Block) -> String {
        title(block.group.rawValue, "\(NumberText.mtu(block.mtu)), \(block.scaleInWords)")
            + table.render(width: width, colour: colour)
    }

    func overheads() -> String {
        guard !report.overheads.isEmpty else { return "" }
        return report.mtus.compactMap { mtu in
            var rows: [[String]] = []
            for path in report.paths.map(\.name) {
                for overhead in report.overheads where overhead.mtu == mtu && overhead.path == path {
                    rows.append([
                        TextLines.plain(path), overhead.mix.rawValue, NumberText.count(overhead.packets),
                        overhead.wirePerByte.map { NumberText.fixed($0, decimals: 3) } ?? NumberText.none,
                        NumberText.fixed(overhead.measuredPerPacket, decimals: 2),
                        NumberText.fixed(overhead.expectedPerPacket, decimals: 2),
                    ])
                }
            }
            guard !rows.isEmpty else { return nil }
            rows.insert(["", "mix", "packets", "wire/delivered", "added", "arithmetic"], at: 0)
            return title(
                "Bytes on the wire", "\(NumberText.mtu(mtu)), for each byte delivered, and added to each packet")
                + TextLines.table(rows, numeric: [2, 3, 4, 5], colour: colour)
        }.joined(separator: "\n")
    }

    func missing() -> String {
        guard !report.missing.isEmpty else { return "" }
        let widest = report.missing.map(\.path.count).max() ?? 0
        return title("Left out") + named(report.missing.map { ($0.path, $0.reason) }, widest)
    }

    func machine() -> String {
        let paths = report.paths.map { ($0.name, $0.about) }
        let machine = report.machine.map { ($0.name, $0.value) } + [("command", report.command)]
        let widest = (paths + machine).map(\.0.count).max() ?? 0
        return (paths.isEmpty ? "" : title("Paths") + named(paths, widest) + "\n")
            + title("Machine") + named(machine, widest)
    }

    func verdict() -> String {
        let statements = Verdict(report).statements
        guard !statements.isEmpty else { return "" }
        return title("In short")
            + statements.map { TextLines.wrap("\($0.subject): \($0.finding)", width: width, first: "- ") }.joined()
    }

    /// A name and what it stands for in each line, the latter wrapped.
    private func named(_ items: [(String, String)], _ widest: Int) -> String {
        items.map { name, value in
            let blanks = String(repeating: " ", count: max(0, widest - name.count) + 2)
            return TextLines.wrap(value, width: width, first: TextLines.plain(name) + blanks)
        }.joined()
    }
}
