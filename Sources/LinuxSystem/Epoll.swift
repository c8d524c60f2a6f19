// Waiting for many descriptors at once, with a caller's token for each and no allocation per wait.

internal import CLinux
internal import Glibc

/// An epoll instance (level-triggered) with its own event buffer.
///
/// One thread waits; the descriptors that were added stay their owners'.
@safe public struct Epoll: ~Copyable, @unchecked Sendable {
    /// What to wait for. Errors and hang-ups are always reported.
    public struct Interest: OptionSet, Sendable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        /// There is something to read.
        public static let readable = Interest(rawValue: EPOLLIN.rawValue)
        /// There is room to write.
        public static let writable = Interest(rawValue: EPOLLOUT.rawValue)
    }

    /// One ready descriptor.
    public struct Event: Hashable, Sendable {
        /// The token it was added with.
        public let token: UInt64
        /// The kernel's event bits.
        public let bits: UInt32

        /// There is something to read.
        public var readable: Bool { bits & EPOLLIN.rawValue != 0 }
        /// There is room to write.
        public var writable: Bool { bits & EPOLLOUT.rawValue != 0 }
        /// The other end is gone, or the descriptor has an error to be fetched.
        public var hangup: Bool { bits & (EPOLLHUP.rawValue | EPOLLERR.rawValue | EPOLLRDHUP.rawValue) != 0 }
    }

    /// The epoll descriptor itself.
    public let descriptor: Descriptor
    private let buffer: UnsafeMutableBufferPointer<epoll_event>

    /// An instance that reports at most `capacity` events per wait (the others come with the next).
    public init(capacity: Int = 64) throws(SyscallError) {
        descriptor = Descriptor(owning: try syscall("epoll_create1") { epoll_create1(Int32(EPOLL_CLOEXEC)) })
        unsafe buffer = .allocate(capacity: max(1, capacity))
        unsafe buffer.initialize(repeating: epoll_event())
    }

    deinit {
        unsafe buffer.deallocate()
    }

    /// Starts waiting for a descriptor.
    public func add(_ fd: Int32, token: UInt64, _ interest: Interest = .readable) throws(SyscallError) {
        try control(EPOLL_CTL_ADD, fd, token, interest)
    }

    /// Changes what a descriptor is waited for, or its token.
    public func modify(_ fd: Int32, token: UInt64, _ interest: Interest) throws(SyscallError) {
        try control(EPOLL_CTL_MOD, fd, token, interest)
    }

    /// Stops waiting for a descriptor; to be called before it is closed.
    public func remove(_ fd: Int32) throws(SyscallError) {
        try control(EPOLL_CTL_DEL, fd, 0, [])
    }

    /// Waits until something is ready.
    ///
    /// - Parameter timeoutMilliseconds: -1 waits for ever, 0 only asks.
    /// - Returns: how many events there are, to be had with `self[0]` and so on until the next wait; 0 on timeout.
    public mutating func wait(timeoutMilliseconds: Int32 = -1) throws(SyscallError) -> Int {
        let deadline = Deadline(milliseconds: timeoutMilliseconds)
        while true {
            let count = unsafe epoll_wait(
                descriptor.rawValue, buffer.baseAddress, Int32(clamping: buffer.count), deadline.remainingMilliseconds)
            if count >= 0 { return Int(count) }
            let code = errno
            if code != EINTR { throw SyscallError(operation: "epoll_wait", code: code) }
        }
    }

    /// An event of the last wait.
    public subscript(index: Int) -> Event {
        let event = unsafe buffer[index]
        return unsafe Event(token: event.data.u64, bits: event.events)
    }

    private func control(
        _ operation: Int32, _ fd: Int32, _ token: UInt64, _ interest: Interest
    ) throws(SyscallError) {
        var event = unsafe epoll_event()
        unsafe event.events = interest.rawValue
        unsafe event.data.u64 = token
        try syscall("epoll_ctl", on: "descriptor \(fd)") {
            unsafe epoll_ctl(descriptor.rawValue, operation, fd, &event)
        }
    }
}
