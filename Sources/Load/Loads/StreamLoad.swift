// TCP as fast as it goes: what the receivers take is counted, not what the sender's kernel has room for.

internal import LinuxSystem
internal import Synchronization

/// One or several TCP connections in one direction, without a look at what the bytes are.
public struct StreamLoad: NetworkLoad {
    public var flows: Int
    public var period: LoadPeriod

    /// A load of 1 to 256 flows.
    public init(flows: Int = 1, period: LoadPeriod = LoadPeriod()) {
        self.flows = min(max(1, flows), LoadOrder.mostFlows)
        self.period = period
    }

    /// Connects, sends for the period, and waits until all that was sent has arrived.
    public func run(with client: LoadClient) throws(LoadError) -> StreamLoadReport {
        let name = flows == 1 ? "a TCP flow" : "\(flows) TCP flows"
        let (sender, outcome) = try client.measure(.stream(flows: flows), period, name) { port throws(LoadError) in
            try StreamSender(flows: flows, port: port, client)
        }
        return StreamLoadReport(
            bytes: outcome.window.count, seconds: outcome.window.seconds, busySeconds: outcome.busySeconds,
            totalSent: sender.sent, totalReceived: outcome.total, failure: outcome.failure)
    }
}

/// Large enough that system calls do not count, small enough for the second-level cache.
private let pieceLength = 256 << 10

/// A connection and a thread for each flow.
private final class StreamSender: SendingHalf {
    let threads = LoadThreads()
    private let flows: [SharedSocket]
    private let sentBytes = Atomic<Int>(0)

    init(flows count: Int, port: UInt16, _ client: LoadClient) throws(LoadError) {
        var flows: [SharedSocket] = []
        for _ in 0..<count { flows.append(SharedSocket(try client.connect(to: port))) }
        self.flows = flows
    }

    var sent: Int { sentBytes.load(ordering: .relaxed) }

    func start() throws {
        for flow in flows {
            try flow.socket.setBlocking(timeoutMilliseconds: LoadThreads.lookMilliseconds)
            try threads.start("load-send") { [self] in try send(flow.socket) }
        }
    }

    private func send(_ socket: borrowing InetSocket) throws {
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceLength, alignment: 4096)
        defer { piece.deallocate() }
        piece.initializeMemory(as: UInt8.self, repeating: 0x5A)
        while !threads.isEnding {
            sentBytes.wrappingAdd(try socket.send(UnsafeRawBufferPointer(piece)), ordering: .relaxed)
        }
        try socket.shutdownSending()
    }
}

/// Takes as many connections as flows were ordered, with a thread for each.
final class StreamReceiver: ReceivingHalf {
    /// Looks without any byte after the last was sent, five seconds of them: the path is dead.
    private static let patience = 5000 / LoadThreads.lookMilliseconds

    let threads = LoadThreads()
    private let listener: DataListener
    private let flows: Int
    private let receivedBytes = Atomic<Int>(0)

    init(flows: Int, _ ends: DataEnds) throws {
        listener = try DataListener(ends)
        self.flows = flows
    }

    var port: UInt16 { listener.port }
    var count: Int { receivedBytes.load(ordering: .relaxed) }

    func start(while isWanted: () -> Bool) throws {
        for _ in 0..<flows {
            let flow = SharedSocket(try listener.acceptMade(while: isWanted))
            try flow.socket.setBlocking(timeoutMilliseconds: LoadThreads.lookMilliseconds)
            try threads.start("load-receive") { [self] in try receive(flow.socket) }
        }
    }

    private func receive(_ socket: borrowing InetSocket) throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceLength, alignment: 4096)
        defer { buffer.deallocate() }
        var patience = Self.patience
        while patience > 0 && !threads.isAborted {
            guard let count = try socket.receive(into: buffer) else {
                if threads.isEnding { patience -= 1 }
                continue
            }
            if count == 0 { return }
            receivedBytes.wrappingAdd(count, ordering: .relaxed)
        }
        if !threads.isAborted { throw LoadError.failed("the end of a stream did not arrive") }
    }
}
