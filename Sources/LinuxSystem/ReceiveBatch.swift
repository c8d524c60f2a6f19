// A fixed arena into which one recvmmsg puts many datagrams; nothing is allocated after it was made.

internal import CLinux
internal import Glibc

/// Slots for datagrams, allocated once, filled by one system call. For one thread at a time.
@safe public struct ReceiveBatch: ~Copyable, @unchecked Sendable {
    /// How many datagrams one call can bring.
    public let slots: Int
    /// Room for each, in bytes.
    public let slotSize: Int
    /// How many the last call brought.
    public private(set) var count = 0

    // @usableFromInline so that looking at a datagram is a load, not a call, in the packet loop's module.
    @usableFromInline let arena: UnsafeMutableRawPointer
    @usableFromInline let lengths: UnsafeMutablePointer<Int>
    private let messages: UnsafeMutablePointer<clinux_mmsghdr>
    private let vectors: UnsafeMutablePointer<iovec>

    /// Makes the arena: `slots` times `slotSize` bytes (65,536 holds any IPv4 datagram).
    public init(slots: Int = 64, slotSize: Int = 65536) {
        let slots = max(1, slots)
        let size = max(1, slotSize)
        self.slots = slots
        self.slotSize = size
        // Slots start on cache lines.
        stride = (size + 63) & ~63
        // Not cleared: only what the kernel has written is ever shown, and pages no datagram reaches are never used.
        unsafe arena = .allocate(byteCount: stride * slots, alignment: 64)
        unsafe lengths = .allocate(capacity: slots)
        unsafe lengths.initialize(repeating: 0, count: slots)
        unsafe vectors = .allocate(capacity: slots)
        unsafe messages = .allocate(capacity: slots)
        for index in 0..<slots {
            let start = unsafe arena + index * stride
            unsafe (vectors + index).initialize(to: iovec(iov_base: start, iov_len: size))
            var message = unsafe clinux_mmsghdr()
            unsafe message.msg_hdr.msg_iov = vectors + index
            unsafe message.msg_hdr.msg_iovlen = 1
            unsafe (messages + index).initialize(to: message)
        }
    }

    @usableFromInline let stride: Int

    deinit {
        unsafe arena.deallocate()
        unsafe lengths.deallocate()
        unsafe vectors.deallocate()
        unsafe messages.deallocate()
    }

    /// The length of a datagram on the wire; over ``slotSize`` where it was cut off.
    @inlinable public func length(_ index: Int) -> Int {
        unsafe lengths[index]
    }

    /// A datagram's bytes, as far as they fit. Valid until the next call fills the batch, and while it lives.
    @inlinable @unsafe public func bytes(_ index: Int) -> UnsafeMutableRawBufferPointer {
        let start = unsafe arena + index * stride
        return unsafe UnsafeMutableRawBufferPointer(start: start, count: min(lengths[index], slotSize))
    }

    /// MSG_TRUNC makes the kernel tell the whole length of what it cuts off.
    mutating func fill(from fd: Int32) throws(SyscallError) -> Int {
        count = 0
        while true {
            let flags = Int32(MSG_DONTWAIT) | Int32(MSG_TRUNC)
            let received = unsafe clinux_recvmmsg(fd, messages, UInt32(slots), flags)
            if received >= 0 {
                for index in 0..<Int(received) { unsafe lengths[index] = Int(messages[index].msg_len) }
                count = Int(received)
                return count
            }
            let code = errno
            if code == EINTR { continue }
            if code == EAGAIN { return 0 }
            throw SyscallError(operation: "recvmmsg", object: "raw socket", code: code)
        }
    }
}
