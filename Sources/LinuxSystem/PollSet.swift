// Waiting for a few descriptors in a way that costs nothing while nobody waits.

internal import Glibc

/// A few descriptors to wait for. For one thread; the descriptors stay their owners'.
///
/// Unlike an epoll instance it is in a socket's wait queue only during ``wait(timeoutMilliseconds:)``. Whoever delivers
/// to a socket whose reader is at work finds nobody to wake (`sock_def_readable`), where an epoll instance is told of
/// every datagram (`ep_poll_callback`).
@safe public struct PollSet: ~Copyable, @unchecked Sendable {
    private let entries: UnsafeMutableBufferPointer<pollfd>

    /// A set of these descriptors, known by their positions.
    public init(_ descriptors: [Int32]) {
        unsafe entries = .allocate(capacity: descriptors.count)
        for (index, descriptor) in descriptors.enumerated() {
            unsafe entries.initializeElement(
                at: index, to: pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
        }
    }

    deinit {
        unsafe entries.deallocate()
    }

    /// No longer waits for the descriptor at `position`.
    public mutating func remove(at position: Int) {
        unsafe entries[position] = pollfd(fd: -1, events: 0, revents: 0)
    }

    /// Waits until a descriptor can be read or has hung up.
    ///
    /// - Parameter timeoutMilliseconds: -1 waits for ever, 0 only asks.
    public mutating func wait(timeoutMilliseconds: Int32 = -1) throws(SyscallError) {
        let deadline = Deadline(milliseconds: timeoutMilliseconds)
        while true {
            let result = unsafe poll(entries.baseAddress, nfds_t(entries.count), deadline.remainingMilliseconds)
            if result >= 0 { return }
            let code = errno
            if code != EINTR { throw SyscallError(operation: "poll", code: code) }
        }
    }

    /// Whether the last wait found the descriptor at `position` readable or hung up.
    public func isReady(_ position: Int) -> Bool {
        unsafe entries[position].revents != 0
    }
}
