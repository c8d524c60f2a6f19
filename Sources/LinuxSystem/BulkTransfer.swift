// Sending and receiving in bulk: a caller's own buffers, no allocation, one system call where ordinary use has two.

internal import Glibc

extension InetSocket {
    /// Makes sending and receiving wait in the call itself, without asking for readiness first.
    ///
    /// - Parameter timeoutMilliseconds: after which a call that could do nothing returns, at least 1.
    public func setBlocking(timeoutMilliseconds: Int32) throws(SyscallError) {
        let milliseconds = Int(max(1, timeoutMilliseconds))
        var time = timeval(tv_sec: milliseconds / 1000, tv_usec: milliseconds % 1000 * 1000)
        for (option, name) in [(SO_RCVTIMEO, "SO_RCVTIMEO"), (SO_SNDTIMEO, "SO_SNDTIMEO")] {
            try syscall("setsockopt", on: name) {
                unsafe setsockopt(
                    descriptor.rawValue, SOL_SOCKET, option, &time, socklen_t(MemoryLayout<timeval>.size))
            }
        }
        let flags = try syscall("fcntl F_GETFL") { fcntl(descriptor.rawValue, F_GETFL) }
        try syscall("fcntl F_SETFL") { fcntl(descriptor.rawValue, F_SETFL, flags & ~O_NONBLOCK) }
    }

    /// Sends on a connected socket: one datagram, or as much of a stream as there is room for.
    ///
    /// - Returns: how many bytes were taken; 0 where there was no room, or none in time.
    public func send(_ bytes: UnsafeRawBufferPointer) throws(SyscallError) -> Int {
        while true {
            let count = unsafe Glibc.send(
                descriptor.rawValue, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            if count >= 0 { return count }
            let code = errno
            if code == EINTR { continue }
            if code == EAGAIN || code == ENOBUFS { return 0 }
            throw SyscallError(operation: "send", code: code)
        }
    }

    /// Receives one datagram or a piece of a stream.
    ///
    /// - Returns: how many bytes came, 0 at a stream's end; nil where there was nothing, or nothing in time.
    public func receive(into buffer: UnsafeMutableRawBufferPointer) throws(SyscallError) -> Int? {
        while true {
            let count = unsafe recv(descriptor.rawValue, buffer.baseAddress, buffer.count, 0)
            if count >= 0 { return count }
            let code = errno
            if code == EINTR { continue }
            if code == EAGAIN { return nil }
            throw SyscallError(operation: "recv", code: code)
        }
    }

    /// Takes as many datagrams as are there and fit into the batch, replacing what it held.
    ///
    /// - Returns: how many; 0 where there is none now.
    public func receive(into batch: inout ReceiveBatch) throws(SyscallError) -> Int {
        try batch.fill(from: descriptor.rawValue)
    }
}
