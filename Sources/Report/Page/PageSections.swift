// The page from top to bottom: what was asked and found, how to read it, plots and tables, and how to repeat it.

struct PageSections {
    private let report: BenchReport
    private let reference: String
    /// Whether there is another path to compare with the first.
    private let compares: Bool
    /// Markup of each section, in order.
    private(set) var all: [String] = []

    init(_ report: BenchReport) {
        self.report = report
        reference = report.paths.first?.name ?? ""
        compares = report.paths.count > 1
        all = [header(), verdict(), paths()]
        var plots = 0
        let blocks = report.blocks
        var figures: [String] = []
        for group in Quantity.Group.allCases {
            let members = blocks.filter { $0.group == group }
            if !members.isEmpty { figures.append(section(group, members, &plots)) }
        }
        figures.append(wire(&plots))
        // With one MTU there is nothing beside a plot, so that two sections have room there.
        all += report.mtus.count == 1 ? ["<div class=\"sections\">\(figures.joined())</div>"] : figures
        all.append(origin())
    }

    // MARK: - The beginning

    private func header() -> String {
        let others = report.paths.dropFirst().map(\.name)
        let asked =
            "What is left of throughput, packet rate and latency, and what it takes in processor time and bytes on the "
            + "wire, when packets go by \(PageSections.listed(others)) in place of \(reference). "
        let load = "\(report.roundsInWords), each load for \(NumberText.setting(report.secondsPerLoad)) s."
        let lead =
            HTML.escape((compares ? asked : "") + "Measured on \(report.network), ")
            + "<time>\(HTML.escape(report.begun))</time>, in \(HTML.escape(load))"
        let early = report.interruption.map { reason in
            "<p class=\"early\" role=\"note\"><strong>Ended early:</strong> \(HTML.escape(reason)). "
                + "What was measured before is below.</p>"
        }
        return "<header><h1>What encapsulation costs</h1><p class=\"lead\">\(lead)</p>\(early ?? "")</header>"
    }

    private func verdict() -> String {
        let statements = Verdict(report).statements
        guard !statements.isEmpty else {
            return report.figures.isEmpty && report.overheads.isEmpty ? "<p>Nothing was measured.</p>" : ""
        }
        let parts = statements.map { statement in
            var found = statement.base.isEmpty ? "" : "<p>\(HTML.escape(PageSections.unbroken(statement.base)))</p>"
            found += PageSections.list(statement.meaning, statement.entries)
            found += PageSections.list(statement.sameText, statement.same)
            if !statement.remark.isEmpty { found += "<p>\(HTML.escape(statement.remark))</p>" }
            return "<div><dt>\(HTML.escape(statement.subject))</dt><dd>\(found)</dd></div>"
        }
        return "<dl class=\"verdict\">\(parts.joined())</dl>"
    }

    private static func list(_ meaning: String, _ entries: [Verdict.Entry]) -> String {
        guard !entries.isEmpty else { return "" }
        let items = entries.map { entry in
            "<li><span>\(HTML.escape(entry.path))</span> <b>\(HTML.escape(entry.number))</b>"
                + " <small>\(HTML.escape(entry.range.map { "(\($0))" } ?? ""))</small></li>"
        }
        return "<p>\(HTML.escape(meaning))</p><ul>\(items.joined(separator: " "))</ul>"
    }

    private func paths() -> String {
        guard !report.paths.isEmpty || !report.missing.isEmpty else { return "" }
        var reading: [String] = []
        if !report.figures.isEmpty {
            reading.append(
                report.hasSpread
                    ? "Numbers are medians of the rounds; thin lines go from the lowest to the highest."
                    : "One round: no spread is known.")
        }
        if compares, !report.figures.isEmpty {
            reading.append(
                "Paths take turns in each round. A ratio divides by \(reference) of the same round, and is the median of these; "
                    + "so what else the machine does meets both sides.")
        }
        var parts: [String] = []
        if !report.paths.isEmpty {
            parts.append(
                "<div><h3>Paths</h3>\(PageTables.names(report.paths.map { ($0.name, $0.about) }, arePaths: true))</div>"
            )
        }
        if !report.missing.isEmpty {
            parts.append(
                "<div><h3>Left out</h3>\(PageTables.names(report.missing.map { ($0.path, $0.reason) }))</div>")
        }
        return "<section><h2>What was compared</h2><p class=\"unit\">\(HTML.escape(reading.joined(separator: " ")))</p>"
            + "<div class=\"columns\">\(parts.joined())</div></section>"
    }

    // MARK: - Figures

    private func section(_ group: Quantity.Group, _ blocks: [Block], _ plots: inout Int) -> String {
        let drawn = Plot.aligned(blocks.map { Plot($0, among: blocks) })
        var figures: [String] = []
        for (block, plot) in zip(blocks, drawn) {
            figures.append(
                figure(NumberText.mtu(block.mtu), plot, orElse: "All of it is zero.", PageTables.block(block), &plots))
        }
        let axis = drawn.contains { $0?.scale.isLogarithmic ?? false } ? "; logarithmic axis" : ""
        return section(group.rawValue, "\(blocks.first?.scaleInWords ?? "")\(axis)", figures)
    }

    private func wire(_ plots: inout Int) -> String {
        let counted = report.mtus.map { mtu in (mtu, report.overheads.filter { $0.mtu == mtu }) }.filter { !$1.isEmpty }
        let drawn = Plot.aligned(counted.map { Plot($1, among: report.overheads, paths: report.paths) })
        var figures: [String] = []
        for ((mtu, overheads), plot) in zip(counted, drawn) {
            let table = PageTables.overheads(overheads, paths: report.paths)
            figures.append(figure(NumberText.mtu(mtu), plot, orElse: "Nothing was delivered.", table, &plots))
        }
        guard !figures.isEmpty else { return "" }
        return section(
            "Bytes on the wire",
            "bytes of IP packets for each byte delivered, and bytes added to a packet; less is better",
            figures)
    }

    private func section(_ title: String, _ unit: String, _ figures: [String]) -> String {
        "<section><h2>\(HTML.escape(title))</h2><p class=\"unit\">\(HTML.escape(unit))</p>"
            + "<div class=\"plots\">\(figures.joined())</div></section>"
    }

    /// A plot and its table; without a plot there are a few words, and the table stands open.
    private func figure(
        _ title: String, _ plot: Plot?, orElse words: String, _ table: String, _ plots: inout Int
    ) -> String {
        plots += 1
        let drawn = plot?.render(number: plots) ?? "<p class=\"unit\">\(words)</p>"
        return "<figure><h3>\(HTML.escape(title))</h3>\n\(drawn)\n"
            + "<details\(plot == nil ? " open" : "")><summary>The numbers</summary>\(table)</details></figure>\n"
    }

    // MARK: - The end

    private func origin() -> String {
        let machine = report.machine.isEmpty ? "" : PageTables.names(report.machine.map { ($0.name, $0.value) })
        return
            "<section><h2>Machine and command</h2><p class=\"unit\">\(HTML.escape(report.network)), \(HTML.escape(report.begun))</p>"
            + "<pre tabindex=\"0\"><code>\(HTML.escape(report.command))</code></pre>\(machine)</section>"
    }

    /// No line ends within a range.
    private static func unbroken(_ text: String) -> String {
        text.split(separator: "–", omittingEmptySubsequences: false).joined(separator: "\u{2060}–\u{2060}")
    }

    /// `a`, `a and b`, `a, b and c`.
    private static func listed(_ names: [String]) -> String {
        guard let last = names.last, names.count > 1 else { return names.first ?? "" }
        return names.dropLast().joined(separator: ", ") + " and " + last
    }
}
