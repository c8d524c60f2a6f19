// What belongs together in a table and a plot: the terminal and the page show the same blocks, so the same numbers.

/// One group of quantities at one MTU of the underlay.
struct Block {
    /// The numbers of a path for a quantity.
    struct Cell {
        let figure: BenchReport.Figure
        let spread: Spread
        /// To the first path; nil where that was not measured or is zero, and for losses.
        let ratio: Spread?
        /// How many rounds the ratio was formed in.
        let ratioRounds: Int

        /// The lowest and highest sample, where there is more than one.
        var range: String? { spread.range(of: figure.samples.count, NumberText.significant) }
        /// The lowest and highest ratio, where there is more than one.
        var ratioRange: String? { ratio?.range(of: ratioRounds, NumberText.ratio) }
    }

    struct Row {
        let path: BenchReport.Path
        /// Its place among the paths of the report.
        let position: Int
        /// As many as the block has quantities; nil where something was not measured.
        let cells: [Cell?]
    }

    let group: Quantity.Group
    /// In bytes.
    let mtu: Int
    /// Those that were measured on a path at least.
    let quantities: [Quantity]
    /// The paths with a figure at least.
    let rows: [Row]

    /// Nil where nothing of it was measured.
    init?(_ group: Quantity.Group, mtu: Int, in report: BenchReport) {
        let quantities = Quantity.allCases.filter { quantity in
            quantity.group == group && report.figures.contains { $0.quantity == quantity && $0.mtu == mtu }
        }
        let reference = report.paths.first?.name ?? ""
        let rows = report.paths.enumerated().map { position, path in
            Row(
                path: path, position: position,
                cells: quantities.map { quantity in
                    guard let figure = report.figure(quantity, path: path.name, mtu: mtu), let spread = figure.spread
                    else { return nil }
                    let base = group.hasRatios ? report.figure(quantity, path: reference, mtu: mtu) : nil
                    return Cell(
                        figure: figure, spread: spread, ratio: base.flatMap(figure.ratio(to:)),
                        ratioRounds: min(figure.samples.count, base?.samples.count ?? 0))
                })
        }.filter { $0.cells.contains { $0 != nil } }
        guard !rows.isEmpty else { return nil }
        self.group = group
        self.mtu = mtu
        self.quantities = quantities
        self.rows = rows
    }

    /// Beside the first path alone there is nothing to compare.
    var showsRatios: Bool { group.hasRatios && rows.count > 1 }

    /// All cells, path by path.
    var cells: [Cell] { rows.flatMap(\.cells).compactMap(\.self) }

    /// `Gb/s, more is better`.
    var scaleInWords: String {
        guard let first = quantities.first else { return "" }
        return "\(group.unitInWords ?? first.unit), \(first.moreIsBetter ? "more" : "less") is better"
    }
}

extension Quantity.Group {
    /// Where the unit says too little by itself.
    fileprivate var unitInWords: String? {
        switch self {
        case .packetRate: "thousand packets a second (k/s)"
        case .connections: "a second (/s)"
        default: nil
        }
    }

    /// A part of nothing lost says nothing.
    var hasRatios: Bool { self != .loss }
}

extension BenchReport {
    /// All blocks with something in them: group by group, each at one MTU after the other.
    var blocks: [Block] {
        Quantity.Group.allCases.flatMap { group in mtus.compactMap { Block(group, mtu: $0, in: self) } }
    }

    /// `5 rounds`, or `3 of 5 rounds` where no figure has more.
    var roundsInWords: String {
        let done = figures.map(\.samples.count).max() ?? rounds
        return (done < rounds ? "\(done) of " : "") + (rounds == 1 ? "1 round" : "\(rounds) rounds")
    }

    /// Whether rounds of this report show a spread.
    var hasSpread: Bool { figures.contains { $0.samples.count > 1 } }
}

extension BenchReport.Overhead {
    /// Bytes of IP packets on the wire for each byte that was delivered; nil where nothing was.
    package var wirePerByte: Double? { deliveredBytes > 0 ? Double(wireBytes) / Double(deliveredBytes) : nil }
}
