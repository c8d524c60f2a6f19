// A throw-away network namespace: it is entered only on threads of its own, and is gone with its last descriptor.

import Glibc
import LinuxSystem

/// A network namespace without a name.
final class TestNamespace: Sendable {
    private let descriptor: Descriptor

    init() throws {
        descriptor = try onOwnThread {
            try syscall("unshare") { leave(newNetworkNamespace) }
            let number = try syscall("open") { open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC) }
            return number
        }.map { Descriptor(owning: $0) }.get()
    }

    /// Valid while the namespace is held.
    var fileDescriptor: Int32 { descriptor.rawValue }

    /// Runs `body` on a thread of its own in this namespace.
    func run<Value: Sendable>(_ body: @Sendable () throws -> Value) throws -> Value {
        let number = descriptor.rawValue
        return try onOwnThread {
            try syscall("setns") { enter(number, newNetworkNamespace) }
            return try body()
        }.get()
    }
}

/// `CLONE_NEWNET` (`linux/sched.h`), which Swift's Glibc does not show, like the two calls that take it.
private let newNetworkNamespace: Int32 = 0x4000_0000

private func leave(_ flags: Int32) -> Int32 {
    guard let symbol = dlsym(nil, "unshare") else { return -1 }
    return unsafeBitCast(symbol, to: (@convention(c) (Int32) -> Int32).self)(flags)
}

private func enter(_ descriptor: Int32, _ kind: Int32) -> Int32 {
    guard let symbol = dlsym(nil, "setns") else { return -1 }
    return unsafeBitCast(symbol, to: (@convention(c) (Int32, Int32) -> Int32).self)(descriptor, kind)
}

private final class Job {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
}

/// Runs `body` on a new thread and waits for it.
private func onOwnThread<Value>(_ body: () throws -> Value) throws -> Result<Value, any Error> {
    try withoutActuallyEscaping(body) { body in
        var result: Result<Value, any Error>?
        let job = Unmanaged.passRetained(Job { result = Result { try body() } })
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Job>.fromOpaque(argument).takeUnretainedValue().body() }
                return nil
            }, job.toOpaque())
        defer { job.release() }
        guard code == 0 else { throw SyscallError(operation: "pthread_create", code: code) }
        pthread_join(thread, nil)
        guard let result else { throw SyscallError(operation: "pthread_join", code: ESRCH) }
        return result
    }
}
