// Waiting for one descriptor, and whole reads and writes under one deadline.

internal import CLinux
internal import Glibc

extension Descriptor {
    /// Waits until the descriptor can be read, or has hung up.
    ///
    /// - Parameter timeoutMilliseconds: below 0 waits for ever, 0 only asks.
    /// - Returns: false where the time ran out.
    public borrowing func waitReadable(timeoutMilliseconds: Int32) throws(SyscallError) -> Bool {
        try wait(for: Int16(POLLIN), until: Deadline(milliseconds: timeoutMilliseconds))
    }

    /// Waits until the descriptor can be written, or has hung up.
    ///
    /// - Parameter timeoutMilliseconds: below 0 waits for ever, 0 only asks.
    /// - Returns: false where the time ran out.
    public borrowing func waitWritable(timeoutMilliseconds: Int32) throws(SyscallError) -> Bool {
        try wait(for: Int16(POLLOUT), until: Deadline(milliseconds: timeoutMilliseconds))
    }

    /// Reads a socket to its end.
    ///
    /// - Parameters:
    ///   - limit: the most bytes to accept; one more is `EMSGSIZE`.
    ///   - timeoutMilliseconds: for the whole of it, so that a peer that drips bytes cannot hold the caller;
    ///     `ETIMEDOUT` when it has passed.
    public borrowing func readAll(limit: Int, timeoutMilliseconds: Int32) throws(SyscallError) -> [UInt8] {
        let deadline = Deadline(milliseconds: timeoutMilliseconds)
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16384)
        while true {
            guard try wait(for: Int16(POLLIN), until: deadline) else {
                throw SyscallError(operation: "recv", code: ETIMEDOUT)
            }
            let count = unsafe recv(rawValue, &chunk, chunk.count, Int32(MSG_DONTWAIT))
            if count == 0 { return content }
            if count < 0 {
                let code = errno
                if code == EINTR || code == EAGAIN { continue }
                throw SyscallError(operation: "recv", code: code)
            }
            guard content.count + count <= limit else { throw SyscallError(operation: "recv", code: EMSGSIZE) }
            content.append(contentsOf: chunk[..<count])
        }
    }

    /// Writes all bytes to a socket; a peer that went away is `EPIPE`, never a signal.
    ///
    /// - Parameter timeoutMilliseconds: for the whole of it; `ETIMEDOUT` when it has passed.
    public borrowing func writeAll(_ bytes: [UInt8], timeoutMilliseconds: Int32) throws(SyscallError) {
        let deadline = Deadline(milliseconds: timeoutMilliseconds)
        let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)
        var position = 0
        while position < bytes.count {
            guard try wait(for: Int16(POLLOUT), until: deadline) else {
                throw SyscallError(operation: "send", code: ETIMEDOUT)
            }
            let count = unsafe bytes.withUnsafeBytes { all in
                unsafe send(rawValue, all.baseAddress?.advanced(by: position), all.count - position, flags)
            }
            if count < 0 {
                let code = errno
                if code == EINTR || code == EAGAIN { continue }
                throw SyscallError(operation: "send", code: code)
            }
            position += count
        }
    }

    borrowing func wait(for events: Int16, until deadline: Deadline) throws(SyscallError) -> Bool {
        var entry = pollfd(fd: rawValue, events: events, revents: 0)
        while true {
            let result = unsafe poll(&entry, 1, deadline.remainingMilliseconds)
            if result > 0 { return true }
            if result == 0 { return false }
            let code = errno
            if code != EINTR { throw SyscallError(operation: "poll", code: code) }
        }
    }
}
