// A plot as SVG: rows from top to bottom, and on each from the left the name, the marks on their axis, the numbers.

/// Where everything of a plot stands. The unit is about a pixel on a telephone, where the plot is as wide as the screen.
struct Drawing {
    private static let width = 360.0
    private static let rowHeight = 18.0
    private static let bandHeight = 26.0
    private static let headHeight = 19.0
    private static let barHeight = 10.0
    /// Between columns.
    private static let gap = 11.0
    private static let longestName = 16
    /// A character is not wider than that on the average, in any usual font; in headings and on the axis.
    private static let character = 7.0
    private static let smallCharacter = 6.2

    private let plot: Plot
    /// Where the axis begins and ends.
    private let left: Double
    private let right: Double
    /// Where the numbers of each column end.
    private let columnEnds: [Double]

    init(_ plot: Plot) {
        self.plot = plot
        left = Double(plot.room.names) * Drawing.character + 8
        var ends: [Double] = []
        var end = Drawing.width
        for (column, numbers) in zip(plot.columns, plot.room.numbers).reversed() {
            ends.insert(end, at: 0)
            end -= max(Drawing.width(of: column), Double(numbers) * Drawing.character) + Drawing.gap
        }
        columnEnds = ends
        right = max(end, left + 40)
    }

    /// A heading with its shape before it.
    private static func width(of column: Plot.Column) -> Double {
        Double(column.title.count) * smallCharacter + (column.shape == nil ? 0 : 15)
    }

    /// See ``Plot/render(number:)``.
    func render(number: Int) -> String {
        var parts: [String] = []
        var y = Drawing.headHeight
        for (column, end) in zip(plot.columns, columnEnds) {
            parts.append(SVG.text(column.title, x: end, y: y - 6, class: "h"))
            if let shape = column.shape {
                let x = end - Drawing.width(of: column) + 5
                parts.append(SVG.element("path", ["d": outline(shape, x: x, y: y - 9.5), "class": "s"]))
            }
        }
        let top = y
        var rows: [String] = []
        for band in plot.bands {
            if let title = band.title {
                y += Drawing.bandHeight
                rows.append(SVG.text(title, x: 0, y: y - 6, class: "g"))
            }
            for row in band.rows {
                rows.append(render(row, y: y + Drawing.rowHeight / 2))
                y += Drawing.rowHeight
            }
        }
        parts.append(axis(top: top, bottom: y + 2))
        parts += rows
        let height = y + 18
        let (title, description) = ("plot-\(number)-title", "plot-\(number)-about")
        let heading =
            SVG.element("title", ["id": title], HTML.escape(plot.title))
            + SVG.element("desc", ["id": description], HTML.escape(plot.description))
        return SVG.element(
            "svg",
            [
                "viewBox": "0 0 \(SVG.number(Drawing.width)) \(SVG.number(height))", "role": "img",
                "aria-labelledby": title, "aria-describedby": description, "class": "plot",
            ], heading + parts.joined())
    }

    /// Lines at the round numbers, and below them as many of these as have room.
    private func axis(top: Double, bottom: Double) -> String {
        let lines = plot.scale.ticks.map { tick in
            let x = SVG.number(self.x(tick.value))
            return SVG.element("path", ["d": "M\(x) \(SVG.number(top))V\(SVG.number(bottom))", "class": "a"])
        }
        let labels = plot.scale.labels { ticks in
            var free = -Double.infinity
            return ticks.allSatisfy { tick in
                let half = Double(tick.text.count) * Drawing.smallCharacter / 2
                defer { free = x(tick.value) + half + 4 }
                return x(tick.value) - half > free
            }
        }
        return (lines + labels.map { SVG.text($0.text, x: x($0.value), y: bottom + 12, class: "t") }).joined()
    }

    private func render(_ row: Plot.Row, y: Double) -> String {
        var parts = [SVG.text(Drawing.shortened(row.name), x: 0, y: y + 4, class: "n")]
        if row.marks.contains(where: { $0.shape != .bar }) {
            // Leads the eye from the name to the marks.
            let line = "M\(SVG.number(left)) \(SVG.number(y))H\(SVG.number(right))"
            parts.append(SVG.element("path", ["d": line, "class": "a"]))
        }
        for mark in row.marks { parts.append(render(mark, of: row, y: y)) }
        for (number, end) in zip(row.numbers, columnEnds) {
            parts.append(SVG.text(number, x: end, y: y + 4, class: "v"))
        }
        return parts.joined()
    }

    private func render(_ mark: Plot.Mark, of row: Plot.Row, y: Double) -> String {
        let about = SVG.title("\(row.name), \(mark.about)")
        let fill = "fill:\(Palette.variable(path: row.path))"
        let x = self.x(mark.value)
        var parts: [String] = []
        if mark.shape == .bar {
            // Nothing is a line at 0.
            parts.append(
                SVG.element(
                    "rect",
                    [
                        "x": SVG.number(left), "y": SVG.number(y - Drawing.barHeight / 2),
                        "width": SVG.number(max(x - left, 1)), "height": SVG.number(Drawing.barHeight), "style": fill,
                        "data-series": row.name, "data-quantity": mark.quantity,
                    ], about))
        }
        if let spread = mark.spread, spread.lowerBound < spread.upperBound {
            let (low, high) = (SVG.number(self.x(spread.lowerBound)), SVG.number(self.x(spread.upperBound)))
            let (up, down) = (SVG.number(y - 3.5), SVG.number(y + 3.5))
            let line = "M\(low) \(up)V\(down)M\(high) \(up)V\(down)M\(low) \(SVG.number(y))H\(high)"
            parts.append(
                SVG.element("path", ["d": line, "class": "w0"]) + SVG.element("path", ["d": line, "class": "w"]))
        }
        if mark.shape != .bar {
            parts.append(
                SVG.element(
                    "path",
                    [
                        "d": outline(mark.shape, x: x, y: y), "class": "m", "style": fill, "data-series": row.name,
                        "data-quantity": mark.quantity,
                    ], about))
        }
        return parts.joined()
    }

    private func x(_ value: Double) -> Double { left + plot.scale.position(value) * (right - left) }

    /// All of about the same area.
    private func outline(_ shape: Plot.Shape, x: Double, y: Double) -> String {
        let (x, y) = (SVG.number(x), SVG.number(y))
        return switch shape {
        case .bar: "M\(x) \(y)m-3.5 -3.5h7v7h-7z"
        case .circle: "M\(x) \(y)m-3.2 0a3.2 3.2 0 1 0 6.4 0a3.2 3.2 0 1 0 -6.4 0z"
        case .diamond: "M\(x) \(y)m0 -4.2l4.2 4.2l-4.2 4.2l-4.2 -4.2z"
        case .triangle: "M\(x) \(y)m0 -4.2l4.2 7.2h-8.4z"
        }
    }

    /// A name as it stands in a plot.
    static func shortened(_ name: String) -> String {
        name.count <= longestName ? name : name.prefix(longestName - 1) + "…"
    }
}
