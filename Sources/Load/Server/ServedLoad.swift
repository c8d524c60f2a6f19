// A load that goes on, as its server sees it: reads the counter at both ends of the measured time, and knows the end.

internal import LinuxSystem

/// The measured time of a receiving half. For one thread.
final class ServedLoad {
    private struct Reading {
        let count: Int
        let time: UInt64
        let busySeconds: Double

        init(_ half: any ReceivingHalf) throws {
            busySeconds = try ProcessorTime.now().busySeconds
            count = half.count
            time = Monotonic.now
        }
    }

    /// After the measured time, for the client to say that it has finished, and for what it sent to arrive.
    private static let patienceNanoseconds: UInt64 = 60_000_000_000

    let half: any ReceivingHalf
    private let begin: UInt64
    /// Moved by a late look at the beginning, so that the measured time is never shorter than ordered.
    private var end: UInt64
    private var first: Reading?
    private var isMeasured = false
    private var isFinishing = false

    /// The time begins now.
    init(_ half: any ReceivingHalf, _ period: LoadPeriod) {
        self.half = half
        (begin, end) = period.window(from: Monotonic.now)
    }

    /// When ``due(_:)`` has something to do next, at most 100 ms.
    var lookMilliseconds: Int32 {
        if isFinishing { return 5 }
        let now = Monotonic.now
        let next = first == nil ? begin : isMeasured ? .max : end
        return next <= now ? 0 : Int32(clamping: min((next - now + 999_999) / 1_000_000, 100))
    }

    /// The client has sent all.
    func finish() {
        isFinishing = true
        half.threads.end()
    }

    /// What is to be said now.
    func due(_ now: UInt64) throws -> [ServerLine] {
        var lines: [ServerLine] = []
        if first == nil && (now >= begin || isFinishing) {
            let reading = try Reading(half)
            end += max(reading.time, begin) - begin
            first = reading
        }
        if let first, !isMeasured, now >= end || isFinishing {
            isMeasured = true
            lines.append(.measured(try window(from: first)))
        }
        if isFinishing && half.threads.haveReturned {
            lines.append(.finished(total: half.count, failure: half.threads.failure))
        }
        if now > end + Self.patienceNanoseconds && !(isFinishing && half.threads.haveReturned) {
            throw LoadError.refused("the load has ended, and the client has not")
        }
        return lines
    }

    private func window(from first: Reading) throws -> MeasuredWindow {
        let last = try Reading(half)
        return MeasuredWindow(
            count: last.count - first.count, nanoseconds: max(1, Int(last.time - first.time)),
            busyMicroseconds: max(0, Int(((last.busySeconds - first.busySeconds) * 1e6).rounded())))
    }
}
