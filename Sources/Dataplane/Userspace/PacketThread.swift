// The packet thread and the only door to it: an order is carried out by the thread itself between two turns,
// so that tables and counters need neither locks nor atomics on the packet path.

internal import LinuxSystem
internal import Net
internal import Packet
internal import Synchronization

/// A running packet loop.
final class PacketThread {
    private let door: PacketDoor
    private var thread: SystemThread?

    /// Starts a loop on a thread of its own.
    ///
    /// - Parameter cpu: the only CPU it may run on; nil leaves that to the scheduler.
    init(
        ports: consuming PacketPorts, settings: TunnelSettings, queue: Int, peers: consuming PeerTable,
        notices: NoticeBoard
    ) throws(SyscallError) {
        let door = try PacketDoor()
        let loop = LoopBox(
            try PacketLoop(
                ports: ports, door: door, notices: notices, settings: settings, queue: queue, peers: peers))
        self.door = door
        let cpu = settings.cpus.isEmpty ? nil : settings.cpus[queue % settings.cpus.count]
        thread = try SystemThread.start(name: "poplin-packets", cpu: cpu) {
            // Whoever finds a mistake in what reads strangers' packets gets none of this process's rights. Giving up is
            // refused to nobody.
            try? Capabilities.dropAll()
            loop.run()
        }
    }

    /// Whether packets are carried: false once the device is gone.
    var isCarrying: Bool { door.isOpen }

    /// Has the packet thread carry out `order` between two turns, and waits for it.
    func perform(_ order: @escaping PacketDoor.Order) {
        door.perform(order)
    }

    /// What the loop has counted by now.
    func counters() -> TunnelCounters {
        let copy = CountersCopy()
        perform { loop in copy.value.withLock { $0 = loop.counters() } }
        return copy.value.withLock { $0 } ?? TunnelCounters(table: ForwardingTable(peers: [], prefixes: []))
    }

    /// Copies of what packets wait in.
    func copyPorts() throws(SyscallError) -> DescriptorList {
        let copy = PortsCopy()
        perform { copy.take($0.ports) }
        return try copy.give()
    }

    /// Ends the loop and gives back what it counted.
    func stop() -> TunnelCounters {
        let counters = counters()
        perform { $0.end() }
        if let thread = thread.take() { thread.join() }
        return counters
    }
}

/// Carries the loop to its thread, which alone touches it from then on: that makes the unchecked conformance sound.
private final class LoopBox: @unchecked Sendable {
    private var loop: PacketLoop?

    init(_ loop: consuming PacketLoop) {
        self.loop = consume loop
    }

    func run() {
        guard var loop = loop.take() else { return }
        loop.run()
    }
}

/// Carries the counters from one thread to the other.
private final class CountersCopy: Sendable {
    let value = Mutex<TunnelCounters?>(nil)
}

/// Carries copies of descriptors from one thread to the other.
private final class PortsCopy: Sendable {
    private let list = Mutex(DescriptorList())
    private let problem = Mutex<SyscallError?>(nil)

    func take(_ ports: borrowing PacketPorts) {
        list.withLock { list in
            do throws(SyscallError) {
                try ports.append(copiesTo: &list)
            } catch {
                problem.withLock { $0 = error }
            }
        }
    }

    func give() throws(SyscallError) -> DescriptorList {
        if let problem = problem.withLock({ $0 }) { throw problem }
        return list.withLock { list in
            var all = DescriptorList()
            swap(&all, &list)
            return all
        }
    }
}
