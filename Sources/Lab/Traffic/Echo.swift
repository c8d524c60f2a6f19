// Datagrams of UDP or of any IP protocol to a host that sends them back, each compared with what was sent.

internal import LinuxSystem
internal import Net
internal import Synchronization

/// What carries the datagrams.
public enum EchoCarrier: Hashable, Sendable {
    case udp
    /// Datagrams straight in IP, such as 253 (for experiments) or 132 (SCTP's number).
    case ip(protocolNumber: UInt8)
}

/// A finished series of echoed datagrams.
public struct EchoReport: Hashable, Sendable {
    public internal(set) var sent = 0
    /// Datagrams that came back unchanged.
    public internal(set) var received = 0
    /// Answers with wrong content.
    public internal(set) var corrupted = 0
    /// Datagrams that the kernel refused to send, by its error number.
    public internal(set) var refused: [Int32: Int] = [:]
    /// Whether every datagram came back unchanged.
    public var isComplete: Bool { sent > 0 && received == sent }
}

/// Sends back what it gets, on a thread of its own, while it lives.
final class EchoResponder: Sendable {
    private let socket: InetSocket
    private let carrier: EchoCarrier
    let port: UInt16
    private let isStopping = Atomic<Bool>(false)
    private let thread = Mutex<SystemThread?>(nil)

    init(on host: LabHost, address: IPv4Address, _ carrier: EchoCarrier) throws {
        let socket = try host.run {
            let socket = try InetSocket(carrier.socketKind)
            try socket.bind(address.rawValue)
            return socket
        }
        port = carrier == .udp ? try socket.localPort() : 0
        self.carrier = carrier
        self.socket = socket
        try thread.withLock { $0 = try SystemThread.start(name: "lab-echo") { [self] in loop() } }
    }

    private func loop() {
        while !isStopping.load(ordering: .acquiring) {
            guard let datagram = try? socket.receiveDatagram(timeoutMilliseconds: 20) else { continue }
            try? socket.send(carrier.payload(datagram.bytes), to: datagram.address, port: datagram.port)
        }
    }

    /// Returns when it answers no more: two that live side by side would both answer a raw datagram.
    func stop() {
        isStopping.store(true, ordering: .releasing)
        if let thread = thread.withLock({ $0.take() }) { thread.join() }
    }
}

extension EchoCarrier {
    var socketKind: InetSocket.Kind {
        switch self {
        case .udp: .udp
        case .ip(let number): .raw(proto: number)
        }
    }

    /// Raw sockets receive the IP header as well.
    func payload(_ bytes: [UInt8]) -> [UInt8] {
        switch self {
        case .udp: bytes
        case .ip: Array(bytes.dropFirst(HeaderView(bytes)?.payload ?? 0))
        }
    }
}

/// Sends datagrams one after the other and waits for each to come back.
struct EchoSender {
    let host: LabHost
    let target: IPv4Address
    let carrier: EchoCarrier
    let payloadBytes: Int
    let dontFragment: Bool
    let timeoutMilliseconds: Int32

    func run(count: Int, port: UInt16, interruption: Interruption) throws -> EchoReport {
        let kind = carrier.socketKind
        let socket = try host.run { try InetSocket(kind) }
        try socket.setDontFragment(dontFragment)
        var report = EchoReport()
        for number in 0..<count {
            try interruption.check()
            let bytes = StreamContent(seed: UInt64(number)).bytes(at: 0, count: max(1, payloadBytes))
            report.sent += 1
            do throws(SyscallError) {
                try socket.send(bytes, to: target.rawValue, port: port)
            } catch {
                report.refused[error.code, default: 0] += 1
                continue
            }
            while let datagram = try socket.receiveDatagram(timeoutMilliseconds: timeoutMilliseconds) {
                guard datagram.address == target.rawValue else { continue }
                if carrier.payload(datagram.bytes) == bytes { report.received += 1 } else { report.corrupted += 1 }
                break
            }
        }
        return report
    }
}
