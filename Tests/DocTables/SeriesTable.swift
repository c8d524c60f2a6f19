// The table of what the other benchmarks wrote: a row for each series, with its aim.

import Report

enum SeriesTable {
    /// Rows `TITLE = FILE: SERIES`, the file without its ending.
    static func render(_ rows: [TableRow], _ figures: FigureFiles) throws -> [String] {
        let cells = try rows.map { row in
            let parts = row.what.split(separator: ": ", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { throw Problem("'\(row.what)' is not FILE: SERIES") }
            let file = try figures.series("\(parts[0]).json")
            guard let series = file.series.first(where: { $0.name == parts[1] }) else {
                throw Problem("\(parts[0]).json has no series '\(parts[1])'")
            }
            let aim = file.aims.first { $0.name == series.name }
            let range =
                series.count > 1 ? "\(number(series.min, like: series)) – \(text(series.max, like: series))" : ""
            return [
                row.title, aim.map { "\($0.bound) \(limit($0.limit, like: series))" } ?? "",
                "**\(text(series.median, like: series))**" + (aim?.met == false ? ": **missed**" : ""), range,
                "\(series.count)", "`\(parts[0])`",
            ]
        }
        return markdown(["what", "aim", "median", "min – max", "rounds", "command"], cells)
    }

    private static func limit(_ value: Double, like series: SeriesFile.Series) -> String {
        NumberText.setting(series.unit == "ms" && isLong(series) ? value / 1000 : value) + unit(of: series)
    }

    private static func text(_ value: Double, like series: SeriesFile.Series) -> String {
        number(value, like: series) + unit(of: series)
    }

    /// In seconds where milliseconds would be thousands, packets one by one.
    private static func number(_ value: Double, like series: SeriesFile.Series) -> String {
        switch series.unit {
        case "ms" where isLong(series): NumberText.significant(value / 1000)
        case "x": NumberText.ratio(value)
        case "packets": NumberText.fixed(value, decimals: 0)
        default: NumberText.significant(value)
        }
    }

    private static func unit(of series: SeriesFile.Series) -> String {
        switch series.unit {
        case "ms" where isLong(series): " s"
        case "x", "": ""
        default: " \(series.unit)"
        }
    }

    private static func isLong(_ series: SeriesFile.Series) -> Bool { series.median >= 1000 }
}
