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

    /// The failures now in force, for a person.
    var messages: [String] { failures.values.map(\.message).sorted() }

    /// When the next object is due (nanoseconds, monotonic); nil where nothing failed.
    var nextDue: UInt64? { failures.values.map(\.due).min() }

    /// Whether `object` is waiting.
    func holdsBack(_ object: String, now: UInt64) -> Bool {
        !failures.isEmpty && (failures[object].map { $0.due > now } ?? false)
    }

    /// Records a failure; true where it is new or says something else than before.
    mutating func failed(_ object: String, message: String, now: UInt64) -> Bool {
        let before = failures[object]
        let delay = before.map { min($0.delay * 2, Backoff.longestDelay) } ?? Backoff.firstDelay
        failures[object] = Failure(message: message, delay: delay, due: now + delay)
        return before?.message != message
    }

    /// Forgets all but `objects`: what was not tried again is not wanted any more.
    mutating func keep(only objects: Set<String>) {
        guard !failures.isEmpty else { return }
        failures = failures.filter { objects.contains($0.key) }
    }

    /// `object` is right now.
    mutating func succeeded(_ object: String) {
        guard !failures.isEmpty else { return }
        failures[object] = nil
    }
}
