// A counter that wakes a waiting thread: the one way to tell a packet loop to stop or look again.

internal import CLinux
internal import Glibc

/// An eventfd: non-blocking, closed on exec; any thread may signal it.
public struct EventFD: ~Copyable, Sendable {
    /// Readable while there is an undrained signal.
    public let descriptor: Descriptor

    /// A counter at zero.
    public init() throws(SyscallError) {
        descriptor = Descriptor(
            owning: try syscall("eventfd") { eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC)) })
    }

    /// Makes the descriptor readable; several signals before a drain are one.
    public func signal() {
        var one: UInt64 = 1
        // EAGAIN means that the counter is full: then it is readable already. Only EINTR is worth another try.
        while unsafe write(descriptor.rawValue, &one, 8) == -1 && errno == EINTR {}
    }

    /// Takes the signals back.
    ///
    /// - Returns: whether there were any.
    @discardableResult
    public func drain() -> Bool {
        drainCounter(descriptor.rawValue)
    }
}

/// Reads the 8-byte counter that eventfd and timerfd share; true where it was not zero.
func drainCounter(_ fd: Int32) -> Bool {
    var count: UInt64 = 0
    while true {
        let result = unsafe read(fd, &count, 8)
        if result == 8 { return true }
        if result == -1 && errno == EINTR { continue }
        return false
    }
}
