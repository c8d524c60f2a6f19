// Failing objects are retried, each at its own pace, so that one bad route neither floods the log nor blocks others.

/// Which objects failed, when each may be tried again, and whether there is something new to say.
struct Backoff {
    private struct Failure {
        var message: String
        var delay: UInt64
        var due: UInt64
    }

    /// Nanoseconds before the first retry.
    static let firstDelay: UInt64 = 100_000_000
    /// Nanoseconds between retries at most.
    static let longestDelay: UInt64 = 30_000_000_000

    private var failures: [String: Failure] = [:]

    var isEmpty: Bool { failures.isEmpty }

    /// The failures now in force, for a person.
    var messages: [String] { failures.map { "\($0.key): \($0.value.message)" }.sorted() }

    /// When the next object is due (nanoseconds, monotonic); nil where nothing failed.
    var nextDue: UInt64? { failures.values.map(\.due).min() }

    /// Whether `object` is waiting.
    func holdsBack(_ object: @autoclosure () -> String, now: UInt64) -> Bool {
        !failures.isEmpty && (failures[object()].map { $0.due > now } ?? false)
    }

    /// Records a failure; true where it is new or says something else than before.
    mutating func failed(_ object: String, message: String, now: UInt64) -> Bool {
        let before = failures[object]
        let delay = before.map { min($0.delay * 2, Backoff.longestDelay) } ?? Backoff.firstDelay
        failures[object] = Failure(message: message, delay: delay, due: now + delay)
        return before?.message != message
    }

    /// Makes all due: something changed that may have been the cause.
    mutating func retryNow() {
        for object in failures.keys { failures[object]?.due = 0 }
    }

    /// Forgets the objects for which `isWanted` is false: they are right now, or nobody asks for them any more.
    mutating func keep(where isWanted: (String) -> Bool) {
        guard !failures.isEmpty else { return }
        failures = failures.filter { isWanted($0.key) }
    }
}
