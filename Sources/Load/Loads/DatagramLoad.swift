// UDP at full speed or at a given rate, in batches at both ends, so that the path is measured and not the programs.

internal import LinuxSystem
internal import Net
internal import Synchronization

/// One UDP flow in one direction.
public struct DatagramLoad: NetworkLoad {
    public var payloadBytes: Int
    /// Datagrams to offer in a second; nil for as many as go.
    public var packetsPerSecond: Int?
    public var period: LoadPeriod

    /// A load.
    public init(payloadBytes: Int = 64, packetsPerSecond: Int? = nil, period: LoadPeriod = LoadPeriod()) {
        self.payloadBytes = min(max(0, payloadBytes), LoadOrder.mostPayloadBytes)
        self.packetsPerSecond = packetsPerSecond
        self.period = period
    }

    /// Sends for the period and waits for what is on its way.
    public func run(with client: LoadClient) throws(LoadError) -> DatagramLoadReport {
        let name = "UDP of \(payloadBytes) bytes"
        let (flow, port) = try client.local(name) { () throws(SyscallError) in
            let socket = try InetSocket(.udp)
            try socket.bind(client.localAddress.rawValue)
            let port = try socket.localPort()
            return (SharedSocket(socket), port)
        }
        let order = LoadOrder.datagrams(payloadBytes: payloadBytes, clientPort: port)
        let (sender, outcome) = try client.measure(order, period, name) { port throws(LoadError) in
            try client.local(name) { () throws(SyscallError) in
                try flow.socket.connect(client.address.rawValue, port: port)
                try flow.socket.setBlocking(timeoutMilliseconds: LoadThreads.lookMilliseconds)
                return DatagramSender(self, flow)
            }
        }
        return DatagramLoadReport(
            packets: outcome.window.count, seconds: outcome.window.seconds, busySeconds: outcome.busySeconds,
            totalSent: sender.sent, totalReceived: outcome.total, failure: outcome.failure)
    }
}

private let batchLength = 64

/// A thread that sends batches.
private final class DatagramSender: SendingHalf {
    let threads = LoadThreads()
    private let load: DatagramLoad
    private let flow: SharedSocket
    private let sentPackets = Atomic<Int>(0)

    init(_ load: DatagramLoad, _ flow: SharedSocket) {
        self.load = load
        self.flow = flow
    }

    var sent: Int { sentPackets.load(ordering: .relaxed) }

    func start() throws {
        try threads.start("load-send") { [self] in try send() }
    }

    private func send() throws {
        let datagram = RepeatedDatagram(
            payload: [UInt8](repeating: 0x5A, count: load.payloadBytes), slots: batchLength)
        let begin = Monotonic.now
        var total = 0
        while !threads.isEnding {
            var count = batchLength
            if let rate = load.packetsPerSecond {
                count = min(count, Int(Double(Monotonic.now - begin) / 1e9 * Double(rate)) - total)
                guard count > 0 else {
                    Monotonic.sleep(milliseconds: 1)
                    continue
                }
            }
            total += try datagram.send(count, on: flow.socket)
            sentPackets.store(total, ordering: .relaxed)
        }
    }
}

/// Takes datagrams from one port of the client.
final class DatagramReceiver: ReceivingHalf {
    /// Looks without any datagram after the last was sent: 100 ms, and the order to finish came over the same path.
    private static let patience = 100 / LoadThreads.lookMilliseconds

    let threads = LoadThreads()
    let port: UInt16
    private let payloadBytes: Int
    private let socket: InetSocket
    private let receivedPackets = Atomic<Int>(0)

    init(payloadBytes: Int, clientPort: UInt16, _ ends: DataEnds) throws {
        let socket = try InetSocket(.udp)
        try socket.bind(ends.server.rawValue)
        try socket.connect(ends.client.rawValue, port: clientPort)
        do {
            // A receiver that is kept from running for some milliseconds must not lose packets here.
            try socket.forceBuffers(receive: 16 << 20)
        } catch {
            throw LoadError.failed("datagrams would be lost in the server's own socket: \(error): run it as root")
        }
        port = try socket.localPort()
        self.payloadBytes = payloadBytes
        self.socket = socket
    }

    var count: Int { receivedPackets.load(ordering: .relaxed) }

    func start(while isWanted: () -> Bool) throws {
        try threads.start("load-receive") { [self] in try receive() }
    }

    private func receive() throws {
        var batch = ReceiveBatch(slots: batchLength, slotSize: max(64, payloadBytes))
        var patience = Self.patience
        while patience > 0 && !threads.isAborted {
            guard try socket.descriptor.waitReadable(timeoutMilliseconds: LoadThreads.lookMilliseconds) else {
                patience = threads.isEnding ? patience - 1 : Self.patience
                continue
            }
            receivedPackets.wrappingAdd(try socket.receive(into: &batch), ordering: .relaxed)
        }
    }
}
