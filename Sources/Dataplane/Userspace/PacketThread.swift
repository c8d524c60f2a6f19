// The packet thread and the only door to it: an order is carried out by the thread itself between two batches,
// so that tables and counters need neither locks nor atomics on the packet path.

internal import LinuxSystem
internal import Packet
internal import Synchronization

/// A running packet loop.
final class PacketThread {
    /// Something that the packet thread does between two batches.
    typealias Order = @Sendable (PacketLoop) -> Void

    /// The control side's half of the door.
    private final class Door: Sendable {
        struct State {
            /// Set until it was carried out.
            var order: Order?
            var isRunning = true
        }
        let state = Mutex(State())
        let knock: EventFD
        let done: EventFD

        init() throws(SyscallError) {
            knock = try EventFD()
            done = try EventFD()
        }
    }

    private let door: Door
    private let loop: PacketLoop
    private var thread: SystemThread?

    /// Starts the loop on a thread of its own.
    ///
    /// - Parameter loss: signalled when the loop ends by itself.
    init(loop: PacketLoop, loss: LossSignal) throws(SyscallError) {
        let door = try Door()
        try loop.listen(to: door.knock.descriptor.rawValue)
        self.door = door
        self.loop = loop
        thread = try SystemThread.start(name: "poplin-packets") {
            // Whoever finds a mistake in what reads strangers' packets gets none of this process's rights. Giving up is
            // refused to nobody.
            try? Capabilities.dropAll()
            loop.run {
                door.knock.drain()
                guard let order = door.state.withLock({ $0.order }) else { return }
                order(loop)
                door.state.withLock { $0.order = nil }
                door.done.signal()
            }
            door.state.withLock { $0.isRunning = false }
            door.done.signal()
            if !loop.isEnding { loss.event.signal() }
        }
    }

    /// Whether the loop still runs.
    var isRunning: Bool { door.state.withLock(\.isRunning) }

    /// Has the packet thread carry out `order` between two batches, and waits for it.
    ///
    /// Once the loop has ended the order is carried out here: nobody else touches the loop any more.
    func perform(_ order: @escaping Order) {
        let accepted = door.state.withLock { state in
            if state.isRunning { state.order = order }
            return state.isRunning
        }
        guard accepted else { return order(loop) }
        door.knock.signal()
        while true {
            // It only fails on a closed descriptor, which this object owns.
            _ = try? door.done.descriptor.waitReadable(timeoutMilliseconds: -1)
            door.done.drain()
            let (isCarriedOut, isRunning) = door.state.withLock { ($0.order == nil, $0.isRunning) }
            if isCarriedOut { return }
            if !isRunning {
                door.state.withLock { $0.order = nil }
                return order(loop)
            }
        }
    }

    /// Appends copies of what the loop reads and writes.
    func append(portsTo list: inout DescriptorList) throws(SyscallError) {
        try loop.ports.append(copiesTo: &list)
    }

    /// What the loop has counted by now.
    func counters() -> TunnelCounters {
        let copy = CountersCopy()
        perform { loop in copy.value.withLock { $0 = loop.counters } }
        return copy.value.withLock { $0 } ?? TunnelCounters(table: ForwardingTable(peers: [], prefixes: []))
    }

    /// Ends the loop and gives back what it counted.
    func stop() -> TunnelCounters {
        perform { $0.end() }
        if let thread = thread.take() { thread.join() }
        return loop.counters
    }
}

/// Tells the reconciler that the packet loop has ended by itself.
final class LossSignal: Sendable {
    let event: EventFD

    init() throws(SyscallError) {
        event = try EventFD()
    }
}

/// Carries the counters from one thread to the other.
private final class CountersCopy: Sendable {
    let value = Mutex<TunnelCounters?>(nil)
}
