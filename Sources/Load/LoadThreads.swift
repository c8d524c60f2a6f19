// The threads of one end of a load: each looks whether it shall end at least twenty times a second.

internal import LinuxSystem
internal import Synchronization

/// Threads that look at ``isEnding`` and ``isAborted``, and return soon after; safe to use from any thread.
final class LoadThreads: Sendable {
    /// The longest time that a thread waits without a look, so that an end takes less than 100 ms.
    static let lookMilliseconds: Int32 = 25

    private let ending = Atomic<Bool>(false)
    private let aborted = Atomic<Bool>(false)
    private let running = Atomic<Int>(0)
    private let threads = Mutex<[LoadThread]>([])
    private let problem = Mutex<String?>(nil)

    /// Whether no more shall be sent; of a receiving end, whether no more will be.
    var isEnding: Bool { ending.load(ordering: .acquiring) }
    /// Whether to return at once, whatever is still on its way.
    var isAborted: Bool { aborted.load(ordering: .acquiring) }
    /// Whether all have returned.
    var haveReturned: Bool { running.load(ordering: .acquiring) == 0 }
    /// The first error of any.
    var failure: String? { problem.withLock { $0 } }

    /// Starts a thread; what it throws is ``failure``.
    func start(_ name: String, _ body: @escaping @Sendable () throws -> Void) throws(SyscallError) {
        running.wrappingAdd(1, ordering: .acquiringAndReleasing)
        do throws(SyscallError) {
            let thread = LoadThread(
                try SystemThread.start(name: name) { [self] in
                    do {
                        try body()
                    } catch {
                        problem.withLock { $0 = $0 ?? "\(error)" }
                    }
                    running.wrappingSubtract(1, ordering: .acquiringAndReleasing)
                })
            threads.withLock { $0.append(thread) }
        } catch {
            running.wrappingSubtract(1, ordering: .acquiringAndReleasing)
            throw error
        }
    }

    /// Asks for an end in good order.
    func end() { ending.store(true, ordering: .releasing) }

    /// Asks for an end at once.
    func abort() {
        aborted.store(true, ordering: .releasing)
        end()
    }

    /// Returns when all have returned. A second call does nothing.
    func join() {
        let all = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in all { thread.join() }
    }
}

/// A thread as an element of an array.
private final class LoadThread: Sendable {
    private let thread: Mutex<SystemThread?>

    init(_ thread: consuming SystemThread) {
        self.thread = Mutex(thread)
    }

    func join() {
        if let thread = thread.withLock({ $0.take() }) { thread.join() }
    }
}
