// What commands print: data on standard output, everything else on standard error, colour only for people.

internal import Datastore
internal import FoundationEssentials
internal import LinuxSystem
internal import Synchronization

/// Writing to the two standard streams.
enum Terminal {
    private static let firstFailure = Mutex<String?>(nil)

    /// Why data could not be written, where it could not: what was printed is then not complete.
    static var failure: String? { firstFailure.withLock { $0 } }

    /// Data; a failure is told when the command has ended.
    static func write(_ text: String) {
        do throws(SyscallError) {
            try StandardStream.output.write(text)
        } catch {
            firstFailure.withLock { $0 = $0 ?? error.description }
        }
    }

    /// Data as JSON.
    static func write(json value: some Encodable) throws {
        try StandardStream.output.write(try JSON.encode(value))
    }

    /// One line that is no data.
    static func say(_ line: String) {
        try? StandardStream.error.write(line + "\n")
    }

    /// One line about a failure or a danger.
    static func complain(_ line: String) {
        say("poplin: \(line)")
    }

    /// Whether data is shown in colour (https://no-color.org).
    static let hasColour: Bool = {
        let environment = ProcessInfo.processInfo.environment
        return StandardStream.output.isTerminal && environment["NO_COLOR", default: ""].isEmpty
            && environment["TERM"] != "dumb"
    }()
}

/// How a piece of text looks on a terminal (ECMA-48 SGR).
enum Colour: String {
    case bold = "1"
    case faint = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"

    /// `text` in this colour where a terminal shows it, else as it is.
    func callAsFunction(_ text: String, if condition: Bool = Terminal.hasColour) -> String {
        condition && !text.isEmpty ? "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" : text
    }
}

/// Rows in columns that line up.
struct Table {
    /// A cell; the colour does not count for the width.
    struct Cell: ExpressibleByStringInterpolation {
        var text: String
        var colour: Colour?

        init(_ text: String, _ colour: Colour? = nil) {
            self.text = text
            self.colour = colour
        }

        init(stringLiteral value: String) { self.init(value) }
    }

    private let numeric: Set<Int>
    private var rows: [[Cell]] = []

    /// A table; the columns in `numeric` are aligned to the right.
    init(header: [String] = [], numeric: Set<Int> = []) {
        self.numeric = numeric
        if !header.isEmpty { rows.append(header.map { Cell($0, .bold) }) }
    }

    mutating func add(_ cells: [Cell]) { rows.append(cells) }

    /// The lines, each ended by a line feed, without blanks at their ends.
    func text(indent: String = "") -> String {
        var widths: [Int] = []
        for row in rows {
            for (column, cell) in row.enumerated() {
                if column == widths.count { widths.append(0) }
                widths[column] = max(widths[column], cell.text.count)
            }
        }
        return rows.map { row in
            var line = indent
            for (column, cell) in row.enumerated() {
                let blanks = String(repeating: " ", count: widths[column] - cell.text.count)
                let shown = cell.colour?(cell.text) ?? cell.text
                let isLast = column == row.count - 1
                if column > 0 { line += "  " }
                line += numeric.contains(column) ? blanks + shown : isLast ? shown : shown + blanks
            }
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }
}
