// Numbers as people read them: three significant figures, exact counts, the same in the terminal and on the page.

/// Numbers as text.
package enum NumberText {
    /// What stands where there is no number.
    package static let none = "–"

    /// Three significant figures, `0.0123`, `16.2`, `12,300`; with an exponent where that needs many zeros.
    package static func significant(_ value: Double) -> String {
        guard value.isFinite else { return none }
        if value == 0 { return "0" }
        let sign = value < 0 ? "−" : ""
        // Three digits left of the point, after rounding.
        var scaled = value.magnitude
        var decimals = 0
        while scaled >= 999.5 { (scaled, decimals) = (scaled / 10, decimals - 1) }
        while scaled < 99.95 { (scaled, decimals) = (scaled * 10, decimals + 1) }
        let digits = Int(scaled.rounded())
        let exponent = 2 - decimals
        guard (-4...11).contains(exponent) else { return "\(sign)\(placed(digits, decimals: 2))e\(exponent)" }
        if decimals > 0 { return sign + placed(digits, decimals: decimals) }
        return sign + grouped("\(digits)" + String(repeating: "0", count: -decimals))
    }

    /// A ratio: two decimals near 1, two significant figures down to a hundredth, three beyond.
    package static func ratio(_ value: Double) -> String {
        if (0.0995..<9.995).contains(value) { return fixed(value, decimals: 2) }
        if (0.00995..<0.0995).contains(value) { return fixed(value, decimals: 3) }
        return significant(value)
    }

    /// So many decimals.
    package static func fixed(_ value: Double, decimals: Int) -> String {
        guard value.isFinite, value.magnitude < 1e12 else { return significant(value) }
        let scale = (0..<decimals).reduce(1.0) { scale, _ in scale * 10 }
        let digits = Int((value.magnitude * scale).rounded())
        return (value < 0 && digits != 0 ? "−" : "") + placed(digits, decimals: decimals)
    }

    /// A setting, as it was given: `2`, `0.5`.
    package static func setting(_ value: Double) -> String {
        Int(exactly: value).map(count) ?? "\(value)"
    }

    /// An MTU in bytes; 0 is one that nobody knows.
    static func mtu(_ bytes: Int) -> String { bytes > 0 ? "MTU \(bytes)" : "MTU not known" }

    /// A count, exact: `200,000`.
    package static func count(_ value: Int) -> String {
        (value < 0 ? "−" : "") + grouped(String(value.magnitude))
    }

    /// Digits with a point so many places from their end.
    private static func placed(_ digits: Int, decimals: Int) -> String {
        guard decimals > 0 else { return grouped(String(digits)) }
        let text = String(digits)
        let padded = String(repeating: "0", count: max(0, decimals + 1 - text.count)) + text
        return grouped(String(padded.dropLast(decimals))) + "." + padded.suffix(decimals)
    }

    /// Groups of three, from five digits on.
    private static func grouped(_ digits: String) -> String {
        guard digits.count > 4 else { return digits }
        var result = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { result.append(",") }
            result.append(digit)
        }
        return result
    }
}

extension Spread {
    /// `14.1–17.6`; nil where nothing spreads because there is one sample.
    func range(of samples: Int, _ text: (Double) -> String) -> String? {
        samples > 1 ? "\(text(minimum))–\(text(maximum))" : nil
    }
}
