// The page's tables: the same numbers as in the plots, with their spread, for reading and copying.

enum PageTables {
    /// The numbers of a block: quantity by quantity, a row for each path.
    static func block(_ block: Block) -> String {
        var heads = [("path", ""), ("median", "number"), ("lowest–highest", "range")]
        if block.showsRatios { heads += [("ratio", "number"), ("lowest–highest", "range")] }
        let bodies = block.quantities.enumerated().map { index, quantity in
            let rows = block.rows.compactMap { row in
                row.cells[index].map { cell in
                    var cells = [
                        (NumberText.significant(cell.spread.median), "number"), (cell.range ?? "", "range"),
                    ]
                    if block.showsRatios {
                        cells.append((cell.ratio.map { NumberText.ratio($0.median) } ?? NumberText.none, "number"))
                        cells.append((cell.ratioRange ?? "", "range"))
                    }
                    return self.row(row.path.name, path: row.position, cells)
                }
            }
            return body("\(quantity.title), \(quantity.unit)", columns: heads.count, rows)
        }
        return table("\(block.group.rawValue), \(NumberText.mtu(block.mtu))", heads, bodies)
    }

    /// What was counted on the wire at one MTU: mix by mix, a row for each path.
    static func overheads(_ overheads: [BenchReport.Overhead], paths: [BenchReport.Path]) -> String {
        let heads = [
            ("path", ""), ("packets", "number"), ("bytes delivered", "number"), ("on the wire", "number"),
            ("wire/byte", "number"), ("added", "number"), ("arithmetic", "number"),
        ]
        let bodies = BenchReport.PacketMix.allCases.compactMap { mix -> String? in
            let rows = paths.enumerated().flatMap { position, path in
                overheads.filter { $0.path == path.name && $0.mix == mix }.map { overhead in
                    row(
                        path.name, path: position,
                        [
                            NumberText.count(overhead.packets), NumberText.count(overhead.deliveredBytes),
                            NumberText.count(overhead.wireBytes),
                            overhead.wirePerByte.map { NumberText.fixed($0, decimals: 3) } ?? NumberText.none,
                            NumberText.fixed(overhead.measuredPerPacket, decimals: 2),
                            NumberText.fixed(overhead.expectedPerPacket, decimals: 2),
                        ].map { ($0, "number") })
                }
            }
            return rows.isEmpty ? nil : body("UDP payload: \(mix.title)", columns: heads.count, rows)
        }
        return table("Bytes on the wire, \(NumberText.mtu(overheads.first?.mtu ?? 0))", heads, bodies)
    }

    /// Names and what they stand for; with the colours of paths where they are paths.
    static func names(_ items: [(name: String, value: String)], arePaths: Bool = false) -> String {
        let rows = items.enumerated().map { position, item in
            let name = (arePaths ? swatch(position) : "") + HTML.escape(item.name)
            return "<tr><th scope=\"row\">\(name)</th><td>\(HTML.escape(item.value))</td></tr>"
        }
        return "<div class=\"scroll\"><table class=\"names\"><tbody>\(rows.joined())</tbody></table></div>"
    }

    private static func table(_ title: String, _ heads: [(text: String, kind: String)], _ bodies: [String]) -> String {
        let head = heads.map { "<th scope=\"col\" class=\"\($0.kind)\">\($0.text)</th>" }.joined()
        // The keyboard can scroll it.
        return
            "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"\(title)\"><table><thead><tr>\(head)</tr></thead>\(bodies.joined())"
            + "</table></div>"
    }

    private static func body(_ title: String, columns: Int, _ rows: [String]) -> String {
        "<tbody><tr><th scope=\"rowgroup\" colspan=\"\(columns)\" class=\"part\">\(HTML.escape(title))</th></tr>"
            + rows.joined() + "</tbody>\n"
    }

    private static func row(_ name: String, path: Int, _ cells: [(text: String, kind: String)]) -> String {
        let cells = cells.map { "<td class=\"\($0.kind)\">\(HTML.escape($0.text))</td>" }.joined()
        return "<tr><th scope=\"row\">\(swatch(path))\(HTML.escape(name))</th>\(cells)</tr>"
    }

    private static func swatch(_ path: Int) -> String {
        "<span class=\"swatch\" style=\"background:\(Palette.variable(path: path))\"></span>"
    }
}
