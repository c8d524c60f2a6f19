// One byte there and one byte back over TCP, without a pause: what netperf calls TCP_RR.

internal import LinuxSystem
internal import Synchronization

/// Round trips between two programs with one request on its way: a thread of the server answers each.
public struct RequestLoad: NetworkLoad {
    public var period: LoadPeriod

    /// A load.
    public init(period: LoadPeriod = LoadPeriod()) {
        self.period = period
    }

    /// Sends requests for the period, each as soon as the one before was answered.
    public func run(with client: LoadClient) throws(LoadError) -> RoundTripReport {
        let (requester, outcome) = try client.measure(.requests, period, "requests over TCP") {
            port throws(LoadError) in
            try Requester(SharedSocket(client.connect(to: port)), period)
        }
        return requester.series.report(outcome)
    }
}

/// A thread that asks, waits and looks at the clock.
private final class Requester: SendingHalf {
    let threads = LoadThreads()
    let series: RoundTripSeries
    private let connection: SharedSocket

    init(_ connection: SharedSocket, _ period: LoadPeriod) {
        self.connection = connection
        series = RoundTripSeries(period)
    }

    func start() throws {
        try connection.socket.setNoDelay(true)
        try connection.socket.setBlocking(timeoutMilliseconds: LoadThreads.lookMilliseconds)
        try threads.start("load-request") { [self] in try request(connection.socket) }
    }

    private func request(_ socket: borrowing InetSocket) throws {
        let byte = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
        defer { byte.deallocate() }
        byte[0] = 0x5A
        try series.run(threads) { begin throws(SyscallError) in
            guard try socket.send(UnsafeRawBufferPointer(byte)) == 1 else { return .lost }
            while true {
                if let count = try socket.receive(into: byte) { return count == 1 ? .answered : .closed }
                // TCP repeats what was lost, so that a late answer is an answer. At the end nobody waits for it.
                if threads.isAborted || threads.isEnding && Monotonic.now > begin + 1_000_000_000 { return .lost }
            }
        }
        try socket.shutdownSending()
    }
}

/// A thread that answers.
final class RequestResponder: ReceivingHalf {
    let threads = LoadThreads()
    private let listener: DataListener
    private let answered = Atomic<Int>(0)

    init(_ ends: DataEnds) throws {
        listener = try DataListener(ends)
    }

    var port: UInt16 { listener.port }
    var count: Int { answered.load(ordering: .relaxed) }

    func start(while isWanted: () -> Bool) throws {
        let connection = SharedSocket(try listener.acceptMade(while: isWanted))
        try connection.socket.setNoDelay(true)
        try connection.socket.setBlocking(timeoutMilliseconds: LoadThreads.lookMilliseconds)
        try threads.start("load-answer") { [self] in try answer(connection.socket) }
    }

    private func answer(_ socket: borrowing InetSocket) throws {
        let byte = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
        defer { byte.deallocate() }
        while !threads.isAborted {
            guard let count = try socket.receive(into: byte) else {
                if threads.isEnding { return }
                continue
            }
            if count == 0 { return }
            _ = try socket.send(UnsafeRawBufferPointer(byte))
            answered.wrappingAdd(1, ordering: .relaxed)
        }
    }
}
