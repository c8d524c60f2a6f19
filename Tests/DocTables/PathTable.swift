// Tables of a report of `poplin bench`: paths downwards, quantities across.

import Report

struct PathTable {
    let report: BenchReport
    let mtu: Int

    /// A column for each order; `QUANTITY median` leaves out the spread.
    func figures(_ columns: [TableRow]) throws -> [String] {
        let quantities = try columns.map { column in
            let words = column.what.split(separator: " ")
            guard let name = words.first, words.count == 1 || words[1...] == ["median"] else {
                throw Problem("'\(column.what)' is not QUANTITY or QUANTITY median")
            }
            return (try quantity(name), hasSpread: words.count == 1)
        }
        let rows = try eachPath { path in
            quantities.map { quantity, hasSpread in
                guard let spread = report.figure(quantity, path: path, mtu: mtu)?.spread else { return nil }
                return hasSpread ? text(spread, NumberText.significant) : NumberText.significant(spread.median)
            }
        }
        return markdown(["path"] + columns.map(\.title), rows)
    }

    /// The paths' ratios to another path, formed in each round.
    func ratios(to base: String, _ columns: [TableRow]) throws -> [String] {
        let quantities = try columns.map { try quantity($0.what[...]) }
        let rows = try eachPath { path in
            if path == base { return [] }
            return quantities.map { quantity in ratio(quantity, path, base).map { text($0, NumberText.ratio) } }
        }
        return markdown(["path, by `\(base)`"] + columns.map(\.title), rows)
    }

    /// Bytes on the wire for each that was delivered, and what that adds to a packet.
    func bytes() throws -> [String] {
        let mixes: [BenchReport.PacketMix] = [.small, .mixed, .full]
        let rows = try eachPath { path in
            let overheads = report.overheads.filter { $0.path == path && $0.mtu == mtu }
            guard let expected = overheads.first?.expectedPerPacket else { return [] }
            let added = Set(overheads.map { NumberText.fixed($0.measuredPerPacket, decimals: 2) }).sorted()
            let perByte = mixes.map { mix in
                overheads.first { $0.mix == mix }?.wirePerByte.map { NumberText.fixed($0, decimals: 3) }
            }
            return perByte + [added.joined(separator: ", "), NumberText.setting(expected)]
        }
        let head = ["path"] + mixes.map(\.rawValue) + ["added to a packet, counted", "by arithmetic"]
        return markdown(head, rows)
    }

    /// A row for each ratio, with what was aimed at.
    func aims(_ rows: [TableRow]) throws -> [String] {
        let cells = try rows.map { row in
            let words = row.what.split(separator: " ").map(String.init)
            guard words.count == 3 || words.count == 6,
                let ratio = ratio(try quantity(words[0][...]), words[1], words[2])
            else { throw Problem("there is no ratio '\(row.what)'") }
            let measured = text(ratio, NumberText.ratio)
            guard words.count == 6 else { return [row.title, "", measured] }
            guard let limit = Double(words[5]), ["at least", "at most"].contains("\(words[3]) \(words[4])") else {
                throw Problem("'\(row.what)' has no 'at least NUMBER' or 'at most NUMBER'")
            }
            let isMet = words[4] == "least" ? ratio.median >= limit : ratio.median <= limit
            let aim = "at \(words[4]) \(NumberText.setting(limit))"
            return [row.title, aim, isMet ? measured : "\(measured): **missed**"]
        }
        return markdown(["ratio, in each round", "aim", "median (min–max)"], cells)
    }

    // MARK: - Cells

    /// A row for each path of which there is anything to tell.
    private func eachPath(_ cells: (String) throws -> [String?]) throws -> [[String]] {
        let rows = try report.paths.compactMap { path -> [String]? in
            let cells = try cells(path.name)
            if cells.allSatisfy({ $0 == nil }) { return nil }
            return ["`\(path.name)`"] + cells.map { $0 ?? NumberText.none }
        }
        if rows.isEmpty { throw Problem("there is nothing of that in the figures") }
        return rows
    }

    private func quantity(_ name: Substring) throws -> Quantity {
        guard let quantity = Quantity(rawValue: String(name)) else { throw Problem("there is no quantity '\(name)'") }
        return quantity
    }

    private func ratio(_ quantity: Quantity, _ path: String, _ base: String) -> Spread? {
        guard let figure = report.figure(quantity, path: path, mtu: mtu) else { return nil }
        return report.figure(quantity, path: base, mtu: mtu).flatMap { figure.ratio(to: $0) }
    }

    private func text(_ spread: Spread, _ number: (Double) -> String) -> String {
        "\(number(spread.median)) (\(number(spread.minimum))–\(number(spread.maximum)))"
    }
}
