// What a server answers: where to connect to, that it goes, and what it has counted.

/// What a receiver counted in the measured time, by its own clock.
struct MeasuredWindow: Hashable, Sendable {
    /// Bytes, datagrams, requests or connections.
    var count: Int
    var nanoseconds: Int
    /// Busy time of its machine's processors, in microseconds.
    var busyMicroseconds: Int

    var seconds: Double { Double(nanoseconds) / 1e9 }
    var busySeconds: Double { Double(busyMicroseconds) / 1e6 }
}

/// A line from the server: `ready PORT` to an order, `going` to `go`, `measured COUNT NANOSECONDS BUSY-MICROSECONDS` when
/// the measured time is over, `finished TOTAL [WHY-EARLY]` to `finish`, and `error WHY` before it ends the session.
enum ServerLine: Hashable, Sendable {
    /// It listens on this port; 0 where there is nothing to connect to.
    case ready(port: UInt16)
    case going
    case measured(MeasuredWindow)
    /// All that was received, warm-up included.
    case finished(total: Int, failure: String?)
    case error(String)

    /// Parses a line; nil where it is none.
    init?(_ line: String) {
        let parts = line.split(separator: " ", maxSplits: 1)
        guard let verb = parts.first else { return nil }
        let rest = parts.count > 1 ? String(parts[1]) : ""
        let words = rest.split(separator: " ", maxSplits: 1)
        switch verb {
        case "ready":
            guard let port = UInt16(rest) else { return nil }
            self = .ready(port: port)
        case "going":
            guard rest.isEmpty else { return nil }
            self = .going
        case "measured":
            let words = rest.split(separator: " ")
            let numbers = words.compactMap { Int($0) }.filter { $0 >= 0 }
            guard words.count == 3, numbers.count == 3, numbers[1] > 0 else { return nil }
            self = .measured(
                MeasuredWindow(count: numbers[0], nanoseconds: numbers[1], busyMicroseconds: numbers[2]))
        case "finished":
            guard let total = words.first.flatMap({ Int($0) }), total >= 0 else { return nil }
            self = .finished(total: total, failure: words.count > 1 ? String(words[1]) : nil)
        case "error":
            guard !rest.isEmpty else { return nil }
            self = .error(rest)
        default: return nil
        }
    }

    /// The line.
    var line: String {
        switch self {
        case .ready(let port): "ready \(port)"
        case .going: "going"
        case .measured(let window): "measured \(window.count) \(window.nanoseconds) \(window.busyMicroseconds)"
        case .finished(let total, let failure): "finished \(total)" + (failure.map { " \(Self.printable($0))" } ?? "")
        case .error(let why): "error \(Self.printable(why))"
        }
    }

    /// One line of ASCII that fits.
    private static func printable(_ text: String) -> String {
        String(text.prefix(400).map { $0.isASCII && ("\u{20}"..."\u{7E}").contains($0) ? $0 : "?" })
    }
}
