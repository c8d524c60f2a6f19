// What became of a series of pings, to the single packet.

/// A finished series of pings.
public struct PingReport: Hashable, Sendable {
    /// Echo requests that were sent, or that the kernel refused to send.
    public internal(set) var sent = 0
    /// Requests with a reply whose content was right.
    public internal(set) var received = 0
    /// The sequence numbers (from 0) without one.
    public internal(set) var lost: [Int] = []
    /// Replies to a request that had one already.
    public internal(set) var duplicates = 0
    /// Replies with wrong content; their requests count as lost.
    public internal(set) var corrupted = 0
    /// Requests that the kernel refused, by its error number; they count as lost.
    public internal(set) var refused: [Int32: Int] = [:]
    /// Nanoseconds; 0 without any reply.
    public internal(set) var shortestRoundTrip: UInt64 = 0
    public internal(set) var longestRoundTrip: UInt64 = 0
    public internal(set) var totalRoundTrip: UInt64 = 0

    /// Nanoseconds; 0 without any reply.
    public var averageRoundTrip: UInt64 { received == 0 ? 0 : totalRoundTrip / UInt64(received) }
    /// Whether every request had its reply.
    public var isComplete: Bool { lost.isEmpty && sent > 0 }

    /// `3 of 100 lost (17-19)`.
    public var summary: String {
        guard !lost.isEmpty else { return "0 of \(sent) lost" }
        var ranges: [ClosedRange<Int>] = []
        for number in lost {
            if let last = ranges.last, last.upperBound + 1 == number {
                ranges[ranges.count - 1] = last.lowerBound...number
            } else {
                ranges.append(number...number)
            }
        }
        let named = ranges.prefix(8).map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
        return "\(lost.count) of \(sent) lost (\(named.joined(separator: ", "))\(ranges.count > 8 ? ", …" : ""))"
    }
}
