// Standard input read to its end; standard output and error written whole and at once, so that nothing is held back or cut by a crash.

internal import Glibc

/// One of the process's two standard streams for writing.
public enum StandardStream: Int32, Sendable {
    case output = 1
    case error = 2

    /// Whether a person sits at it.
    public var isTerminal: Bool { File.isTerminal(rawValue) }

    /// Writes all bytes; waits where the reader is slow and the stream is non-blocking.
    ///
    /// - Throws: `EPIPE`, `EIO`, `ENOSPC`, … with what was written so far already out.
    public func write(_ bytes: [UInt8]) throws(SyscallError) {
        var position = 0
        while position < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { all in
                unsafe Glibc.write(rawValue, all.baseAddress?.advanced(by: position), all.count - position)
            }
            let code = errno
            if count >= 0 {
                position += count
            } else if code == EAGAIN {
                var entry = pollfd(fd: rawValue, events: Int16(POLLOUT), revents: 0)
                _ = unsafe poll(&entry, 1, -1)
            } else if code != EINTR {
                throw SyscallError(operation: "write", object: "standard \(self)", code: code)
            }
        }
    }

    /// Writes text.
    public func write(_ text: String) throws(SyscallError) {
        try write(Array(text.utf8))
    }
}

/// The process's standard input.
public enum StandardInput {
    /// Reads everything to the end; nil where that is more than `limit` bytes.
    public static func read(limit: Int) throws(SyscallError) -> [UInt8]? {
        try TextFile.content(ofNumber: 0, "standard input", limit: limit)
    }
}
