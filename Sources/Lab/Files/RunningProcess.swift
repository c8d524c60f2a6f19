// A process by its number and start time together: the number alone may have been given to another since.

internal import LinuxSystem

/// A process that was seen running.
struct RunningProcess: Hashable, Sendable {
    let pid: Int32
    /// Clock ticks from boot to its start (field 22 of `/proc/PID/stat`).
    let startTime: UInt64

    /// The process of this number, where it runs now.
    init?(pid: Int32) {
        guard pid > 0, let stat = Self.stat(pid), !stat.hasEnded else { return nil }
        self.pid = pid
        startTime = stat.startTime
    }

    /// Reads what ``text`` wrote.
    init?(_ text: String) {
        let fields = text.split(whereSeparator: \.isWhitespace)
        guard fields.count == 2, let pid = Int32(fields[0]), pid > 1, let start = UInt64(fields[1]) else { return nil }
        self.pid = pid
        startTime = start
    }

    var text: String { "\(pid) \(startTime)\n" }

    /// This process.
    static var current: RunningProcess? { RunningProcess(pid: Host.processID) }

    /// Whether this very process still runs; one that only waits to be reaped does not.
    var isRunning: Bool {
        guard let stat = Self.stat(pid) else { return false }
        return stat.startTime == startTime && !stat.hasEnded
    }

    /// Sends a signal, if this very process still runs.
    func signal(_ number: Int32) {
        if isRunning { Signals.send(number, to: pid) }
    }

    /// Ends it, in good order where it listens within a second.
    ///
    /// - Returns: false where it still runs after two more.
    func end() -> Bool {
        signal(Signals.terminate)
        if waitForEnd(milliseconds: 1000) { return true }
        signal(Signals.kill)
        return waitForEnd(milliseconds: 2000)
    }

    private func waitForEnd(milliseconds: UInt64) -> Bool {
        let deadline = Monotonic.now + milliseconds * 1_000_000
        while isRunning {
            if Monotonic.now >= deadline { return false }
            Monotonic.sleep(milliseconds: 5)
        }
        return true
    }

    private static func stat(_ pid: Int32) -> (startTime: UInt64, hasEnded: Bool)? {
        guard let text = try? TextFile.read("/proc/\(pid)/stat", limit: 4096) else { return nil }
        // The second field is the program's name in brackets, which may hold blanks and brackets itself.
        guard let bracket = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: bracket)...].split(separator: " ")
        guard fields.count > 19, let start = UInt64(fields[19]) else { return nil }
        return (start, fields[0] == "Z" || fields[0] == "X")
    }
}
