// A thread of its own: for packet loops, and because a network namespace is a property of a thread.

internal import CLinux
internal import Glibc

/// A named POSIX thread that can be pinned to one CPU.
///
/// A value that goes away without ``join()`` lets the thread run on, unobserved.
public struct SystemThread: ~Copyable, @unchecked Sendable {
    private let thread: pthread_t

    /// Starts a thread.
    ///
    /// - Parameters:
    ///   - name: shown by `ps -L` and `top -H`; the kernel keeps 15 bytes of it.
    ///   - cpu: the only CPU it may run on; nil leaves that to the scheduler. `EINVAL` where there is no such CPU.
    public static func start(
        name: String, cpu: Int? = nil, _ body: @escaping @Sendable () -> Void
    ) throws(SyscallError) -> SystemThread {
        let context = unsafe Unmanaged.passRetained(Start(name: name, body: body))
        var thread = pthread_t()
        // -1 means "no pinning" to the shim, so a negative number from a caller becomes one that is refused.
        let pin = cpu.map { $0 < 0 ? Int32.max : Int32(clamping: $0) } ?? -1
        let code = unsafe clinux_thread_start(
            &thread, pin,
            { context in
                if let context = unsafe context {
                    let start = unsafe Unmanaged<Start>.fromOpaque(context).takeRetainedValue()
                    _ = unsafe clinux_thread_set_name(kernelName(start.name))
                    start.body()
                }
                return nil
            }, context.toOpaque())
        guard code == 0 else {
            unsafe context.release()
            throw SyscallError(operation: "pthread_create", object: name, code: code)
        }
        return SystemThread(thread: thread)
    }

    private init(thread: pthread_t) {
        self.thread = thread
    }

    /// Waits until the thread's body has returned.
    public consuming func join() {
        _ = pthread_join(thread, nil)
        discard self
    }

    deinit {
        _ = pthread_detach(thread)
    }

    /// Sets how much later than asked the calling thread may be woken by a timer (50 µs where nobody sets it).
    public static func setTimerSlack(nanoseconds: UInt) {
        // Refused to nobody: 0 alone means the default, and 1 is the least.
        _ = clinux_thread_set_timer_slack(max(1, nanoseconds))
    }

    /// The kernel's number of the calling thread.
    public static var currentID: Int32 { clinux_thread_id() }

    /// Runs a body on a thread made for it and waits for the result; what the body changes about its thread
    /// (namespace, signal mask) ends with it.
    public static func throwaway<T: ~Copyable & Sendable>(
        name: String = "throwaway", _ body: @Sendable () throws -> T
    ) throws -> T {
        try withoutActuallyEscaping(body) { body in
            let outcome = Outcome<T>()
            let thread = try start(name: name) {
                do {
                    outcome.result = .success(try body())
                } catch {
                    outcome.result = .failure(error)
                }
            }
            thread.join()
            guard let result = outcome.take() else {
                throw SyscallError(operation: "pthread_join", object: name, code: ESRCH)
            }
            return try result.get()
        }
    }
}

/// What a new thread starts with.
private final class Start: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

/// A result on its way between two threads; the join orders the write before the read.
private final class Outcome<T: ~Copyable & Sendable>: @unchecked Sendable {
    var result: Result<T, any Error>?

    func take() -> Result<T, any Error>? { result.take() }
}

/// The first 15 bytes of a name, cut at a character.
private func kernelName(_ name: String) -> String {
    var short = name
    while short.utf8.count > 15 { short.removeLast() }
    return short
}
