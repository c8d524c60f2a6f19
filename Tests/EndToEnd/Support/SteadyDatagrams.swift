// UDP datagrams at a steady rate in one direction, of which every single one is known by its number.

import Lab
import LinuxSystem
import Net
import Synchronization
import Testing

/// A running flow; safe to use from any thread.
final class SteadyDatagrams: Sendable {
    private static let batch = 8
    private static let sizes = [64, 512, 1400]

    private let client: InetSocket
    private let server: InetSocket
    private let counts = Mutex((sent: 0, failure: String?.none))
    private let seen = Mutex<[UInt8]>([])
    private let isStopping = Atomic<Bool>(false)
    private let hasSent = Atomic<Bool>(false)
    private let sender = Mutex<SystemThread?>(nil)
    private let receiver = Mutex<SystemThread?>(nil)

    /// What became of all.
    struct Report: CustomStringConvertible {
        let sent: Int
        let lost: [Int]
        let duplicates: Int
        let failure: String?

        var isComplete: Bool { sent > 0 && lost.isEmpty && duplicates == 0 && failure == nil }
        var description: String {
            "\(lost.count) of \(sent) lost \(lost.prefix(20)), \(duplicates) doubled\(failure.map { ", \($0)" } ?? "")"
        }
    }

    /// Sends eight a millisecond, divided by the load factor.
    init(from source: LabHost, to target: LabHost, address: IPv4Address) throws {
        let server = try target.run {
            let socket = try InetSocket(.udp)
            try socket.bind(address.rawValue)
            // A receiver that is kept from running must not lose any here.
            try socket.forceBuffers(receive: 16 << 20)
            return socket
        }
        client = try source.run { try InetSocket(.udp) }
        try client.connect(address.rawValue, port: try server.localPort())
        self.server = server
        try receiver.withLock { $0 = try SystemThread.start(name: "test-receive") { [self] in receive() } }
        try sender.withLock { $0 = try SystemThread.start(name: "test-send") { [self] in send() } }
    }

    /// How many have arrived.
    var received: Int { seen.withLock { $0.count { $0 > 0 } } }

    /// Sends no more, and waits for those on their way.
    func stop() -> Report {
        isStopping.store(true, ordering: .releasing)
        if let thread = sender.withLock({ $0.take() }) { thread.join() }
        if let thread = receiver.withLock({ $0.take() }) { thread.join() }
        let counts = counts.withLock { $0 }
        return seen.withLock { seen in
            Report(
                sent: counts.sent, lost: (0..<counts.sent).filter { $0 >= seen.count || seen[$0] == 0 },
                duplicates: seen.count { $0 > 1 }, failure: counts.failure)
        }
    }

    private func send() {
        defer { hasSent.store(true, ordering: .releasing) }
        var number = 0
        do throws(SyscallError) {
            while !isStopping.load(ordering: .acquiring) {
                for _ in 0..<Self.batch {
                    var datagram = [UInt8](repeating: 0x5A, count: Self.sizes[number % Self.sizes.count])
                    for place in 0..<4 { datagram[place] = UInt8(truncatingIfNeeded: number >> (8 * place)) }
                    _ = try client.send(datagram)
                    number += 1
                    let sent = number
                    counts.withLock { $0.sent = sent }
                }
                Monotonic.sleep(milliseconds: UInt32(loadFactor))
            }
        } catch {
            counts.withLock { $0.failure = "\(error)" }
        }
    }

    private func receive() {
        do throws(SyscallError) {
            var received = 0
            // After the last was sent: whoever carries them may be held back for seconds, and late is not lost.
            var patience = 20
            while patience > 0 {
                let isOver = hasSent.load(ordering: .acquiring)
                if isOver && received >= counts.withLock({ $0.sent }) { return }
                guard let datagram = try server.receive(limit: 2048, timeoutMilliseconds: 500) else {
                    if isOver { patience -= 1 }
                    continue
                }
                guard datagram.count >= 4 else { continue }
                let number = (0..<4).reduce(0) { $0 | Int(datagram[$1]) << (8 * $1) }
                received += seen.withLock { seen in
                    while seen.count <= number { seen.append(0) }
                    seen[number] &+= 1
                    return seen[number] == 1 ? 1 : 0
                }
            }
        } catch {
            counts.withLock { $0.failure = "\(error)" }
        }
    }
}

extension Lab {
    /// Datagrams from one workload to another until they are stopped.
    func startSteadyDatagrams(from source: String, to destination: String) throws -> SteadyDatagrams {
        try SteadyDatagrams(
            from: try host(source), to: try host(destination), address: try address(of: destination))
    }
}
