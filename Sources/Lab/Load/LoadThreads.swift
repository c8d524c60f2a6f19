// The two threads of a flow, ended in the order in which packets go: first who sends, then who receives.

internal import LinuxSystem
internal import Synchronization

/// Threads that look at ``isEnding`` and return soon after it; safe to use from any thread.
final class LoadThreads: Sendable {
    private let ending = Atomic<Bool>(false)
    private let sent = Atomic<Bool>(false)
    private let sender = Mutex<SystemThread?>(nil)
    private let receiver = Mutex<SystemThread?>(nil)
    private let problem = Mutex<String?>(nil)

    /// Whether no more shall be sent.
    var isEnding: Bool { ending.load(ordering: .acquiring) }
    /// Whether the sender has returned.
    var hasSent: Bool { sent.load(ordering: .acquiring) }
    /// The first error of either.
    var failure: String? { problem.withLock { $0 } }

    func start(
        send: @escaping @Sendable () throws -> Void, receive: @escaping @Sendable () throws -> Void
    ) throws {
        try receiver.withLock { try $0 = thread("load-receive", receive) }
        try sender.withLock { try $0 = thread("load-send", send) }
    }

    private func thread(_ name: String, _ body: @escaping @Sendable () throws -> Void) throws -> SystemThread {
        try SystemThread.start(name: name) { [self] in
            do {
                try body()
            } catch {
                problem.withLock { $0 = $0 ?? "\(error)" }
            }
        }
    }

    /// Returns when both have returned. A second call does nothing.
    func stop() {
        ending.store(true, ordering: .releasing)
        if let thread = sender.withLock({ $0.take() }) { thread.join() }
        sent.store(true, ordering: .releasing)
        if let thread = receiver.withLock({ $0.take() }) { thread.join() }
    }
}
