// Orders to the packet thread, one at a time, and notices from it.

internal import LinuxSystem
internal import Packet
internal import Synchronization

/// Where the control thread leaves an order and waits until it is carried out.
final class PacketDoor: Sendable {
    /// Something that the packet thread does between two turns.
    typealias Order = @Sendable (inout PacketLoop) -> Void

    private let order = Mutex<Order?>(nil)
    private let open = Atomic(true)
    private let knock: EventFD
    private let done: EventFD

    init() throws(SyscallError) {
        knock = try EventFD()
        done = try EventFD()
    }

    /// Whether packets are carried.
    var isOpen: Bool { open.load(ordering: .acquiring) }

    // MARK: The control thread's side

    /// Leaves an order and waits for it; the loop must be running.
    func perform(_ order: @escaping Order) {
        self.order.withLock { $0 = order }
        knock.signal()
        while self.order.withLock({ $0 != nil }) {
            // It only fails on a closed descriptor, which this object owns.
            _ = try? done.descriptor.waitReadable(timeoutMilliseconds: -1)
            done.drain()
        }
    }

    // MARK: The packet thread's side

    /// Readable while there is an order.
    var descriptor: Int32 { knock.descriptor.rawValue }

    /// Carries the order out.
    func answer(_ loop: inout PacketLoop) {
        knock.drain()
        guard let order = order.withLock({ $0 }) else { return }
        order(&loop)
        self.order.withLock { $0 = nil }
        done.signal()
    }

    /// Says that packets are no longer carried; orders still are.
    func close() {
        open.store(false, ordering: .releasing)
    }
}

/// Where packet threads leave notices for the control thread.
final class NoticeBoard: Sendable {
    private let notices = Mutex<[TunnelNotice]>([])
    private let event: EventFD

    init() throws(SyscallError) {
        event = try EventFD()
    }

    /// Readable while there are notices.
    var descriptor: Int32 { event.descriptor.rawValue }

    /// Leaves a notice; seldom, so that a lock does no harm.
    func post(_ notice: TunnelNotice) {
        notices.withLock { $0.append(notice) }
        event.signal()
    }

    /// Takes all of them.
    func take() -> [TunnelNotice] {
        event.drain()
        return notices.withLock { notices in
            defer { notices = [] }
            return notices
        }
    }
}
