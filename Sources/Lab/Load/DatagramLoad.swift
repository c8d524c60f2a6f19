// UDP at full speed or at a given rate, in batches at both ends, so that the path is measured and not the programs.

internal import LinuxSystem
public import Net
internal import Synchronization

/// One UDP flow in one direction.
public struct DatagramLoad: Sendable {
    public var payloadBytes: Int
    /// Datagrams to offer in a second; nil for as many as go.
    public var packetsPerSecond: Int?
    public var period: LoadPeriod

    /// A load.
    public init(payloadBytes: Int = 64, packetsPerSecond: Int? = nil, period: LoadPeriod = LoadPeriod()) {
        self.payloadBytes = min(max(0, payloadBytes), 65507)
        self.packetsPerSecond = packetsPerSecond
        self.period = period
    }

    /// Sends for the period and waits for what is on its way.
    ///
    /// - Parameter address: one of `receiver`'s own.
    public func run(
        from sender: LabHost, to receiver: LabHost, address: IPv4Address, interruption: Interruption = Interruption()
    ) throws -> DatagramLoadReport {
        let flow = try DatagramFlow(self, from: sender, to: receiver, address: address)
        try flow.start()
        defer { flow.stop() }
        let measured = try period.measure(interruption) { flow.received }
        flow.stop()
        return DatagramLoadReport(
            packets: measured.count, seconds: measured.seconds, busySeconds: measured.busySeconds,
            totalSent: flow.sent, totalReceived: flow.received, failure: flow.failure)
    }
}

/// A pair of sockets with a thread each.
private final class DatagramFlow: Sendable {
    private static let batch = 64

    private let load: DatagramLoad
    private let client: InetSocket
    private let server: InetSocket
    private let sentPackets = Atomic<Int>(0)
    private let receivedPackets = Atomic<Int>(0)
    private let threads = LoadThreads()

    init(_ load: DatagramLoad, from sender: LabHost, to receiver: LabHost, address: IPv4Address) throws {
        let server = try receiver.run {
            let socket = try InetSocket(.udp)
            try socket.bind(address.rawValue)
            // A receiver that is kept from running for some milliseconds must not lose packets here.
            try socket.forceBuffers(receive: 16 << 20)
            return socket
        }
        let client = try sender.run { try InetSocket(.udp) }
        try client.connect(address.rawValue, port: try server.localPort())
        try client.setBlocking(timeoutMilliseconds: 100)
        self.load = load
        self.client = client
        self.server = server
    }

    var sent: Int { sentPackets.load(ordering: .relaxed) }
    var received: Int { receivedPackets.load(ordering: .relaxed) }
    var failure: String? { threads.failure }

    func start() throws {
        try threads.start(send: { [self] in try send() }, receive: { [self] in try receive() })
    }

    /// Sends no more and returns when nothing arrives any more. A second call does nothing.
    func stop() {
        threads.stop()
    }

    private func send() throws {
        let datagram = RepeatedDatagram(
            payload: [UInt8](repeating: 0x5A, count: load.payloadBytes), slots: Self.batch)
        let begin = Monotonic.now
        var total = 0
        while !threads.isEnding {
            var count = Self.batch
            if let rate = load.packetsPerSecond {
                count = min(count, Int(Double(Monotonic.now - begin) / 1e9 * Double(rate)) - total)
                guard count > 0 else {
                    Monotonic.sleep(milliseconds: 1)
                    continue
                }
            }
            total += try datagram.send(count, on: client)
            sentPackets.store(total, ordering: .relaxed)
        }
    }

    private func receive() throws {
        var batch = ReceiveBatch(slots: Self.batch, slotSize: max(64, load.payloadBytes))
        while true {
            guard try server.descriptor.waitReadable(timeoutMilliseconds: 100) else {
                if threads.hasSent { return }
                continue
            }
            receivedPackets.wrappingAdd(try server.receive(into: &batch), ordering: .relaxed)
        }
    }
}
