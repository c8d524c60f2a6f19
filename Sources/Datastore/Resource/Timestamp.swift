// RFC 3339 times as seconds since 1970: only their order matters here, so no calendar library is needed.

/// Parses an RFC 3339 time (`2024-01-02T03:04:05Z`, `…05.123+02:00`) to whole seconds since 1970-01-01T00:00:00Z.
///
/// Fractions are dropped; a leap second counts as the second after it. Nil where the text is not such a time.
func parseTimestamp(_ text: String) -> Int64? {
    let bytes = Array(text.utf8)
    guard bytes.count >= 20 else { return nil }
    func number(_ range: Range<Int>, _ allowed: ClosedRange<Int64>) -> Int64? {
        guard range.upperBound <= bytes.count else { return nil }
        var value: Int64 = 0
        for byte in bytes[range] {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            value = value * 10 + Int64(byte - UInt8(ascii: "0"))
        }
        return allowed.contains(value) ? value : nil
    }
    func isOne(of letters: String, at index: Int) -> Bool { letters.utf8.contains(bytes[index]) }

    guard let year = number(0..<4, 0...9999), let month = number(5..<7, 1...12),
        let day = number(8..<10, 1...daysInMonth(month, year: year)), let hour = number(11..<13, 0...23),
        let minute = number(14..<16, 0...59), let second = number(17..<19, 0...60),
        isOne(of: "-", at: 4), isOne(of: "-", at: 7), isOne(of: "Tt ", at: 10), isOne(of: ":", at: 13),
        isOne(of: ":", at: 16)
    else { return nil }

    var index = 19
    if bytes[index] == UInt8(ascii: ".") {
        let fraction = bytes[(index + 1)...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard !fraction.isEmpty else { return nil }
        index = fraction.endIndex
    }
    guard index < bytes.count else { return nil }

    var offset: Int64 = 0
    if isOne(of: "Zz", at: index) {
        guard bytes.count == index + 1 else { return nil }
    } else {
        guard isOne(of: "+-", at: index), bytes.count == index + 6, isOne(of: ":", at: index + 3),
            let hours = number((index + 1)..<(index + 3), 0...23),
            let minutes = number((index + 4)..<(index + 6), 0...59)
        else { return nil }
        offset = (hours * 3600 + minutes * 60) * (bytes[index] == UInt8(ascii: "-") ? -1 : 1)
    }
    return daysSinceEpoch(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset
}

private func daysInMonth(_ month: Int64, year: Int64) -> Int64 {
    switch month {
    case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar; the year is taken to begin in March,
/// so that the leap day is its last.
private func daysSinceEpoch(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let shifted = month <= 2 ? year - 1 : year
    let monthFromMarch = (month + 9) % 12
    let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
    let era = shifted >= 0 ? shifted / 400 : -1
    let yearOfEra = shifted - era * 400
    return era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719468
}
