// One ICMP echo after the other without a pause: the other end's kernel answers, so no program there is measured.

internal import LinuxSystem
internal import Net
internal import Packet

/// Round trips of a busy path with one packet on its way.
public struct PingLoad: NetworkLoad {
    /// Of the ICMP message after its header.
    public var payloadBytes: Int
    public var period: LoadPeriod

    /// A load.
    public init(payloadBytes: Int = 56, period: LoadPeriod = LoadPeriod()) {
        self.payloadBytes = min(max(0, payloadBytes), 65507)
        self.period = period
    }

    /// Sends requests for the period, each as soon as the one before was answered. Needs CAP_NET_RAW.
    public func run(with client: LoadClient) throws(LoadError) -> RoundTripReport {
        let (pinger, outcome) = try client.measure(.nothing, period, "pings") { _ throws(LoadError) in
            try client.local("pings") { () throws(SyscallError) in
                let socket = try InetSocket(.raw(proto: IPProtocol.icmp))
                try socket.connect(client.address.rawValue)
                try socket.setBlocking(timeoutMilliseconds: LoadThreads.lookMilliseconds)
                return PingSender(self, SharedSocket(socket))
            }
        }
        return pinger.series.report(outcome)
    }
}

/// A thread that sends requests and knows the replies.
private final class PingSender: SendingHalf {
    let threads = LoadThreads()
    let series: RoundTripSeries
    private let payloadBytes: Int
    private let shared: SharedSocket

    init(_ load: PingLoad, _ shared: SharedSocket) {
        payloadBytes = load.payloadBytes
        self.shared = shared
        series = RoundTripSeries(load.period)
    }

    func start() throws {
        try threads.start("load-ping") { [self] in
            var request = EchoRequest(payloadBytes: payloadBytes)
            defer { request.deallocate() }
            try series.run(threads) { begin throws(SyscallError) in
                try request.roundTrip(shared.socket, until: begin + 1_000_000_000, threads) ? .answered : .lost
            }
        }
    }
}

/// A request that is sent again and again with another number.
private struct EchoRequest {
    private static let identifier = UInt16(truncatingIfNeeded: Host.processID)
    private let message: UnsafeMutableRawBufferPointer
    private let answer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 64)
    private var sequence: UInt16 = 0

    init(payloadBytes: Int) {
        message = .allocate(byteCount: 8 + payloadBytes, alignment: 64)
        message.initializeMemory(as: UInt8.self, repeating: 0x5A)
        message[0] = 8
        message[1] = 0
        message[4] = UInt8(Self.identifier >> 8)
        message[5] = UInt8(Self.identifier & 0xFF)
    }

    func deallocate() {
        message.deallocate()
        answer.deallocate()
    }

    /// - Parameter deadline: in monotonic nanoseconds.
    /// - Returns: false where no reply came in time.
    mutating func roundTrip(
        _ socket: borrowing InetSocket, until deadline: UInt64, _ threads: LoadThreads
    ) throws(SyscallError) -> Bool {
        sequence &+= 1
        (message[6], message[7]) = (UInt8(sequence >> 8), UInt8(sequence & 0xFF))
        (message[2], message[3]) = (0, 0)
        let checksum = InternetChecksum.checksum(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(message)))
        (message[2], message[3]) = (UInt8(checksum >> 8), UInt8(checksum & 0xFF))
        guard try socket.send(UnsafeRawBufferPointer(message)) > 0 else { return false }
        while true {
            if let count = try socket.receive(into: answer) {
                if isReply(count) { return true }
            }
            if threads.isAborted || Monotonic.now > deadline { return false }
        }
    }

    /// A raw socket is given every ICMP message from that host.
    private func isReply(_ count: Int) -> Bool {
        guard count >= 20 else { return false }
        let start = Int(answer[0] & 0xF) * 4
        guard count >= start + 8, answer[start] == 0 else { return false }
        return (4..<8).allSatisfy { answer[start + $0] == message[$0] }
    }
}
