// Median and spread of a few samples, and ratios formed within each round: what else a machine does meets both sides.

/// The smallest, the middle and the largest of some samples.
public struct Spread: Hashable, Sendable {
    public let median: Double
    public let minimum: Double
    public let maximum: Double

    /// Nil without samples. The median of an even number of samples lies between the two in the middle.
    public init?(_ samples: [Double]) {
        let sorted = samples.sorted()
        guard let first = sorted.first, let last = sorted.last else { return nil }
        median = (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
        (minimum, maximum) = (first, last)
    }
}

extension BenchReport.Figure {
    /// Never nil for a figure as it should be.
    public var spread: Spread? { Spread(samples) }

    /// Round by round, this divided by that, as far as both have rounds; nil where that is nothing in one of them.
    public func ratio(to other: BenchReport.Figure) -> Spread? {
        let pairs = zip(samples, other.samples)
        guard !pairs.contains(where: { $0.1 == 0 }) else { return nil }
        return Spread(pairs.map { $0 / $1 })
    }
}

extension BenchReport {
    /// The figure of a quantity on a path, if it was measured.
    public func figure(_ quantity: Quantity, path: String, mtu: Int) -> Figure? {
        figures.first { $0.quantity == quantity && $0.path == path && $0.mtu == mtu }
    }

    /// The underlay's MTUs that were measured, in the order of measuring.
    public var mtus: [Int] {
        (figures.map(\.mtu) + overheads.map(\.mtu)).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }
}
