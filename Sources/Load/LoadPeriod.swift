// A measured time after a warm-up, the same for every kind of load.

/// When a load counts.
public struct LoadPeriod: Hashable, Sendable {
    /// No longer time can be ordered: an hour.
    static let longestMilliseconds: UInt32 = 3_600_000

    /// Before anything counts: windows open, neighbours are resolved, processors speed up.
    public var warmUpMilliseconds: UInt32
    /// What counts.
    public var milliseconds: UInt32

    /// Half a second to warm up, and three that count; an hour of each at most.
    public init(warmUpMilliseconds: UInt32 = 500, milliseconds: UInt32 = 3000) {
        self.warmUpMilliseconds = min(warmUpMilliseconds, Self.longestMilliseconds)
        self.milliseconds = min(max(1, milliseconds), Self.longestMilliseconds)
    }

    /// When the measured time begins and ends, in monotonic nanoseconds, for a load that begins now.
    func window(from begin: UInt64) -> (begin: UInt64, end: UInt64) {
        let measured = begin + UInt64(warmUpMilliseconds) * 1_000_000
        return (measured, measured + UInt64(milliseconds) * 1_000_000)
    }
}
