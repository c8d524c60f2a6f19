// Which plot shows a block: bars from 0, or marks on a logarithmic axis where the numbers lie far apart.

extension Plot {
    /// One block's plot, on an axis that all blocks of its group share, so that lengths can be compared between MTUs;
    /// nil where there is nothing but zeros.
    init?(_ block: Block, among blocks: [Block]) {
        let spreads = blocks.flatMap { $0.cells.map(\.spread) }
        guard let lowest = spreads.map(\.minimum).min(), let highest = spreads.map(\.maximum).max(), highest > 0
        else { return nil }
        let isLatency = block.group == .requestResponse || block.group == .ping
        // Of a few long bars, all the others would be too short to be told apart.
        let isWide = isLatency || (!block.isMoreBetter && lowest > 0 && highest / lowest > 10)
        let scale = isWide ? Scale.logarithmic(from: lowest, to: highest) : Scale.linear(to: highest)
        self.init(
            title: "\(block.group.rawValue), \(NumberText.mtu(block.mtu))",
            description: "Median of each path in \(block.scaleInWords), "
                + (block.cells.contains { $0.range != nil } ? "with the lowest and the highest round. " : "")
                + "The table below has the same numbers.",
            scale: scale, columns: isLatency ? block.percentileColumns : block.ratioColumns,
            bands: isLatency ? block.percentileBands : block.quantityBands(isWide ? .circle : .bar))
    }

    /// Bytes on the wire for each byte that was delivered, for one MTU.
    init?(_ overheads: [BenchReport.Overhead], among all: [BenchReport.Overhead], paths: [BenchReport.Path]) {
        let present = overheads.filter { $0.wirePerByte != nil }
        guard let mtu = present.first?.mtu, let highest = all.compactMap(\.wirePerByte).max() else { return nil }
        let bands = BenchReport.PacketMix.allCases.compactMap { mix -> Band? in
            let rows = paths.enumerated().flatMap { position, path in
                present.filter { $0.path == path.name && $0.mix == mix }.compactMap { overhead -> Row? in
                    guard let value = overhead.wirePerByte else { return nil }
                    let added = NumberText.fixed(overhead.measuredPerPacket, decimals: 1)
                    return Row(
                        name: path.name, path: position,
                        marks: [
                            Mark(
                                shape: .bar, value: value, spread: nil,
                                about:
                                    "\(mix.title): \(NumberText.fixed(value, decimals: 3)) bytes on the wire for each "
                                    + "byte delivered, \(added) added to a packet",
                                quantity: "wire-\(mix.rawValue)")
                        ], numbers: [NumberText.fixed(value, decimals: 3), "+\(added)"])
                }
            }
            return rows.isEmpty ? nil : Band(title: mix.title, rows: rows)
        }
        self.init(
            title: "Bytes on the wire, \(NumberText.mtu(mtu))",
            description: "Bytes of IP packets on the wire for each byte that was delivered, and bytes added to a "
                + "packet. The table below has the same numbers.",
            scale: .linear(to: highest), columns: [Column(title: "wire/byte"), Column(title: "added")], bands: bands)
    }
}

extension Block {
    var isMoreBetter: Bool { quantities.first?.moreIsBetter ?? true }

    fileprivate var ratioColumns: [Plot.Column] {
        let unit = Plot.Column(title: quantities.first?.unit ?? "")
        return showsRatios ? [unit, Plot.Column(title: "ratio")] : [unit]
    }

    /// A band for each quantity, a row for each path.
    fileprivate func quantityBands(_ shape: Plot.Shape) -> [Plot.Band] {
        quantities.indices.map { index in
            Plot.Band(
                title: quantities[index].title,
                rows: rows.compactMap { row in
                    row.cells[index].map { cell in
                        let ratio =
                            showsRatios ? [cell.ratio.map { NumberText.ratio($0.median) } ?? NumberText.none] : []
                        return Plot.Row(
                            name: row.path.name, path: row.position, marks: [cell.mark(shape)],
                            numbers: [NumberText.significant(cell.spread.median)] + ratio)
                    }
                })
        }
    }

    private static let percentileShapes: [Plot.Shape] = [.circle, .diamond, .triangle]

    private func percentileShape(_ index: Int) -> Plot.Shape {
        Block.percentileShapes[index % Block.percentileShapes.count]
    }

    fileprivate var percentileColumns: [Plot.Column] {
        quantities.indices.map { Plot.Column(title: quantities[$0].title, shape: percentileShape($0)) }
    }

    /// One row for each path, with a mark for each quantity.
    fileprivate var percentileBands: [Plot.Band] {
        let rows = rows.map { row in
            Plot.Row(
                name: row.path.name, path: row.position,
                marks: row.cells.enumerated().compactMap { index, cell in cell?.mark(percentileShape(index)) },
                numbers: row.cells.map { $0.map { NumberText.significant($0.spread.median) } ?? NumberText.none })
        }
        return [Plot.Band(title: nil, rows: rows)]
    }
}

extension Block.Cell {
    fileprivate func mark(_ shape: Plot.Shape) -> Plot.Mark {
        var about = "\(figure.quantity.title): \(NumberText.significant(spread.median)) \(figure.quantity.unit)"
        if let range { about += " (\(range))" }
        if let ratio { about += ", ratio \(NumberText.ratio(ratio.median))" }
        if let ratioRange { about += " (\(ratioRange))" }
        return Plot.Mark(
            shape: shape, value: spread.median,
            spread: figure.samples.count > 1 ? spread.minimum...spread.maximum : nil, about: about,
            quantity: figure.quantity.rawValue)
    }
}

extension BenchReport.PacketMix {
    /// In words.
    var title: String {
        switch self {
        case .small: "64 bytes"
        case .mixed: "64, 512 and 1400 bytes in turns"
        case .full: "as large as they can be"
        }
    }
}
