// What became of a TCP stream between two workloads.

/// A finished TCP stream.
public struct StreamReport: Hashable, Sendable {
    /// Bytes that the sender's kernel took.
    public internal(set) var sent = 0
    /// Bytes that arrived; every one was compared with what was sent.
    public internal(set) var received = 0
    /// The position of the first byte that was wrong; nil where all were right.
    public internal(set) var firstDifference: Int?
    /// Why it broke off, in words; nil where it ended in good order.
    public internal(set) var failure: String?
    /// From the first connection attempt to the end, in nanoseconds.
    public internal(set) var nanoseconds: UInt64 = 0
    /// The longest time without a byte arriving, in nanoseconds.
    public internal(set) var longestStall: UInt64 = 0

    /// Whether all that was sent arrived, in order and unchanged.
    public var isIntact: Bool { failure == nil && firstDifference == nil && sent == received && sent > 0 }

    /// Megabits a second.
    public var megabitsPerSecond: Double {
        nanoseconds == 0 ? 0 : Double(received) * 8000 / Double(nanoseconds)
    }
}
