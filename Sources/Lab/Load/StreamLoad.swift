// TCP as fast as it goes: what the receivers take is counted, not what the sender's kernel has room for.

internal import LinuxSystem
public import Net
internal import Synchronization

/// One or several TCP connections in one direction, without a look at what the bytes are.
public struct StreamLoad: Sendable {
    public var flows: Int
    public var period: LoadPeriod

    /// A load.
    public init(flows: Int = 1, period: LoadPeriod = LoadPeriod()) {
        self.flows = max(1, flows)
        self.period = period
    }

    /// Connects, sends for the period, and waits until all that was sent has arrived.
    ///
    /// - Parameter address: one of `receiver`'s own.
    public func run(
        from sender: LabHost, to receiver: LabHost, address: IPv4Address, interruption: Interruption = Interruption()
    ) throws -> StreamLoadReport {
        let flows = try (0..<flows).map { _ in try StreamFlow(from: sender, to: receiver, address: address) }
        for flow in flows { try flow.start() }
        // A flow that somebody else's error leaves running would eat the machine.
        defer { for flow in flows { flow.stop() } }
        let measured = try period.measure(interruption) { flows.reduce(0) { $0 + $1.received } }
        for flow in flows { flow.stop() }
        return StreamLoadReport(
            bytes: measured.count, seconds: measured.seconds, busySeconds: measured.busySeconds,
            totalSent: flows.reduce(0) { $0 + $1.sent }, totalReceived: flows.reduce(0) { $0 + $1.received },
            failure: flows.compactMap(\.failure).first)
    }
}

/// One connection with a thread at each end.
private final class StreamFlow: Sendable {
    /// Large enough that system calls do not count, small enough for the second-level cache.
    private static let pieceLength = 256 << 10
    /// How long a call waits before it looks whether it shall end.
    private static let lookMilliseconds: Int32 = 100

    private let client: InetSocket
    private let server: InetSocket
    private let sentBytes = Atomic<Int>(0)
    private let receivedBytes = Atomic<Int>(0)
    private let threads = LoadThreads()

    init(from sender: LabHost, to receiver: LabHost, address: IPv4Address) throws {
        let listener = try receiver.run {
            let socket = try InetSocket(.tcp)
            try socket.bind(address.rawValue)
            try socket.listen(backlog: 1)
            return socket
        }
        let client = try sender.run { try InetSocket(.tcp) }
        try client.connect(address.rawValue, port: try listener.localPort(), timeoutMilliseconds: 5000)
        guard let server = try listener.accept(timeoutMilliseconds: 5000) else {
            throw LabError.timedOut("\(receiver.name): no connection from \(sender.name)")
        }
        try client.setBlocking(timeoutMilliseconds: Self.lookMilliseconds)
        try server.setBlocking(timeoutMilliseconds: Self.lookMilliseconds)
        self.client = client
        self.server = server
    }

    var sent: Int { sentBytes.load(ordering: .relaxed) }
    var received: Int { receivedBytes.load(ordering: .relaxed) }
    var failure: String? { threads.failure }

    func start() throws {
        try threads.start(send: { [self] in try send() }, receive: { [self] in try receive() })
    }

    /// Sends no more and returns when what was on its way has arrived. A second call does nothing.
    func stop() {
        threads.stop()
    }

    private func send() throws {
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceLength, alignment: 4096)
        defer { piece.deallocate() }
        piece.initializeMemory(as: UInt8.self, repeating: 0x5A)
        while !threads.isEnding {
            sentBytes.wrappingAdd(try client.send(UnsafeRawBufferPointer(piece)), ordering: .relaxed)
        }
        try client.shutdownSending()
    }

    private func receive() throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceLength, alignment: 4096)
        defer { buffer.deallocate() }
        // After the end was asked for, as many looks without any byte: the path is dead.
        var patience = 50
        while patience > 0 {
            guard let count = try server.receive(into: buffer) else {
                if threads.isEnding { patience -= 1 }
                continue
            }
            if count == 0 { return }
            receivedBytes.wrappingAdd(count, ordering: .relaxed)
        }
        throw LabError.timedOut("the end of the stream did not arrive")
    }
}
