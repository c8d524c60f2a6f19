// One load from its order to its figures, as the client sees it.

internal import LinuxSystem

/// What a load gave.
struct LoadOutcome: Hashable, Sendable {
    /// By the server's clock.
    var window: MeasuredWindow
    /// Of the server's machine in the window; of both, where they are two.
    var busySeconds: Double
    /// Of this machine, in the same time by its own clock.
    var clientBusySeconds: Double
    /// All that the server received.
    var total: Int
    /// The first error of either end.
    var failure: String?
}

/// The conversation about one load.
///
/// The server measures by its own clock, which starts when it says `going`, a moment before the client begins to send;
/// it says when its time is over, and only then the client ends. So no line has to find its way through the load at a
/// certain time, and the load is there in all of the window.
struct LoadRun {
    private static let answerNanoseconds: UInt64 = 8_000_000_000
    /// For all that is in buffers to arrive: 16 flows of 4 MB take 51 s at 10 Mb/s.
    private static let arrivalNanoseconds: UInt64 = 60_000_000_000
    /// How long the load goes on for a server that has not said yet that its time is over: the load may be in its way.
    private static let overtimeNanoseconds: UInt64 = 300_000_000

    private let reader: ControlReader
    private let order: LoadOrder
    private let period: LoadPeriod
    private let name: String

    init(_ reader: ControlReader, _ order: LoadOrder, _ period: LoadPeriod, _ name: String) {
        self.reader = reader
        self.order = order
        self.period = period
        self.name = name
    }

    /// Orders the load and makes the sending half, which connects to the port that the server listens on for it.
    func connect<Half: SendingHalf>(
        _ connect: (UInt16) throws(LoadError) -> Half
    ) throws(LoadError) -> Half {
        try reader.send(.order(order), name)
        guard case .ready(let port) = try answer() else { throw reader.nonsense(name) }
        do throws(LoadError) {
            return try connect(port)
        } catch {
            // Where the server has gone, that is the reason.
            if error != .interrupted { _ = try reader.next(until: Monotonic.now + Self.overtimeNanoseconds, name) }
            throw error
        }
    }

    /// Runs the sending half and waits for the end of both.
    func run(_ half: some SendingHalf) throws(LoadError) -> LoadOutcome {
        defer {
            half.threads.abort()
            half.threads.join()
        }
        try reader.send(.go(period), name)
        guard case .going = try answer() else { throw reader.nonsense(name) }
        let (window, clientBusySeconds) = try send(half)
        try reader.send(.finish, name)
        let measured = if let window { window } else { try self.window(try answer()) }
        let last = try answer(within: Self.arrivalNanoseconds)
        guard case .finished(let total, let failure) = last else { throw reader.nonsense(name) }
        return LoadOutcome(
            window: measured, busySeconds: measured.busySeconds, clientBusySeconds: clientBusySeconds, total: total,
            failure: half.threads.failure ?? failure)
    }

    /// Sends for the period, and until the server says that its time is over.
    ///
    /// - Returns: what it said, or nil where a flow failed before, and this machine's busy time.
    private func send(_ half: some SendingHalf) throws(LoadError) -> (MeasuredWindow?, Double) {
        let (counts, end) = period.window(from: Monotonic.now)
        do {
            try half.start()
        } catch {
            throw .failed("\(name): \(error)")
        }
        let hasFailed = { half.threads.failure != nil }
        var window = try wait(until: counts, nil, or: hasFailed)
        let busyBefore = try busySeconds()
        window = try wait(until: end, window, or: hasFailed)
        let busy = try busySeconds() - busyBefore
        if window == nil && !hasFailed() {
            let line = try reader.next(until: Monotonic.now + Self.overtimeNanoseconds, name)
            window = try line.map { line throws(LoadError) in try self.window(line) }
        }
        half.threads.end()
        window = try wait(until: .max, window) { half.threads.haveReturned }
        return (window, busy)
    }

    /// Waits for a time, or until it is enough.
    private func wait(
        until time: UInt64, _ known: MeasuredWindow?, or isEnough: () -> Bool
    ) throws(LoadError) -> MeasuredWindow? {
        var window = known
        while Monotonic.now < time && !isEnough() {
            guard let line = try reader.next(until: time, name, or: isEnough) else { continue }
            guard window == nil else { throw reader.nonsense(name) }
            window = try self.window(line)
        }
        return window
    }

    private func window(_ line: ServerLine) throws(LoadError) -> MeasuredWindow {
        guard case .measured(let window) = line else { throw reader.nonsense(name) }
        return window
    }

    /// The answer to a line that was sent.
    private func answer(within nanoseconds: UInt64 = answerNanoseconds) throws(LoadError) -> ServerLine {
        guard let line = try reader.next(until: Monotonic.now + nanoseconds, name) else {
            throw reader.silent(name, seconds: nanoseconds / 1_000_000_000)
        }
        return line
    }

    private func busySeconds() throws(LoadError) -> Double {
        do {
            return try ProcessorTime.now().busySeconds
        } catch {
            throw .failed("\(error)")
        }
    }
}
