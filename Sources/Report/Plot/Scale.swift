// Where a value stands on an axis, and which round numbers are written beside it.

/// An axis of a plot, from 0 to 1.
enum Scale: Equatable {
    /// From 0 to a round number.
    case linear(Range)
    /// Each decade as long as the next, between two round numbers.
    case logarithmic(Range)

    /// Two ends, and the round numbers on it, ascending, both ends included.
    struct Range: Equatable {
        let ticks: [Tick]
        var low: Double { ticks.first?.value ?? 0 }
        var high: Double { ticks.last?.value ?? 1 }
    }

    /// A round number: 1, 2 or 5 of a decade, or a multiple, exactly.
    struct Tick: Equatable {
        let digits: Int
        let exponent: Int

        var value: Double { Double(digits) * Decade.power(exponent) }

        /// With as many decimals as it needs.
        var text: String {
            if digits == 0 { return "0" }
            return abs(exponent) > 9
                ? "\(digits)e\(exponent)" : NumberText.fixed(value, decimals: max(0, -exponent))
        }
    }

    /// From 0 to at least `highest`, with about so many intervals at most.
    static func linear(to highest: Double, intervals: Int = 5) -> Scale {
        let highest = highest.isFinite && highest > 0 ? highest : 1
        let least = highest / Double(intervals)
        let step = Tick.roundUp(least)
        var count = 1
        while Double(count) * step.value < highest * (1 - 1e-9) { count += 1 }
        return .linear(
            Range(ticks: (0...count).map { Tick(digits: $0 * step.digits, exponent: $0 == 0 ? 0 : step.exponent) }))
    }

    /// From at most `lowest` to at least `highest`; linear where something is not above 0.
    static func logarithmic(from lowest: Double, to highest: Double) -> Scale {
        guard lowest > 0, highest.isFinite, lowest <= highest else { return linear(to: highest) }
        var ticks = [Tick.roundDown(lowest)]
        while let last = ticks.last, last.value < highest * (1 - 1e-9) || ticks.count < 2 { ticks.append(last.next) }
        // Over many decades these alone, and of very many only some.
        if ticks.count > 8, let first = ticks.first, let last = ticks.last {
            let decades = (first.exponent, last.digits == 1 ? last.exponent : last.exponent + 1)
            let step = (decades.1 - decades.0 + 7) / 8
            ticks = stride(from: decades.0, to: decades.1 + step, by: step).map { Tick(digits: 1, exponent: $0) }
        }
        return .logarithmic(Range(ticks: ticks))
    }

    var isLogarithmic: Bool { if case .logarithmic = self { true } else { false } }

    var ticks: [Tick] {
        switch self {
        case .linear(let range), .logarithmic(let range): range.ticks
        }
    }

    /// The round numbers that are written: all, or as many of them, at even distances, as have room beside each other.
    func labels(whereRoom hasRoom: ([Tick]) -> Bool) -> [Tick] {
        if hasRoom(ticks) { return ticks }
        let decades = ticks.filter { $0.digits == 1 }
        if case .logarithmic = self, hasRoom(decades) { return decades }
        for step in 2..<max(ticks.count, 3) {
            let some = stride(from: 0, to: ticks.count, by: step).map { ticks[$0] }
            if hasRoom(some) { return some }
        }
        return ticks.first.map { [$0] } ?? []
    }

    /// From 0 at the low end to 1 at the high one; what lies outside stands at the end.
    func position(_ value: Double) -> Double {
        let part: Double
        switch self {
        case .linear(let range):
            part = value / range.high
        case .logarithmic(let range):
            guard value > 0 else { return 0 }
            part = Decade.logarithm(value / range.low) / Decade.logarithm(range.high / range.low)
        }
        return part.isFinite ? min(max(part, 0), 1) : 0
    }
}

extension Scale.Tick {
    /// The smallest 1, 2 or 5 of a decade that is not below a positive number.
    static func roundUp(_ value: Double) -> Self {
        let tick = roundDown(value)
        return tick.value >= value * (1 - 1e-9) ? tick : tick.next
    }

    /// The largest 1, 2 or 5 of a decade that is not above a positive number.
    static func roundDown(_ value: Double) -> Self {
        var exponent = Int(Decade.logarithm(value).rounded(.down))
        if Decade.power(exponent) > value * (1 + 1e-9) { exponent -= 1 }
        let part = value / Decade.power(exponent) * (1 + 1e-9)
        return Self(digits: part >= 10 ? 10 : part >= 5 ? 5 : part >= 2 ? 2 : 1, exponent: exponent)
    }

    /// 1, 2, 5, 10.
    var next: Self {
        switch digits {
        case 1: Self(digits: 2, exponent: exponent)
        case 2: Self(digits: 5, exponent: exponent)
        default: Self(digits: 1, exponent: exponent + 1)
        }
    }
}

/// Powers of ten and their logarithm, without a library of the system.
enum Decade {
    static func power(_ exponent: Int) -> Double {
        let factor = (0..<abs(exponent)).reduce(1.0) { result, _ in result * 10 }
        return exponent < 0 ? 1 / factor : factor
    }

    /// Base 10, of a positive finite number, to about 15 digits.
    static func logarithm(_ value: Double) -> Double {
        guard value > 0, value.isFinite else { return 0 }
        // ln x = ln m + e · ln 2, and ln m = 2 artanh((m − 1) / (m + 1)), whose series ends soon for m below 2.
        let part = (value.significand - 1) / (value.significand + 1)
        var power = part
        var sum = 0.0
        for term in stride(from: 1.0, through: 33, by: 2) {
            sum += power / term
            power *= part * part
        }
        let natural = 2 * sum + Double(value.exponent) * 0.693_147_180_559_945_3
        return natural / 2.302_585_092_994_045_7
    }
}
