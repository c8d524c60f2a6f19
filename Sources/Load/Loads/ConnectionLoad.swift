// New TCP connections one after the other, each used for a byte in each direction: what netperf calls TCP_CRR.

internal import LinuxSystem
internal import Net
internal import Synchronization

/// Connections as fast as one client can make them: connect, a byte there, a byte back, close.
///
/// The client resets its connections instead of closing them in good order. Otherwise each would keep its port for a
/// minute (TIME-WAIT, RFC 9293 section 3.3.2), and the 28,232 ports of a Linux host would last for a second or two.
public struct ConnectionLoad: NetworkLoad {
    public var period: LoadPeriod

    /// A load.
    public init(period: LoadPeriod = LoadPeriod()) {
        self.period = period
    }

    /// Makes connections for the period, each when the one before is closed.
    public func run(with client: LoadClient) throws(LoadError) -> ConnectionReport {
        let (connector, outcome) = try client.measure(.connections, period, "connections") { port throws(LoadError) in
            Connector(to: client.address, port, period)
        }
        return connector.report(outcome)
    }
}

/// A thread that connects.
private final class Connector: SendingHalf {
    private static let connectMilliseconds = 3000

    let threads = LoadThreads()
    private let address: IPv4Address
    private let port: UInt16
    private let period: LoadPeriod
    private let result = Mutex(ConnectionReport())

    init(to address: IPv4Address, _ port: UInt16, _ period: LoadPeriod) {
        self.address = address
        self.port = port
        self.period = period
    }

    func start() throws {
        try threads.start("load-connect") { [self] in try connect() }
    }

    func report(_ outcome: LoadOutcome) -> ConnectionReport {
        var report = result.withLock { $0 }
        report.totalServed = outcome.total
        report.failure = outcome.failure
        return report
    }

    private func connect() throws {
        let byte = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
        defer { byte.deallocate() }
        byte[0] = 0x5A
        var report = ConnectionReport()
        let (counts, end) = period.window(from: Monotonic.now)
        defer {
            report.seconds = Double(max(Monotonic.now, counts) - counts) / 1e9
            result.withLock { $0 = report }
        }
        while !threads.isAborted {
            let begin = Monotonic.now
            if begin >= end { break }
            guard try use(byte) else { break }
            report.totalOpened += 1
            if begin >= counts { report.connections += 1 }
        }
    }

    /// - Returns: false where an end was asked for meanwhile.
    private func use(_ byte: UnsafeMutableRawBufferPointer) throws -> Bool {
        let socket = try InetSocket(.tcp)
        try socket.setResetOnClose()
        let isConnected = try socket.connect(address, port, within: Self.connectMilliseconds) { !threads.isAborted }
        guard isConnected, try socket.send(UnsafeRawBufferPointer(byte)) == 1 else { return false }
        while !threads.isAborted {
            guard try socket.descriptor.waitReadable(timeoutMilliseconds: LoadThreads.lookMilliseconds) else {
                continue
            }
            guard try socket.receive(into: byte) == 1 else {
                throw LoadError.failed("a connection was closed without an answer")
            }
            return true
        }
        return false
    }
}

/// A thread that accepts and answers.
final class ConnectionResponder: ReceivingHalf {
    /// For the byte of a connection that stands.
    private static let byteMilliseconds: Int32 = 500

    let threads = LoadThreads()
    private let listener: DataListener
    private let served = Atomic<Int>(0)

    init(_ ends: DataEnds) throws {
        listener = try DataListener(ends)
    }

    var port: UInt16 { listener.port }
    var count: Int { served.load(ordering: .relaxed) }

    func start(while isWanted: () -> Bool) throws {
        try threads.start("load-accept") { [self] in try accept() }
    }

    private func accept() throws {
        let byte = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
        defer { byte.deallocate() }
        while !threads.isAborted {
            guard let connection = try listener.accept(timeoutMilliseconds: LoadThreads.lookMilliseconds) else {
                if threads.isEnding { return }
                continue
            }
            // One that breaks is the client's to tell.
            if (try? answer(connection, byte)) == true { served.wrappingAdd(1, ordering: .relaxed) }
        }
    }

    private func answer(_ connection: borrowing InetSocket, _ byte: UnsafeMutableRawBufferPointer) throws -> Bool {
        guard try connection.descriptor.waitReadable(timeoutMilliseconds: Self.byteMilliseconds),
            try connection.receive(into: byte) == 1
        else { return false }
        return try connection.send(UnsafeRawBufferPointer(byte)) == 1
    }
}
