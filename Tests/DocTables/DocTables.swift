// Puts the figures' tables into a document, so that no number there was typed by hand.
//
//     doctables [--check] FIGURES DOCUMENT
//
// FIGURES is the directory of the JSON files. In DOCUMENT a comment says what table follows it:
//
//     <!-- table paths.json 1500 figures
//     TCP 1 flow, Gb/s = tcp-1
//     CPU, 1 flow, s/GB = tcp-1-cpu median
//     -->
//
// Kinds: `figures`, `ratios NAME` (of the other paths to that one), `bytes` (on the wire) and `aims` (rows
// `TITLE = QUANTITY PATH PATH [at least|at most LIMIT]`), each of a report of `poplin bench` at one MTU; and `table
// series` for what the other benchmarks write, rows `TITLE = FILE: SERIES`.

import Foundation

@main
enum DocTables {
    static func main() {
        var arguments = Array(CommandLine.arguments.dropFirst())
        let isCheck = arguments.first == "--check"
        if isCheck { arguments.removeFirst() }
        guard arguments.count == 2 else { fail("usage: doctables [--check] FIGURES DOCUMENT", 64) }
        do {
            let figures = FigureFiles(directory: arguments[0])
            let old = try String(contentsOfFile: arguments[1], encoding: .utf8)
            let new = try withTables(old, from: figures)
            if new == old { return }
            guard isCheck else { return try new.write(toFile: arguments[1], atomically: true, encoding: .utf8) }
            let (before, after) = (lines(old), lines(new))
            let place = zip(before, after).prefix { $0 == $1 }.count
            fail(
                "\(arguments[1]):\(place + 1): not what the figures say; scripts/doc-tables writes it anew:\n"
                    + "  here: \(place < before.count ? before[place] : "")\n"
                    + "  there: \(place < after.count ? after[place] : "")", 1)
        } catch {
            fail("\(error)", 1)
        }
    }

    /// The document with each table in the place of the lines that begin with `|` after its order.
    private static func withTables(_ document: String, from figures: FigureFiles) throws -> String {
        var result: [Substring] = []
        var order: [Substring]?
        var isReplaced = false
        for (index, line) in lines(document).enumerated() {
            if isReplaced && line.hasPrefix("|") { continue }
            isReplaced = false
            result.append(line)
            if line.hasPrefix("<!-- table ") {
                order = [line.dropFirst("<!-- table ".count)]
            } else if line == "-->", let whole = order {
                do {
                    result += try table(whole, figures).map { $0[...] }
                } catch {
                    throw Problem("line \(index + 1): the table \(whole[0]): \(error)")
                }
                (order, isReplaced) = (nil, true)
            } else {
                order?.append(line)
            }
        }
        if let order { throw Problem("the order of the table \(order[0]) has no end") }
        return result.joined(separator: "\n")
    }

    private static func table(_ order: [Substring], _ figures: FigureFiles) throws -> [String] {
        let words = order[0].split(separator: " ")
        let rows = try order.dropFirst().map(TableRow.init)
        if words == ["series"] { return try SeriesTable.render(rows, figures) }
        guard words.count > 2, let mtu = Int(words[1]) else { throw Problem("FILE MTU KIND are expected") }
        let table = PathTable(report: try figures.report(String(words[0])), mtu: mtu)
        switch (words[2], words.count) {
        case ("figures", 3): return try table.figures(rows)
        case ("ratios", 4): return try table.ratios(to: String(words[3]), rows)
        case ("bytes", 3): return try table.bytes()
        case ("aims", 3): return try table.aims(rows)
        default: throw Problem("there is no kind \(words.dropFirst(2).joined(separator: " "))")
        }
    }

    private static func lines(_ text: String) -> [Substring] {
        text.split(separator: "\n", omittingEmptySubsequences: false)
    }

    private static func fail(_ message: String, _ status: Int32) -> Never {
        try? FileHandle.standardError.write(contentsOf: Data("doctables: \(message)\n".utf8))
        exit(status)
    }
}

/// What is wrong with an order or with figures.
struct Problem: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// `TITLE = WHAT`, of an order: a column or a row.
struct TableRow {
    let title: String
    let what: String

    init(_ line: Substring) throws {
        let parts = line.split(separator: " = ", maxSplits: 1)
        guard parts.count == 2 else { throw Problem("'\(line)' is not TITLE = WHAT") }
        (title, what) = (String(parts[0]), String(parts[1]))
    }
}

/// A table as Markdown has it.
func markdown(_ head: [String], _ rows: [[String]]) -> [String] {
    ([head, head.map { _ in "---" }] + rows).map { "| " + $0.joined(separator: " | ") + " |" }
}
