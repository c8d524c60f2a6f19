// How much ICMP this node originates (RFC 1812 section 4.3.2.8): so much in all, and so much for each receiver.

internal import Net

/// Token buckets for all messages together and for each inner sender. Times are nanoseconds of the monotonic clock.
struct ICMPRateLimit {
    /// A token bucket that keeps one number: when it will be full again.
    private struct Bucket {
        var fullAt: UInt64 = 0

        /// Takes a token; false where there is none.
        mutating func take(interval: UInt64, burst: UInt64, now: UInt64) -> Bool {
            let next = max(fullAt, now) + interval
            guard next - now <= burst * interval else { return false }
            fullAt = next
            return true
        }
    }

    /// 100 a second, 50 at once.
    private static let interval: UInt64 = 10_000_000
    private static let burst: UInt64 = 50
    /// As the kernel by default: one a second (`net.ipv4.icmp_ratelimit`), six at once (`XRLIM_BURST_FACTOR`).
    private static let senderInterval: UInt64 = 1_000_000_000
    private static let senderBurst: UInt64 = 6
    /// More than can be waiting for tokens at the rate of all: 50, and 100 for each of the 6 s that a bucket fills in.
    private static let senderLimit = 1024

    private var all = Bucket()
    private var senders: [IPv4Address: Bucket] = [:]

    /// Whether a message to `sender` may be sent now; it counts as sent then.
    mutating func allows(_ sender: IPv4Address, now: UInt64) -> Bool {
        if senders.count >= Self.senderLimit { senders = senders.filter { $0.value.fullAt > now } }
        var own = senders[sender, default: Bucket()]
        guard own.take(interval: Self.senderInterval, burst: Self.senderBurst, now: now),
            all.take(interval: Self.interval, burst: Self.burst, now: now)
        else { return false }
        senders[sender] = own
        return true
    }
}
