// An open netlink socket and its receive buffer; it never blocks: the kernel answers a request before the send returns.

internal import CMnl
internal import Glibc

/// The socket under ``NetlinkSocket`` and ``NetlinkMonitor``.
@safe
package struct Endpoint: ~Copyable, @unchecked Sendable {
    /// Larger than the 32 KB that the kernel puts in one datagram of a dump.
    static let receiveBytes = 65536

    private let socket: OpaquePointer
    private let buffer: UnsafeMutableRawBufferPointer

    /// Opens a socket in the calling thread's network namespace.
    ///
    /// - Parameter family: which part of the kernel is at its other end (`NETLINK_*`).
    package init(_ family: Int32 = NETLINK_ROUTE) throws(NetlinkError) {
        guard let opened = unsafe mnl_socket_open2(family, Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue))
        else { throw NetlinkError(code: errno, operation: "open netlink socket") }
        guard unsafe mnl_socket_bind(opened, 0, pid_t(MNL_SOCKET_AUTOPID)) == 0 else {
            let code = errno
            unsafe mnl_socket_close(opened)
            throw NetlinkError(code: code, operation: "bind netlink socket")
        }
        unsafe socket = opened
        unsafe buffer = .allocate(byteCount: Self.receiveBytes, alignment: 16)
    }

    deinit {
        unsafe mnl_socket_close(socket)
        unsafe buffer.deallocate()
    }

    var fileDescriptor: Int32 { unsafe mnl_socket_get_fd(socket) }
    package var portID: UInt32 { unsafe mnl_socket_get_portid(socket) }

    /// Sets an option of level `SOL_NETLINK`; false where the kernel does not know it.
    @discardableResult
    func setOption(_ option: Int32, _ value: Int32 = 1) -> Bool {
        var value = value
        return unsafe mnl_socket_setsockopt(socket, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0
    }

    /// Asks for a receive buffer, past the system's limit where that is allowed.
    ///
    /// - Returns: what the kernel gave, in its own counting, which includes its overhead.
    @discardableResult
    func setReceiveBuffer(_ bytes: Int) -> Int {
        var value = Int32(clamping: bytes)
        var size = socklen_t(MemoryLayout<Int32>.size)
        if unsafe setsockopt(fileDescriptor, SOL_SOCKET, SO_RCVBUFFORCE, &value, size) != 0 {
            _ = unsafe setsockopt(fileDescriptor, SOL_SOCKET, SO_RCVBUF, &value, size)
        }
        _ = unsafe getsockopt(fileDescriptor, SOL_SOCKET, SO_RCVBUF, &value, &size)
        return Int(value)
    }

    /// Asks for room for one datagram of `bytes`, past the system's limit where that is allowed.
    package func setSendBuffer(_ bytes: Int) {
        var value = Int32(clamping: bytes)
        let size = socklen_t(MemoryLayout<Int32>.size)
        if unsafe setsockopt(fileDescriptor, SOL_SOCKET, SO_SNDBUFFORCE, &value, size) != 0 {
            _ = unsafe setsockopt(fileDescriptor, SOL_SOCKET, SO_SNDBUF, &value, size)
        }
    }

    /// Sends one datagram to the kernel.
    ///
    /// - Returns: 0, or the error number.
    package func send(_ bytes: UnsafeRawBufferPointer) -> Int32 {
        while true {
            if unsafe mnl_socket_sendto(socket, bytes.baseAddress, bytes.count) >= 0 { return 0 }
            let code = errno
            if code != EINTR { return code }
        }
    }

    /// What a receive can come to.
    package enum Arrival {
        case datagram(Messages)
        case empty
        /// `ENOBUFS`: the kernel dropped messages, or a datagram was larger than the buffer.
        case overrun
        case failed(Int32)
    }

    /// Takes the next datagram; the messages are valid until the next call.
    package mutating func receive() -> Arrival {
        while true {
            let count = unsafe mnl_socket_recvfrom(socket, buffer.baseAddress, buffer.count)
            if count >= 0 { return unsafe .datagram(Messages(UnsafeRawBufferPointer(rebasing: buffer[..<count]))) }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .empty
            case ENOBUFS, ENOSPC: return .overrun
            case let code: return .failed(code)
            }
        }
    }

    /// Reads a listing that failed in its middle to its end, unseen: half read, it would make the next one `EBUSY`.
    mutating func discardWaiting() {
        while case .datagram = receive() {}
    }
}
