// A one-shot alarm on the monotonic clock that can be waited for beside other descriptors.

internal import CLinux
internal import Glibc

/// A timerfd: one-shot, CLOCK_MONOTONIC, non-blocking, closed on exec.
public struct TimerFD: ~Copyable, Sendable {
    /// Readable once the time has come.
    public let descriptor: Descriptor

    /// A disarmed timer.
    public init() throws(SyscallError) {
        descriptor = Descriptor(
            owning: try syscall("timerfd_create") {
                timerfd_create(CLOCK_MONOTONIC, Int32(TFD_NONBLOCK | TFD_CLOEXEC))
            })
    }

    /// Goes off once, this much later; replaces what was set before. 0 is as soon as possible.
    public func arm(afterNanoseconds nanoseconds: UInt64) throws(SyscallError) {
        // The kernel reads zero as "disarm".
        try set(max(1, nanoseconds))
    }

    /// Forgets what was set, and an alarm that was not drained.
    public func disarm() throws(SyscallError) {
        try set(0)
    }

    /// Takes the alarm back.
    ///
    /// - Returns: whether it had gone off.
    @discardableResult
    public func drain() -> Bool {
        drainCounter(descriptor.rawValue)
    }

    private func set(_ nanoseconds: UInt64) throws(SyscallError) {
        var time = itimerspec()
        time.it_value.tv_sec = Int(nanoseconds / 1_000_000_000)
        time.it_value.tv_nsec = Int(nanoseconds % 1_000_000_000)
        try syscall("timerfd_settime") { unsafe timerfd_settime(descriptor.rawValue, 0, &time, nil) }
    }
}
