// Several runs of the tests side by side: which scenario is well on which tier and kernel, and what is not.

import Foundation

/// A column: one run, or the reason why there is none.
struct Column {
    let name: String
    let run: Run?
    let reason: String

    var isWell: Bool { run?.hasPassed ?? true }
}

@main
enum TierTable {
    static func main() {
        var columns: [Column] = []
        for argument in CommandLine.arguments.dropFirst() {
            let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { exit(64) }
            columns.append(column(parts[0], parts[1]))
        }
        guard !columns.isEmpty else {
            FileHandle.standardError.write(Data("usage: tiertable NAME=EVENT-STREAM|NAME=-REASON...\n".utf8))
            exit(64)
        }
        print(text(columns))
        exit(columns.allSatisfy(\.isWell) ? 0 : 1)
    }

    private static func column(_ name: String, _ value: String) -> Column {
        if value.hasPrefix("-") { return Column(name: name, run: nil, reason: String(value.dropFirst())) }
        // No stream at all: the runner did not get so far.
        return Column(
            name: name, run: Run(stream: FileManager.default.contents(atPath: value) ?? Data()), reason: "")
    }

    static func text(_ columns: [Column]) -> String {
        var rows: [String] = []
        for run in columns.compactMap(\.run) {
            for test in run.tests where !rows.contains(row(of: test, in: run)) { rows.append(row(of: test, in: run)) }
        }
        // The scenarios by name, then the other targets.
        rows.sort { ($0.hasSuffix(targetMark) ? 1 : 0, $0) < ($1.hasSuffix(targetMark) ? 1 : 0, $1) }
        var cells = [[""] + columns.map(\.name)]
        for row in rows { cells.append([row] + columns.map { cell(row, $0) }) }
        var parts = [aligned(cells)]
        parts += columns.filter { $0.run == nil }.map { "\($0.name): not run: \($0.reason)" }
        parts += notes(columns)
        parts += columns.flatMap(failures)
        // The runners' own words, the first column's last and as they are.
        for (index, column) in columns.enumerated().reversed() {
            guard let run = column.run else { continue }
            let words =
                run.summary.map { "\(run.hasPassed ? "✔" : "✘") \($0)" } ?? "✘ the test runner did not end by itself"
            parts.append(index == 0 ? words : "\(words) [\(column.name)]")
        }
        return parts.joined(separator: "\n")
    }

    // MARK: - Cells

    private static let scenarios = "EndToEnd.EndToEndTests/"
    private static let targetMark = " (all)"

    /// A suite of the end-to-end tests, or a whole target.
    private static func row(of test: Run.Test, in run: Run) -> String {
        if test.id.hasPrefix(scenarios) {
            let suite = test.id.split(separator: "/").prefix(2).joined(separator: "/")
            return run.suites[suite] ?? suite
        }
        return test.id.prefix { $0 != "." } + targetMark
    }

    private static func cell(_ row: String, _ column: Column) -> String {
        guard let run = column.run else { return "-" }
        let outcomes = run.tests.filter { self.row(of: $0, in: run) == row }.map(\.outcome)
        guard !outcomes.isEmpty else { return "-" }
        let bad = outcomes.count { $0 == .failed || $0 == .unfinished }
        let passed = outcomes.count { $0 == .passed }
        let left = outcomes.count - bad - passed
        var words: [String] = []
        if bad > 0 { words.append("FAILED \(bad)") }
        if passed > 0 { words.append("ok \(passed)") }
        if left > 0 {
            let isMissing = outcomes.contains {
                if case .skipped(let why) = $0 { !isNotApplicable(why) } else { false }
            }
            words.append(isMissing ? "skipped \(left)" : "n/a \(left)")
        }
        return words.joined(separator: ", ")
    }

    private static func isNotApplicable(_ reason: String) -> Bool { reason.hasPrefix("n/a") }

    private static func aligned(_ cells: [[String]]) -> String {
        let widths = cells[0].indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
        return cells.map { row in
            let padded = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            let line = padded.joined(separator: "  ")
            return String(line[...(line.lastIndex { $0 != " " } ?? line.startIndex)])
        }.joined(separator: "\n")
    }

    // MARK: - Below the table

    /// Each reason for which tests were left out, once, with their suites.
    private static func notes(_ columns: [Column]) -> [String] {
        var rows: [String: [String]] = [:]
        for column in columns {
            guard let run = column.run else { continue }
            for test in run.tests {
                guard case .skipped(let reason) = test.outcome else { continue }
                let row = row(of: test, in: run)
                let line = isNotApplicable(reason) ? reason : "skipped in \(column.name): \(reason)"
                if rows[line]?.contains(row) != true { rows[line, default: []].append(row) }
            }
        }
        return rows.sorted { $0.key < $1.key }.map { "\($0.key) [\($0.value.sorted().joined(separator: "; "))]" }
    }

    private static func failures(_ column: Column) -> [String] {
        guard let run = column.run else { return [] }
        var lines = run.otherIssues.map { "FAILED \(column.name): \($0)" }
        for test in run.tests where test.outcome == .failed || test.outcome == .unfinished {
            let what = test.outcome == .unfinished ? "did not end" : test.issues.first ?? "failed"
            lines.append("FAILED \(column.name): \(row(of: test, in: run)): \(run.names[test.id] ?? test.id): \(what)")
        }
        return lines
    }
}
