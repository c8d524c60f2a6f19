// Numbered datagrams at a steady rate from one host of a lab to another: which of them were lost, and how long was it quiet.

import Glibc
import Lab
import LinuxSystem
import Net
import Synchronization

/// A running series of datagrams.
final class PacketTrain: Sendable {
    struct Report {
        var sent = 0
        var received = 0
        /// The longest time between two arrivals, in nanoseconds.
        var longestSilence: UInt64 = 0
        /// Nanoseconds from the first to the last sending.
        var duration: UInt64 = 0

        var lost: Int { sent - received }
        var packetsPerSecond: Double { Double(sent) * 1e9 / Double(max(1, duration)) }
    }

    private static let payload = 64
    private static let largestBurst = 100
    /// How long a datagram may be on its way after the last was sent.
    private static let patienceMilliseconds: Int32 = 500

    private let socket: InetSocket
    private let receiver: InetSocket
    private let target: UInt32
    private let port: UInt16
    private let interval: UInt64
    private let report = Mutex(Report())
    private let isStopping = Atomic<Bool>(false)
    private let sending = Mutex<SystemThread?>(nil)
    private let receiving = Mutex<SystemThread?>(nil)

    /// Starts to send.
    init(from source: LabHost, to destination: LabHost, address: IPv4Address, packetsPerSecond: Int) throws {
        let receiver = try destination.run {
            let socket = try InetSocket(.udp)
            try socket.bind(address.rawValue)
            // A thread that waits for its turn must not look like a lost packet.
            try socket.forceBuffers(receive: 32 << 20)
            return socket
        }
        port = try receiver.localPort()
        socket = try source.run { try InetSocket(.udp) }
        self.receiver = receiver
        target = address.rawValue
        interval = 1_000_000_000 / UInt64(packetsPerSecond)
        try receiving.withLock { $0 = try SystemThread.start(name: "train-in") { self.receive() } }
        try sending.withLock { $0 = try SystemThread.start(name: "train-out") { self.send() } }
    }

    /// How many have arrived up to now.
    var received: Int { report.withLock { $0.received } }

    /// Sends no more, waits for what is on its way and counts.
    func stop() -> Report {
        isStopping.store(true, ordering: .releasing)
        if let thread = sending.withLock({ $0.take() }) { thread.join() }
        if let thread = receiving.withLock({ $0.take() }) { thread.join() }
        return report.withLock { $0 }
    }

    private func send() {
        var payload = [UInt8](repeating: 0, count: Self.payload)
        let start = Monotonic.now
        var sent: UInt64 = 0
        while !isStopping.load(ordering: .acquiring) {
            // After a time without the processor it catches up, but never with more at once than any queue takes.
            for _ in 0..<Self.largestBurst where Monotonic.now >= start + sent * interval {
                for byte in 0..<8 { payload[byte] = UInt8(truncatingIfNeeded: sent >> (8 * UInt64(byte))) }
                // What this host's own kernel refuses was not sent, and is tried again.
                guard (try? socket.send(payload, to: target, port: port)) != nil else { break }
                sent += 1
            }
            usleep(UInt32(interval / 2000))
        }
        let (count, duration) = (Int(sent), Monotonic.now - start)
        report.withLock { ($0.sent, $0.duration) = (count, duration) }
    }

    private func receive() {
        var seen: [Bool] = []
        var last: UInt64 = 0
        while true {
            guard let datagram = try? receiver.receive(limit: 128, timeoutMilliseconds: Self.patienceMilliseconds)
            else {
                if isStopping.load(ordering: .acquiring) { return }
                continue
            }
            let now = Monotonic.now
            let number = datagram.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
            if number >= seen.count { seen += Array(repeating: false, count: number + 10_000 - seen.count) }
            guard !seen[number] else { continue }
            seen[number] = true
            let silence = last == 0 ? 0 : now - last
            last = now
            report.withLock { report in
                report.received += 1
                report.longestSilence = max(report.longestSilence, silence)
            }
        }
    }
}
