// A TCP stream between two hosts, checked byte by byte, of a given length or until it is told to stop.

internal import LinuxSystem
public import Net
internal import Synchronization

/// A running TCP stream; safe to use from any thread.
public final class StreamTraffic: Sendable {
    /// Nothing moved for this long: the stream is given up.
    private static let patience: UInt64 = 15_000_000_000
    private static let pieceLength = 65536

    private let client: InetSocket
    private let listener: InetSocket
    private let address: IPv4Address
    private let port: UInt16
    private let content = StreamContent(seed: .random(in: 0 ... .max))
    private let limit: Int
    private let bytesPerSecond: Int?
    private let end: Interruption?
    private let report = Mutex(StreamReport())
    private let isStopping = Atomic<Bool>(false)
    private let isAbandoned = Atomic<Bool>(false)
    private let sender = Mutex<SystemThread?>(nil)
    private let receiver = Mutex<SystemThread?>(nil)
    private let begin = Monotonic.now

    /// Starts to send.
    ///
    /// - Parameters:
    ///   - address: one of `receiver`'s own.
    ///   - bytes: how many; nil until ``stop()``, at most 1 TB.
    ///   - bytesPerSecond: the most to send in a second; nil for as much as goes.
    ///   - end: gives the stream up when requested.
    public static func start(
        from sender: LabHost, to receiver: LabHost, address: IPv4Address, bytes: Int? = nil,
        bytesPerSecond: Int? = nil, until end: Interruption? = nil
    ) throws -> StreamTraffic {
        let listener = try receiver.run {
            let socket = try InetSocket(.tcp)
            try socket.bind(address.rawValue)
            try socket.listen(backlog: 1)
            return socket
        }
        let client = try sender.run { try InetSocket(.tcp) }
        let traffic = StreamTraffic(
            client: client, port: try listener.localPort(), listener: listener, address: address,
            limit: min(bytes ?? 1 << 40, 1 << 40), bytesPerSecond: bytesPerSecond, end: end)
        try traffic.receiver.withLock { $0 = try SystemThread.start(name: "lab-receive") { traffic.receive() } }
        try traffic.sender.withLock { $0 = try SystemThread.start(name: "lab-send") { traffic.send() } }
        return traffic
    }

    private init(
        client: consuming InetSocket, port: UInt16, listener: consuming InetSocket, address: IPv4Address, limit: Int,
        bytesPerSecond: Int?, end: Interruption?
    ) {
        self.client = client
        self.listener = listener
        self.address = address
        self.port = port
        self.limit = limit
        self.bytesPerSecond = bytesPerSecond
        self.end = end
    }

    /// Sends no more, waits until all that was sent has arrived, and says what became of it.
    public func stop() -> StreamReport {
        isStopping.store(true, ordering: .releasing)
        return finish()
    }

    /// Waits until all was sent and has arrived.
    public func finish(interruption: Interruption? = nil) -> StreamReport {
        while let interruption, !hasFinished {
            if interruption.isRequested { isAbandoned.store(true, ordering: .releasing) }
            Monotonic.sleep(milliseconds: 1)
        }
        if let thread = sender.withLock({ $0.take() }) { thread.join() }
        if let thread = receiver.withLock({ $0.take() }) { thread.join() }
        return report.withLock { $0 }
    }

    /// How many bytes have arrived, and were right, up to now.
    public var received: Int { report.withLock { $0.received } }

    private let ended = Atomic<Int>(0)
    private var hasFinished: Bool { ended.load(ordering: .acquiring) == 2 }
    private var hasToEnd: Bool { isAbandoned.load(ordering: .acquiring) || end?.isRequested == true }
    private var isGivenUp: Bool {
        hasToEnd || report.withLock { $0.failure != nil }
    }

    private func fail(_ why: String) {
        report.withLock { $0.failure = $0.failure ?? why }
    }

    // MARK: - The threads

    private func send() {
        defer { ended.wrappingAdd(1, ordering: .acquiringAndReleasing) }
        do {
            try client.connect(address.rawValue, port: port, timeoutMilliseconds: 10_000)
            var position = 0
            var moved = Monotonic.now
            while position < limit && !isStopping.load(ordering: .acquiring) && !isGivenUp {
                let length = min(Self.pieceLength, limit - position)
                let count = try client.send(content.bytes(at: position, count: length), timeoutMilliseconds: 100)
                position += count
                let total = position
                report.withLock { $0.sent = total }
                if count > 0 { moved = Monotonic.now }
                if Monotonic.now - moved > Self.patience { return fail("nothing could be sent for 15 s") }
                pace(position)
            }
            try client.shutdownSending()
        } catch {
            fail("\(error)")
        }
    }

    /// Sleeps where the stream is ahead of its rate.
    private func pace(_ position: Int) {
        guard let bytesPerSecond, bytesPerSecond > 0 else { return }
        while !isStopping.load(ordering: .acquiring) && !isGivenUp {
            let allowed = Double(Monotonic.now - begin) / 1e9 * Double(bytesPerSecond)
            if Double(position) <= allowed { return }
            Monotonic.sleep(milliseconds: 1)
        }
    }

    private func receive() {
        defer {
            ended.wrappingAdd(1, ordering: .acquiringAndReleasing)
            report.withLock { $0.nanoseconds = Monotonic.now - begin }
        }
        do {
            var moved = Monotonic.now
            var connection: InetSocket?
            while connection == nil {
                if isGivenUp { return }
                connection = try listener.accept(timeoutMilliseconds: 100)
            }
            guard let connection = connection.take() else { return }
            while !hasToEnd {
                let piece = try connection.receive(limit: 262_144, timeoutMilliseconds: 100)
                let now = Monotonic.now
                guard let piece else {
                    if now - moved > Self.patience { return fail("nothing arrived for 15 s") }
                    continue
                }
                if piece.isEmpty { return }
                take(piece, stall: now - moved)
                moved = now
            }
        } catch {
            fail("\(error)")
        }
    }

    private func take(_ piece: [UInt8], stall: UInt64) {
        let position = report.withLock { $0.received }
        let difference = content.firstDifference(piece, at: position)
        report.withLock { report in
            report.received = position + piece.count
            report.longestStall = max(report.longestStall, stall)
            report.firstDifference = report.firstDifference ?? difference
        }
    }
}
