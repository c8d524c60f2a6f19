// One datagram sent many times over with few system calls, to load a path.

internal import CLinux
internal import Glibc

/// The same datagram many times over, for one sendmmsg on a connected socket. For one thread at a time.
@safe public struct RepeatedDatagram: ~Copyable, @unchecked Sendable {
    /// How many one call sends at most.
    public let slots: Int
    private let payload: UnsafeMutableRawBufferPointer
    private let vector: UnsafeMutablePointer<iovec>
    private let messages: UnsafeMutablePointer<clinux_mmsghdr>

    /// Makes the datagrams, each with a copy of no more than the one payload.
    public init(payload bytes: [UInt8], slots: Int = 64) {
        let slots = max(1, slots)
        self.slots = slots
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes.count), alignment: 64)
        unsafe copy.copyBytes(from: bytes)
        unsafe payload = copy
        unsafe vector = .allocate(capacity: 1)
        unsafe vector.initialize(to: iovec(iov_base: payload.baseAddress, iov_len: bytes.count))
        unsafe messages = .allocate(capacity: slots)
        for index in 0..<slots {
            var message = unsafe clinux_mmsghdr()
            unsafe message.msg_hdr.msg_iov = vector
            unsafe message.msg_hdr.msg_iovlen = 1
            unsafe (messages + index).initialize(to: message)
        }
    }

    deinit {
        unsafe payload.deallocate()
        unsafe vector.deallocate()
        unsafe messages.deallocate()
    }

    /// Sends up to `count` of them on a connected socket.
    ///
    /// - Returns: how many were taken; 0 where there was no room, or none in time.
    public borrowing func send(_ count: Int, on socket: borrowing InetSocket) throws(SyscallError) -> Int {
        while true {
            let sent = unsafe clinux_sendmmsg(
                socket.descriptor.rawValue, messages, UInt32(min(max(1, count), slots)), Int32(MSG_NOSIGNAL))
            if sent >= 0 { return Int(sent) }
            let code = errno
            if code == EINTR { continue }
            if code == EAGAIN || code == ENOBUFS { return 0 }
            throw SyscallError(operation: "sendmmsg", code: code)
        }
    }
}
