// The JSON of a report also holds what follows from its samples, so that a reader finds the numbers of table and page.

extension BenchReport.Figure {
    enum CodingKeys: String, CodingKey {
        case path, mtu, quantity, samples
    }

    /// Written, and not read again.
    private enum DerivedKeys: String, CodingKey {
        case unit, median, min, max
    }

    /// The stored values, and with them unit, median, smallest and largest sample.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(path, forKey: .path)
        try container.encode(mtu, forKey: .mtu)
        try container.encode(quantity, forKey: .quantity)
        try container.encode(samples, forKey: .samples)
        guard let spread else { return }
        var derived = encoder.container(keyedBy: DerivedKeys.self)
        try derived.encode(quantity.unit, forKey: .unit)
        try derived.encode(spread.median, forKey: .median)
        try derived.encode(spread.minimum, forKey: .min)
        try derived.encode(spread.maximum, forKey: .max)
    }
}

extension BenchReport.Overhead {
    enum CodingKeys: String, CodingKey {
        case path, mtu, mix, packets, deliveredBytes, wireBytes, expectedPerPacket, measuredPerPacket
    }

    /// Written, and not read again.
    private enum DerivedKeys: String, CodingKey {
        case wirePerByte
    }

    /// The stored values, and with them the bytes on the wire for each byte delivered.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(path, forKey: .path)
        try container.encode(mtu, forKey: .mtu)
        try container.encode(mix, forKey: .mix)
        try container.encode(packets, forKey: .packets)
        try container.encode(deliveredBytes, forKey: .deliveredBytes)
        try container.encode(wireBytes, forKey: .wireBytes)
        try container.encode(expectedPerPacket, forKey: .expectedPerPacket)
        try container.encode(measuredPerPacket, forKey: .measuredPerPacket)
        var derived = encoder.container(keyedBy: DerivedKeys.self)
        try derived.encodeIfPresent(wirePerByte, forKey: .wirePerByte)
    }
}

extension BenchReport {
    enum CodingKeys: String, CodingKey {
        case command, begun, network, machine, rounds, secondsPerLoad, paths, missing, figures, overheads, interruption
    }

    /// Written, and not read again.
    private enum DerivedKeys: String, CodingKey {
        case ratios
    }

    /// How one path's figure is to another's, round by round.
    private struct Ratio: Encodable {
        let path: String
        let to: String
        let mtu: Int
        let quantity: Quantity
        let median: Double
        let min: Double
        let max: Double
    }

    /// The stored values, and with them the ratio of each figure to the first path's, and to that of VXLAN.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(command, forKey: .command)
        try container.encode(begun, forKey: .begun)
        try container.encode(network, forKey: .network)
        try container.encode(machine, forKey: .machine)
        try container.encode(rounds, forKey: .rounds)
        try container.encode(secondsPerLoad, forKey: .secondsPerLoad)
        try container.encode(paths, forKey: .paths)
        try container.encode(missing, forKey: .missing)
        try container.encode(figures, forKey: .figures)
        try container.encode(overheads, forKey: .overheads)
        try container.encodeIfPresent(interruption, forKey: .interruption)
        var derived = encoder.container(keyedBy: DerivedKeys.self)
        try derived.encode(ratios, forKey: .ratios)
    }

    private var ratios: [Ratio] {
        // What a path without a tunnel is to one with, the kernel's VXLAN is to other tunnels.
        let names = paths.map(\.name)
        let references = Set(names.prefix(1) + names.filter { $0 == "vxlan" })
        let compared = figures.filter { $0.quantity.group.hasRatios }
        return references.sorted().flatMap { reference in
            compared.filter { $0.path != reference }.compactMap { one in
                guard let other = figure(one.quantity, path: reference, mtu: one.mtu),
                    let ratio = one.ratio(to: other)
                else { return nil }
                return Ratio(
                    path: one.path, to: reference, mtu: one.mtu, quantity: one.quantity, median: ratio.median,
                    min: ratio.minimum, max: ratio.maximum)
            }
        }
    }
}
