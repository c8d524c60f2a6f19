// One ICMP echo after the other without a pause: the other end's kernel answers, so no program there is measured.

internal import LinuxSystem
public import Net
internal import Packet

/// Round trips of a busy path with one packet on its way.
public struct RoundTripLoad: Sendable {
    /// Of the ICMP message after its header.
    public var payloadBytes: Int
    public var period: LoadPeriod

    /// A load.
    public init(payloadBytes: Int = 56, period: LoadPeriod = LoadPeriod()) {
        self.payloadBytes = min(max(0, payloadBytes), 65507)
        self.period = period
    }

    /// Sends requests for the period, each as soon as the one before was answered.
    public func run(
        from sender: LabHost, to address: IPv4Address, interruption: Interruption = Interruption()
    ) throws -> RoundTripReport {
        let socket = try sender.run { try InetSocket(.raw(proto: IPProtocol.icmp)) }
        try socket.connect(address.rawValue)
        try socket.setBlocking(timeoutMilliseconds: 1000)
        var pinger = EchoRequest(payloadBytes: payloadBytes)
        defer { pinger.deallocate() }
        var report = RoundTripReport()
        report.samples.reserveCapacity(1 << 18)
        let counts = Monotonic.now + UInt64(period.warmUpMilliseconds) * 1_000_000
        let end = counts + UInt64(period.milliseconds) * 1_000_000
        while true {
            let begin = Monotonic.now
            if begin >= end { break }
            let isAnswered = try pinger.roundTrip(socket)
            let finish = Monotonic.now
            if !isAnswered { try interruption.check() }
            guard begin >= counts else { continue }
            if isAnswered { report.samples.append(finish - begin) } else { report.lost += 1 }
        }
        try interruption.check()
        report.samples.sort()
        return report
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

    /// - Returns: false where no reply came within the socket's time.
    mutating func roundTrip(_ socket: borrowing InetSocket) throws -> Bool {
        sequence &+= 1
        (message[6], message[7]) = (UInt8(sequence >> 8), UInt8(sequence & 0xFF))
        (message[2], message[3]) = (0, 0)
        let checksum = InternetChecksum.checksum(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(message)))
        (message[2], message[3]) = (UInt8(checksum >> 8), UInt8(checksum & 0xFF))
        guard try socket.send(UnsafeRawBufferPointer(message)) > 0 else { return false }
        while let count = try socket.receive(into: answer) {
            if isReply(count) { return true }
        }
        return false
    }

    /// A raw socket is given every ICMP message from that host.
    private func isReply(_ count: Int) -> Bool {
        guard count >= 20 else { return false }
        let start = Int(answer[0] & 0xF) * 4
        guard count >= start + 8, answer[start] == 0 else { return false }
        return (4..<8).allSatisfy { answer[start + $0] == message[$0] }
    }
}
