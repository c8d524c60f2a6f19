// Figures with their spread: for a person as a table, for a program as JSON.

private import Bench
private import FoundationEssentials
private import LinuxSystem

/// Samples of one quantity.
public struct Series: Encodable, Sendable {
    public let name: String
    public let unit: String
    public private(set) var samples: [Double] = []

    private enum CodingKeys: String, CodingKey { case name, unit, median, min, max, count }

    /// A series without samples.
    public init(_ name: String, unit: String = "ms") {
        self.name = name
        self.unit = unit
    }

    /// Adds a sample.
    public mutating func add(_ sample: Double) { samples.append(sample) }

    /// Runs a body and adds how long it took, in milliseconds.
    public mutating func time<T>(_ body: () throws -> T) rethrows -> T {
        let start = Monotonic.now
        let result = try body()
        add(Double(Monotonic.now - start) / 1e6)
        return result
    }

    public var median: Double {
        let sorted = samples.sorted()
        guard !sorted.isEmpty else { return .nan }
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
    public var minimum: Double { samples.min() ?? .nan }
    public var maximum: Double { samples.max() ?? .nan }

    /// Round by round, this divided by that.
    public func ratio(to other: Series, _ name: String) -> Series {
        var ratio = Series(name, unit: "x")
        for (one, two) in zip(samples, other.samples) { ratio.add(one / two) }
        return ratio
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        try container.encode(unit, forKey: .unit)
        try container.encode(rounded(median), forKey: .median)
        try container.encode(rounded(minimum), forKey: .min)
        try container.encode(rounded(maximum), forKey: .max)
        try container.encode(samples.count, forKey: .count)
    }

    private func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
}

/// What the project wants of a figure.
public struct Aim: Encodable, Sendable {
    public let name: String
    public let bound: String
    public let limit: Double
    public let measured: Double
    public let unit: String
    public let met: Bool

    /// An upper bound for the median of a series.
    public init(_ series: Series, atMost limit: Double) {
        self.init(series, "at most", limit, met: series.median <= limit)
    }

    /// A lower bound for the median of a series.
    public init(_ series: Series, atLeast limit: Double) {
        self.init(series, "at least", limit, met: series.median >= limit)
    }

    private init(_ series: Series, _ bound: String, _ limit: Double, met: Bool) {
        name = series.name
        self.bound = bound
        self.limit = limit
        measured = (series.median * 1000).rounded() / 1000
        unit = series.unit
        self.met = met
    }
}

/// The figures of one benchmark.
public struct Figures: Encodable, Sendable {
    private struct Machine: Encodable, Sendable {
        let processor: String
        let processors: Int
        let kernel: String
    }

    private let benchmark: String
    private let machine: Machine
    private let series: [Series]
    private let aims: [Aim]

    /// Figures of this machine.
    public init(_ benchmark: String, _ series: [Series], aims: [Aim] = []) {
        self.benchmark = benchmark
        self.series = series
        self.aims = aims
        machine = Machine(
            processor: MachineFacts.processor ?? "unknown", processors: Host.processorCount,
            kernel: Host.kernelRelease)
    }

    /// Prints the table and, where a directory is named, writes `DIRECTORY/BENCHMARK.json`.
    ///
    /// - Parameter printed: the series to print; nil for all.
    public func report(to directory: String?, printing printed: [Series]? = nil) throws {
        let series = printed ?? series
        let width = series.map(\.name.count).max() ?? 0
        print("\(benchmark): \(Figures.pad("", width - benchmark.count)) median       min       max     n")
        for one in series {
            let numbers = [one.median, one.minimum, one.maximum].map { Figures.padLeft(Figures.text($0), 10) }
            print(
                "  \(Figures.pad(one.name, width))\(numbers.joined())\(Figures.padLeft("\(one.samples.count)", 6)) \(one.unit)"
            )
        }
        for aim in aims {
            let outcome = aim.met ? "met" : "MISSED"
            print("  aim: \(aim.name) \(aim.bound) \(Figures.text(aim.limit)) \(aim.unit): \(outcome)")
        }
        guard let directory else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        try Directory.create(directory)
        try TextFile.replace(
            "\(directory)/\(benchmark).json", with: String(decoding: try encoder.encode(self), as: UTF8.self) + "\n")
    }

    /// A number with three figures or so.
    public static func text(_ value: Double) -> String {
        guard value.isFinite else { return "-" }
        let scale: Double = value >= 100 ? 10 : value >= 10 ? 100 : 1000
        return "\((value * scale).rounded() / scale)"
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func padLeft(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
