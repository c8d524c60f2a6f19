// Sends every kind of garbage in turn at a fixed rate, freshly made, until it is told to stop.

import BenchmarkSupport
import Lab
import LinuxSystem
import Synchronization

/// A running sender.
final class GarbageSender: Sendable {
    private static let batch = 64
    private static let slotSize = 2048

    private let socket: RawIPv4Socket
    private let rate: Int
    private let isStopping = Atomic<Bool>(false)
    private let state = Mutex(State())
    private let thread = Mutex<SystemThread?>(nil)

    private struct State {
        var sent: [Garbage: Int] = [:]
        var refused: [Int32: Int] = [:]
        var nanoseconds: UInt64 = 0
    }

    /// Starts to send from a host.
    static func start(on host: LabHost, packetsPerSecond: Int) throws -> GarbageSender {
        // IPPROTO_RAW: a socket that only sends.
        let sender = GarbageSender(try host.run { try RawIPv4Socket(proto: 255) }, packetsPerSecond)
        try sender.thread.withLock { $0 = try SystemThread.start(name: "garbage") { sender.loop() } }
        return sender
    }

    private init(_ socket: consuming RawIPv4Socket, _ rate: Int) {
        self.socket = socket
        self.rate = rate
    }

    func stop() {
        isStopping.store(true, ordering: .releasing)
        if let thread = thread.withLock({ $0.take() }) { thread.join() }
    }

    /// What the kernel took, by kind.
    var sent: [Garbage: Int] { state.withLock { $0.sent } }
    var total: Int { sent.values.reduce(0, +) }
    /// What it refused, by error number.
    var refused: [Int32: Int] { state.withLock { $0.refused } }
    var packetsPerSecond: Double {
        state.withLock { Double($0.sent.values.reduce(0, +)) * 1e9 / Double($0.nanoseconds) }
    }

    private func loop() {
        let arena = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.batch * Self.slotSize, alignment: 64)
        defer { arena.deallocate() }
        var outbox = SendBatch(slots: Self.batch, scratchSize: 0)
        var random = SplitMix64(seed: 11)
        var made = 0
        let begin = Monotonic.now
        while !isStopping.load(ordering: .acquiring) {
            let due = Int(Double(Monotonic.now - begin) / 1e9 * Double(rate)) - made
            guard due > 0 else {
                Monotonic.sleep(milliseconds: 1)
                continue
            }
            let count = min(due, Self.batch)
            var kinds: [Garbage] = []
            for slot in 0..<count {
                let kind = Garbage.allCases[(made + slot) % Garbage.allCases.count]
                let packet = kind.make(using: &random)
                let place = UnsafeMutableRawBufferPointer(
                    rebasing: arena[(slot * Self.slotSize)...].prefix(packet.count))
                place.copyBytes(from: packet)
                _ = outbox.append(to: Garbage.node.rawValue, UnsafeRawBufferPointer(place))
                kinds.append(kind)
            }
            made += count
            send(&outbox, kinds)
            state.withLock { $0.nanoseconds = Monotonic.now - begin }
        }
    }

    private func send(_ outbox: inout SendBatch, _ kinds: [Garbage]) {
        var position = 0
        while position < kinds.count {
            let outcome = socket.send(&outbox)
            state.withLock { state in
                func count(_ sent: Int) {
                    for kind in kinds[position..<(position + sent)] { state.sent[kind, default: 0] += 1 }
                    position += sent
                }
                switch outcome {
                case .done(let sent): count(sent)
                case .wouldBlock(let sent): count(sent)
                case .refused(let sent, _, let code):
                    count(sent)
                    state.refused[code, default: 0] += 1
                    position += 1
                }
            }
        }
        outbox.removeAll()
    }
}
