// A measured time after a warm-up, the same for every kind of load.

internal import LinuxSystem

/// When a load counts.
public struct LoadPeriod: Hashable, Sendable {
    /// Before anything counts: windows open, neighbours are resolved, processors speed up.
    public var warmUpMilliseconds: UInt32
    /// What counts.
    public var milliseconds: UInt32

    /// Half a second to warm up, and three that count.
    public init(warmUpMilliseconds: UInt32 = 500, milliseconds: UInt32 = 3000) {
        self.warmUpMilliseconds = warmUpMilliseconds
        self.milliseconds = max(1, milliseconds)
    }

    /// What a counter did in the measured time.
    struct Measured {
        var count: Int
        var seconds: Double
        var busySeconds: Double
    }

    /// Sleeps through both parts and looks at a counter at the beginning and the end of the second.
    ///
    /// - Throws: ``LabError/interrupted``.
    func measure(_ interruption: Interruption, _ counter: () -> Int) throws -> Measured {
        try sleep(warmUpMilliseconds, interruption)
        let (busy, begin, first) = (try ProcessorTime.now(), Monotonic.now, counter())
        try sleep(milliseconds, interruption)
        let (last, end) = (counter(), Monotonic.now)
        return Measured(
            count: last - first, seconds: Double(end - begin) / 1e9,
            busySeconds: try ProcessorTime.now().busySeconds - busy.busySeconds)
    }

    /// In pieces, so that an interruption is noticed.
    private func sleep(_ milliseconds: UInt32, _ interruption: Interruption) throws {
        let end = Monotonic.now + UInt64(milliseconds) * 1_000_000
        while true {
            try interruption.check()
            let now = Monotonic.now
            if now >= end { return }
            Monotonic.sleep(milliseconds: UInt32(clamping: min((end - now + 999_999) / 1_000_000, 100)))
        }
    }
}
