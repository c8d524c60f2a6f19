// Round trips one after the other with the time of each, and a place for the result that threads share.

internal import LinuxSystem
internal import Synchronization

/// What became of one request.
enum RoundTripEnd: Hashable {
    case answered, lost
    /// The other end wants no more.
    case closed
}

/// A series that one thread runs and another reads when it is over.
final class RoundTripSeries: Sendable {
    private struct Result {
        var samples: [UInt64] = []
        var lost = 0
    }

    private let period: LoadPeriod
    private let result = Mutex(Result())

    init(_ period: LoadPeriod) {
        self.period = period
    }

    /// Makes round trips until the period is over.
    ///
    /// - Parameter roundTrip: makes one that begins at a monotonic time, and returns soon after an end was asked for.
    func run(
        _ threads: LoadThreads, _ roundTrip: (UInt64) throws(SyscallError) -> RoundTripEnd
    ) throws {
        var result = Result()
        // Nothing is allocated between two requests: 200,000 a second are more than any path answers.
        result.samples.reserveCapacity(min(Int(period.milliseconds) * 200, 1 << 22))
        let (counts, end) = period.window(from: Monotonic.now)
        defer {
            result.samples.sort()
            self.result.withLock { $0 = result }
        }
        while !threads.isAborted {
            let begin = Monotonic.now
            if begin >= end { break }
            let outcome = try roundTrip(begin)
            let finish = Monotonic.now
            if outcome == .closed { throw LoadError.failed("the connection was closed") }
            guard begin >= counts else { continue }
            // One that is lost took at least as long as was waited for it.
            result.samples.append(finish - begin)
            if outcome == .lost { result.lost += 1 }
        }
    }

    func report(_ outcome: LoadOutcome) -> RoundTripReport {
        let result = result.withLock { $0 }
        return RoundTripReport(
            samples: result.samples, lost: result.lost, busySeconds: outcome.busySeconds,
            failure: outcome.failure)
    }
}
