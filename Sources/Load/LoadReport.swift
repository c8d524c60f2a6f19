// What a load moved in the measured time, and what it cost.

/// Bytes that reached the receiver.
public struct StreamLoadReport: Hashable, Sendable {
    /// Bytes that the receivers took in the measured time.
    public internal(set) var bytes = 0
    /// The measured time, by the receiver's clock.
    public internal(set) var seconds = 0.0
    /// Busy time of both machines' processors in it; of one machine where both ends are on it.
    public internal(set) var busySeconds = 0.0
    /// Bytes sent and received from the first to the last, warm-up included.
    public internal(set) var totalSent = 0
    public internal(set) var totalReceived = 0
    /// Why flows ended early, if any did.
    public internal(set) var failure: String?

    /// 10⁹ bits of payload a second.
    public var gigabitsPerSecond: Double { rate(Double(bytes) * 8 / 1e9, in: seconds) }
    /// Busy seconds for 10⁹ bytes of payload; infinite where nothing arrived.
    public var busySecondsPerGigabyte: Double { bytes == 0 ? .infinity : busySeconds / (Double(bytes) / 1e9) }
}

/// Datagrams that reached the receiver.
public struct DatagramLoadReport: Hashable, Sendable {
    /// Datagrams that the receiver took in the measured time.
    public internal(set) var packets = 0
    /// The measured time, by the receiver's clock.
    public internal(set) var seconds = 0.0
    /// Busy time of both machines' processors in it; of one machine where both ends are on it.
    public internal(set) var busySeconds = 0.0
    /// Datagrams that the sender's kernel took, and that arrived, from the first to the last.
    public internal(set) var totalSent = 0
    public internal(set) var totalReceived = 0
    /// Why it ended early, if it did.
    public internal(set) var failure: String?

    public var packetsPerSecond: Double { rate(Double(packets), in: seconds) }
    /// The part of all datagrams that did not arrive, 0 to 1.
    public var loss: Double { totalSent == 0 ? 0 : Double(totalSent - totalReceived) / Double(totalSent) }
    /// Busy seconds for 10⁶ datagrams that arrived; infinite where none did.
    public var busySecondsPerMillionPackets: Double {
        packets == 0 ? .infinity : busySeconds / (Double(packets) / 1e6)
    }
}

/// Round trips, one after the other.
public struct RoundTripReport: Hashable, Sendable {
    /// In nanoseconds, sorted.
    public internal(set) var samples: [UInt64] = []
    /// Requests without a reply within a second; they are among ``samples``, as long as was waited for them.
    public internal(set) var lost = 0
    /// Busy time of both machines' processors in the measured time; of one machine where both ends are on it.
    public internal(set) var busySeconds = 0.0
    /// Why it ended early, if it did.
    public internal(set) var failure: String?

    /// The round trip that a part (0 to 1) of all took at most, in microseconds; infinite without any.
    public func microseconds(_ part: Double) -> Double {
        guard !samples.isEmpty else { return .infinity }
        let rank = (part * Double(samples.count)).rounded(.up)
        return Double(samples[min(max(Int(rank) - 1, 0), samples.count - 1)]) / 1000
    }
}

/// TCP connections, one after the other.
public struct ConnectionReport: Hashable, Sendable {
    /// Connections that were opened, used and closed in the measured time.
    public internal(set) var connections = 0
    /// The measured time, by the client's clock.
    public internal(set) var seconds = 0.0
    /// All connections of the client and of the server, warm-up included.
    public internal(set) var totalOpened = 0
    public internal(set) var totalServed = 0
    /// Why it ended early, if it did.
    public internal(set) var failure: String?

    public var connectionsPerSecond: Double { rate(Double(connections), in: seconds) }
}

/// 0 where the measured time never came.
private func rate(_ count: Double, in seconds: Double) -> Double { seconds > 0 ? count / seconds : 0 }
