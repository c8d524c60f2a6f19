// One block as lines: a row for each path, and for each quantity median, range, ratio and bar.

/// The table of a block, in as many stretches as the width asks for.
struct BlockText {
    /// The longest bar has so many cells; where not even the fewest fit, fewer quantities stand side by side.
    private static let barCells = (fewest: 5, most: 10)
    private static let gap = 2

    /// A quantity: its title, a cell for each row, and how wide the parts of its cells are.
    private struct Column {
        let title: String
        let cells: [Cell?]
        let median: Int
        /// Zero where there is none.
        let range: Int
        let ratio: Int

        struct Cell {
            let median: String
            let range: String
            let ratio: String
            /// 1 is the longest.
            let bar: Double
        }

        /// The fields of a row; the last is as wide as a bar of so many cells.
        func fields(_ row: Int, bar: Int) -> [TextField] {
            let cell = cells[row]
            var fields = [
                TextField(text: cell?.median ?? NumberText.none, width: median, isRight: true, gap: BlockText.gap)
            ]
            if range > 0 { fields.append(TextField(text: cell?.range ?? "", style: .faint, width: range, gap: 1)) }
            if ratio > 0 {
                fields.append(TextField(text: cell?.ratio ?? "", width: ratio, isRight: true, gap: BlockText.gap))
                let drawn = TextLines.bar(cell?.bar ?? 0, cells: bar)
                if bar > 0 { fields.append(TextField(text: drawn, style: .bar, width: bar, gap: 1)) }
            }
            // A title that is wider than what it stands above.
            let width = fields.dropFirst().reduce(median) { $0 + $1.gap + $1.width }
            fields.append(TextField(text: "", width: max(0, title.count - width), gap: 0))
            return fields
        }

        func width(bar: Int) -> Int { fields(0, bar: bar).dropFirst().reduce(median) { $0 + $1.gap + $1.width } }
    }

    private let names: [String]
    private let columns: [Column]

    init(_ block: Block) {
        names = block.rows.map { TextLines.plain($0.path.name) }
        // One scale for all of the block: a bar is as long as its ratio.
        let longest = max(block.cells.compactMap(\.ratio?.median).max() ?? 1, .leastNormalMagnitude)
        let hasRatios = block.showsRatios
        columns = block.quantities.indices.map { index in
            let cells = block.rows.map { row in
                row.cells[index].map { cell in
                    Column.Cell(
                        median: NumberText.significant(cell.spread.median),
                        range: cell.range.map { "(\($0))" } ?? "",
                        ratio: hasRatios ? cell.ratio.map { NumberText.ratio($0.median) } ?? NumberText.none : "",
                        bar: hasRatios ? (cell.ratio?.median ?? 0) / longest : 0)
                }
            }
            let present = cells.compactMap(\.self)
            return Column(
                title: block.quantities[index].title, cells: cells,
                median: present.map(\.median.count).max() ?? 0, range: present.map(\.range.count).max() ?? 0,
                ratio: present.map(\.ratio.count).max() ?? 0)
        }
    }

    /// The lines.
    func render(width: Int, colour: Bool) -> String {
        let margin = names.map(\.count).max() ?? 0
        let (side, bar) = layout(width: width - margin)
        return stretches(of: side).map { columns in
            let titles = columns.map {
                TextField(text: $0.title, style: .faint, width: $0.width(bar: bar), gap: BlockText.gap)
            }
            let heading = TextLines.line([TextField(text: "", width: margin)] + titles, colour: colour)
            let rows = names.enumerated().filter { row, _ in columns.contains { $0.cells[row] != nil } }
            return heading
                + rows.map { row, name in
                    TextLines.line(
                        [TextField(text: name, width: margin)] + columns.flatMap { $0.fields(row, bar: bar) },
                        colour: colour)
                }.joined()
        }.joined()
    }

    /// The columns, so many at a time.
    private func stretches(of side: Int) -> [ArraySlice<Column>] {
        stride(from: 0, to: columns.count, by: side).map { columns[$0..<min($0 + side, columns.count)] }
    }

    /// As many quantities side by side as leave room for bars, and how many cells these have.
    private func layout(width: Int) -> (side: Int, bar: Int) {
        let bars = (BlockText.barCells.fewest...BlockText.barCells.most).reversed()
        for side in (1...columns.count).reversed() {
            if let bar = bars.first(where: { fits(side, bar: $0, width: width) }) { return (side, bar) }
        }
        return (1, (1..<BlockText.barCells.fewest).last { fits(1, bar: $0, width: width) } ?? 0)
    }

    private func fits(_ side: Int, bar: Int, width: Int) -> Bool {
        stretches(of: side).allSatisfy { $0.reduce(0) { $0 + BlockText.gap + $1.width(bar: bar) } <= width }
    }
}
