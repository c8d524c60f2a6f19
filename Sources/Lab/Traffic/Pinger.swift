// Pings at a fixed interval from a thread of its own and knows of every single request whether it came back.

internal import LinuxSystem
public import Net
internal import Packet
internal import Synchronization

/// A running series of ICMP echo requests; safe to use from any thread.
public final class Pinger: Sendable {
    /// No series is longer, so that a forgotten one ends.
    public static let maximumCount = 600_000
    /// Whoever carries the packets may be held back for seconds on a busy machine, and late is not lost.
    public static let usualLateReplyMilliseconds = 10_000

    private struct State {
        var report = PingReport()
        /// When each request was sent, in monotonic nanoseconds; 0 once answered.
        var pending: [UInt64] = []
    }

    private let socket: InetSocket
    private let destination: IPv4Address
    private let count: Int
    private let interval: UInt64
    private let payload: Int
    private let end: Interruption?
    private let nonce = UInt64.random(in: 1 ... .max)
    private let state = Mutex(State())
    private let isStopping = Atomic<Bool>(false)
    private let isAbandoned = Atomic<Bool>(false)
    private let lateReply = Atomic<UInt64>(UInt64(usualLateReplyMilliseconds) * 1_000_000)
    private let thread = Mutex<SystemThread?>(nil)

    /// Starts to ping.
    ///
    /// - Parameters:
    ///   - count: how many requests; nil until ``stop(lateReplyMilliseconds:)``, at most ``maximumCount``.
    ///   - payloadBytes: of the ICMP message after its header, 16 at least.
    ///   - dontFragment: sets DF; a request that does not fit is then refused or lost.
    ///   - lateReplyMilliseconds: how long ``finish(interruption:)`` waits after the last request, where replies are missing.
    ///   - end: gives the series up when requested.
    public static func start(
        from host: LabHost, to destination: IPv4Address, count: Int? = nil, intervalMilliseconds: Int = 1,
        payloadBytes: Int = 56, dontFragment: Bool = false,
        lateReplyMilliseconds: Int = usualLateReplyMilliseconds, until end: Interruption? = nil
    ) throws -> Pinger {
        let socket = try host.run { try InetSocket(.raw(proto: IPProtocol.icmp)) }
        try socket.setDontFragment(dontFragment)
        // It is given every ICMP message of the host. With the usual buffer a thread that is kept waiting for 70 ms
        // would lose replies here, and report them as lost on their way.
        try socket.forceBuffers(receive: 8 << 20)
        let pinger = Pinger(
            socket: socket, destination: destination, count: min(count ?? maximumCount, maximumCount),
            interval: UInt64(max(0, intervalMilliseconds)) * 1_000_000,
            payload: min(max(16, payloadBytes), 65507), end: end)
        pinger.setLateReply(lateReplyMilliseconds)
        try pinger.thread.withLock { $0 = try SystemThread.start(name: "lab-ping") { pinger.loop() } }
        return pinger
    }

    private init(
        socket: consuming InetSocket, destination: IPv4Address, count: Int, interval: UInt64, payload: Int,
        end: Interruption?
    ) {
        self.socket = socket
        self.destination = destination
        self.count = count
        self.interval = interval
        self.payload = payload
        self.end = end
    }

    /// Sends no more, waits for replies on their way and says what became of each request.
    ///
    /// - Parameter lateReplyMilliseconds: how long to wait after the last request, where some are missing.
    public func stop(lateReplyMilliseconds: Int = usualLateReplyMilliseconds) -> PingReport {
        setLateReply(lateReplyMilliseconds)
        isStopping.store(true, ordering: .releasing)
        return finish()
    }

    private func setLateReply(_ milliseconds: Int) {
        lateReply.store(UInt64(max(0, milliseconds)) * 1_000_000, ordering: .relaxed)
    }

    /// Waits until all requests were sent and answered, or their time has passed.
    public func finish(interruption: Interruption? = nil) -> PingReport {
        while let interruption, !hasFinished {
            if interruption.isRequested { isAbandoned.store(true, ordering: .releasing) }
            Monotonic.sleep(milliseconds: 1)
        }
        if let thread = thread.withLock({ $0.take() }) { thread.join() }
        return state.withLock { state in
            var report = state.report
            report.lost = state.pending.indices.filter { state.pending[$0] != 0 }
            return report
        }
    }

    /// How many requests have had their reply up to now.
    public var received: Int { state.withLock { $0.report.received } }
    /// How many requests were sent up to now.
    public var sent: Int { state.withLock { $0.report.sent } }

    private let finished = Atomic<Bool>(false)
    private var hasFinished: Bool { finished.load(ordering: .acquiring) }

    private var isGivenUp: Bool { isAbandoned.load(ordering: .acquiring) || end?.isRequested == true }
    private var isEnding: Bool { isStopping.load(ordering: .acquiring) || isGivenUp }

    // MARK: - The thread

    private func loop() {
        var due = Monotonic.now
        var next = 0
        while next < count && !isEnding {
            let now = Monotonic.now
            if now >= due {
                send(next)
                next += 1
                // After a pause of the whole machine it goes on from there, instead of a burst.
                due = now > due + 20 * max(interval, 1_000_000) ? now + interval : due + interval
            }
            let after = Monotonic.now
            let rest = due > after ? due - after : 0
            receive(milliseconds: Int32(clamping: min((rest + 999_999) / 1_000_000, 100)))
        }
        var deadline = Monotonic.now + lateReply.load(ordering: .relaxed)
        while !isGivenUp && Monotonic.now < deadline {
            let isComplete = state.withLock { state in
                state.report.received + state.report.refused.values.reduce(0, +) == state.report.sent
            }
            if isComplete { break }
            receive(milliseconds: 10)
            if isStopping.load(ordering: .acquiring) {
                deadline = min(deadline, Monotonic.now + lateReply.load(ordering: .relaxed))
            }
        }
        // A duplicate would come now.
        receive(milliseconds: 0)
        finished.store(true, ordering: .releasing)
    }

    private func send(_ number: Int) {
        let message = Self.request(nonce: nonce, number: number, payload: payload)
        state.withLock { state in
            state.pending.append(Monotonic.now)
            state.report.sent += 1
        }
        do throws(SyscallError) {
            try socket.send(message, to: destination.rawValue)
        } catch {
            state.withLock { $0.report.refused[error.code, default: 0] += 1 }
        }
    }

    /// Takes all replies that are there, waiting for the first.
    private func receive(milliseconds: Int32) {
        var timeout = milliseconds
        while let packet = try? socket.receive(limit: 65536, timeoutMilliseconds: timeout) {
            take(packet)
            timeout = 0
        }
    }

    private func take(_ packet: [UInt8]) {
        // The socket gets every ICMP message of the host: only ours have the nonce.
        guard let header = HeaderView(packet), header.source == destination else { return }
        let message = Array(packet.dropFirst(header.payload))
        guard message.count >= 24, message[0] == 0, Self.number(message, at: 8) == nonce else { return }
        let number = Self.number(message, at: 16)
        let now = Monotonic.now
        state.withLock { state in
            guard number < UInt64(state.pending.count) else { return }
            let index = Int(number)
            var expected = Self.request(nonce: nonce, number: index, payload: payload)
            expected.replaceSubrange(0..<4, with: message[0..<4])
            guard expected == message else {
                state.report.corrupted += 1
                return
            }
            let sent = state.pending[index]
            guard sent != 0 else {
                state.report.duplicates += 1
                return
            }
            state.pending[index] = 0
            let time = now - sent
            let isFirst = state.report.received == 0
            state.report.received += 1
            state.report.totalRoundTrip += time
            state.report.longestRoundTrip = max(state.report.longestRoundTrip, time)
            state.report.shortestRoundTrip = isFirst ? time : min(state.report.shortestRoundTrip, time)
        }
    }

    /// An echo request: header, nonce, number, and filling that depends on the number.
    private static func request(nonce: UInt64, number: Int, payload: Int) -> [UInt8] {
        var message: [UInt8] = [8, 0, 0, 0]
        message.reserveCapacity(8 + payload)
        message += bytes(UInt64(UInt16(truncatingIfNeeded: nonce)) << 16 | UInt64(UInt16(truncatingIfNeeded: number)))
            .suffix(4)
        message += bytes(nonce) + bytes(UInt64(number))
        while message.count < 8 + payload { message.append(UInt8(truncatingIfNeeded: message.count &+ number)) }
        let checksum = InternetChecksum.checksum(message.span.bytes)
        message[2] = UInt8(checksum >> 8)
        message[3] = UInt8(checksum & 0xFF)
        return message
    }

    private static func bytes(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * UInt64($0))) }
    }

    private static func number(_ bytes: [UInt8], at offset: Int) -> UInt64 {
        bytes[offset..<offset + 8].reduce(0) { $0 << 8 | UInt64($1) }
    }
}
