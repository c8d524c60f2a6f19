// Local sockets at a path: the agent's status socket, the one for its successor, and their clients.

internal import CLinux
internal import Glibc

/// Making and connecting sockets at a path.
public enum UnixSocket {
    /// What a connection carries.
    public enum Kind: Sendable {
        /// Bytes.
        case stream
        /// Messages; see ``MessageSocket``.
        case messages

        var type: __socket_type { self == .stream ? SOCK_STREAM : SOCK_SEQPACKET }
    }

    /// The longest path in bytes: `sun_path` has 108 and a zero ends it.
    public static let maximumPathLength = 107

    /// Connects to a listener; the descriptor is non-blocking, for ``Descriptor/readAll(limit:timeoutMilliseconds:)``
    /// and its companion.
    ///
    /// - Throws: `ENAMETOOLONG` for a path that does not fit, `ENOENT` or `ECONNREFUSED` where nobody listens,
    ///   `EAGAIN` where the listener's queue is full.
    public static func connect(_ path: String, kind: Kind = .stream) throws(SyscallError) -> Descriptor {
        var address = try address(of: path)
        let descriptor = try Descriptor.socket(AF_UNIX, kind.type, nonBlocking: true)
        let number = descriptor.rawValue
        try syscall("connect", on: path) {
            unsafe withSockaddr(&address) { unsafe Glibc.connect(number, $0, $1) }
        }
        return descriptor
    }

    static func address(of path: String) throws(SyscallError) -> sockaddr_un {
        let bytes = Array(path.utf8)
        guard !bytes.isEmpty, !bytes.contains(0) else {
            throw SyscallError(operation: "bind", object: path, code: EINVAL)
        }
        guard bytes.count <= maximumPathLength else {
            throw SyscallError(operation: "socket path over 107 bytes", object: path, code: ENAMETOOLONG)
        }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        return address
    }
}

/// A listening socket at a path: non-blocking, closed on exec.
public struct UnixListener: ~Copyable, Sendable {
    /// Readable while a client waits to be accepted.
    public let descriptor: Descriptor
    /// Where it listens.
    public let path: String

    private static let backlog: Int32 = 64

    /// Listens at a path.
    ///
    /// A socket that a dead process left there is removed. The path stays when the listener is closed; see
    /// ``removePath()``.
    ///
    /// - Parameter mode: who may connect; the usual one lets owner and group.
    /// - Throws: `EADDRINUSE` where a living process listens there, `EEXIST` where the path is not a socket,
    ///   `ENAMETOOLONG` for a path over 107 bytes.
    public init(path: String, kind: UnixSocket.Kind = .stream, mode: UInt32 = 0o660) throws(SyscallError) {
        var address = try UnixSocket.address(of: path)
        try Self.removeStale(path, kind)
        let socket = try Descriptor.socket(AF_UNIX, kind.type, nonBlocking: true)
        let number = socket.rawValue
        // The new file takes its mode from the socket, less the umask: never wider than wanted, not for a moment.
        try syscall("fchmod", on: path) { fchmod(number, mode) }
        try syscall("bind", on: path) { unsafe withSockaddr(&address) { unsafe Glibc.bind(number, $0, $1) } }
        try syscall("chmod", on: path) { unsafe chmod(path, mode) }
        try syscall("listen", on: path) { listen(number, Self.backlog) }
        descriptor = socket
        self.path = path
    }

    /// Takes over a listener that another process has made at this path and passed on, with the clients that wait.
    ///
    /// - Throws: `EINVAL` where it is no listener.
    public init(adopting descriptor: consuming Descriptor, path: String) throws(SyscallError) {
        // Again, so that clients see this process at the other end.
        let number = descriptor.rawValue
        try syscall("listen", on: path) { listen(number, Self.backlog) }
        self.descriptor = descriptor
        self.path = path
    }

    /// Takes the next waiting client; nil where there is none. The descriptor is non-blocking.
    public func accept() throws(SyscallError) -> Descriptor? {
        while true {
            let number = clinux_accept(descriptor.rawValue)
            if number >= 0 { return Descriptor(owning: number) }
            let code = errno
            // A client that went away again before it was accepted is no reason to stop.
            if code == EINTR || code == ECONNABORTED { continue }
            if code == EAGAIN { return nil }
            throw SyscallError(operation: "accept", object: path, code: code)
        }
    }

    /// Takes the path away; new clients then find nobody.
    public func removePath() throws(SyscallError) {
        try Directory.removeFile(path)
    }

    private static func removeStale(_ path: String, _ kind: UnixSocket.Kind) throws(SyscallError) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw SyscallError(operation: "bind", object: path, code: EEXIST)
        }
        do throws(SyscallError) {
            _ = try UnixSocket.connect(path, kind: kind)
        } catch {
            // Only a refusal proves that nobody listens; a full queue, say, is a living process.
            if error.code == ECONNREFUSED { try Directory.removeFile(path) }
            if error.code == ECONNREFUSED || error.code == ENOENT { return }
            if error.code != EAGAIN { throw error }
        }
        throw SyscallError(operation: "bind", object: path, code: EADDRINUSE)
    }
}

extension SyscallError {
    /// Whether a connection failed because nobody listens at the path, or nothing is there.
    public var meansNobodyListens: Bool { code == ECONNREFUSED || code == ENOENT }
}
