// Lines of a terminal: columns that line up, text within a width, and nothing in it that a terminal would obey.

/// How a piece of text looks on a terminal (ECMA-48 SGR).
enum TextStyle: String {
    case plain = ""
    case bold = "1"
    case faint = "2"
    case bar = "36"

    func callAsFunction(_ text: String, colour: Bool) -> String {
        colour && self != .plain && !text.isEmpty ? "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" : text
    }
}

/// A text in its place on a line.
struct TextField {
    var text: String
    var style = TextStyle.plain
    /// A longer text pushes what follows to the right.
    var width: Int
    /// Whether it stands at the right of its place: numbers.
    var isRight = false
    /// Blanks before it.
    var gap = 2
}

enum TextLines {
    /// Fields side by side, ended by a line feed, without blanks before that.
    static func line(_ fields: [TextField], colour: Bool) -> String {
        var line = ""
        // They wait until something stands behind them.
        var blanks = 0
        for (index, field) in fields.enumerated() {
            if index > 0 { blanks += field.gap }
            let room = max(0, field.width - field.text.count)
            if field.text.isEmpty {
                blanks += room
                continue
            }
            line += String(repeating: " ", count: blanks + (field.isRight ? room : 0))
            line += field.style(field.text, colour: colour)
            blanks = field.isRight ? 0 : room
        }
        return line + "\n"
    }

    /// Rows in columns as wide as their widest text, the first faint; those in `numeric` stand at the right.
    static func table(_ rows: [[String]], numeric: Set<Int>, colour: Bool) -> String {
        let widths: [Int] = rows.reduce(into: []) { widths, row in
            for (column, text) in row.enumerated() {
                if column == widths.count { widths.append(0) }
                widths[column] = max(widths[column], text.count)
            }
        }
        return rows.enumerated().map { index, row in
            let fields = row.enumerated().map { column, text in
                TextField(
                    text: text, style: index == 0 ? .faint : .plain, width: widths[column],
                    isRight: numeric.contains(column))
            }
            return line(fields, colour: colour)
        }.joined()
    }

    /// What came from elsewhere, on one line: a blank for each control character.
    static func plain(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            scalars.append(scalar.properties.generalCategory == .control ? " " : scalar)
        }
        return String(scalars)
    }

    /// Words in lines of at most `width`, the first with `first` and the others with as many blanks before them. A
    /// longer word has a line of its own, uncut.
    static func wrap(_ text: String, width: Int, first: String = "") -> String {
        let indent = String(repeating: " ", count: first.count)
        var lines: [String] = []
        var line = first
        var isFresh = true
        for word in plain(text).split(separator: " ") {
            if !isFresh, line.count + 1 + word.count > width {
                lines.append(line)
                (line, isFresh) = (indent, true)
            }
            line += (isFresh ? "" : " ") + word
            isFresh = false
        }
        return (lines + [line]).map { $0 + "\n" }.joined()
    }

    /// A bar of eighths of a cell; something that is not nothing has one at least.
    static func bar(_ part: Double, cells: Int) -> String {
        guard part > 0, part.isFinite, cells > 0 else { return "" }
        let eighths = max(1, Int((min(part, 1) * Double(cells * 8)).rounded()))
        let rest = eighths % 8
        return String(repeating: "█", count: eighths / 8)
            + (rest == 0 ? "" : ["▏", "▎", "▍", "▌", "▋", "▊", "▉"][rest - 1])
    }
}
