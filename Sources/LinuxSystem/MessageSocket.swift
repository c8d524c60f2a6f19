// Messages between two processes of one host, with open files in them.

internal import CLinux
internal import Glibc

/// A message as it came, with the descriptors that were in it.
public struct ReceivedMessage: ~Copyable, Sendable {
    public let bytes: [UInt8]
    private let descriptors: DescriptorList

    fileprivate init(bytes: [UInt8], descriptors: consuming DescriptorList) {
        self.bytes = bytes
        self.descriptors = descriptors
    }

    /// Gives the descriptors away.
    public consuming func takeDescriptors() -> DescriptorList { descriptors }
}

/// Who made the other end of a local connection, as the kernel noted it then.
public struct PeerCredentials: Hashable, Sendable {
    public let process: Int32
    public let user: UInt32

    /// Whether that is the superuser or the user of this process.
    public var isTrusted: Bool { user == 0 || user == geteuid() }
}

/// A connected local socket that keeps the bounds of messages (`SOCK_SEQPACKET`); non-blocking below, so that each
/// wait has a bound.
public struct MessageSocket: ~Copyable, Sendable {
    /// The longest message in bytes.
    public static let maximumLength = 4096

    /// Readable while there is a message, and when the other side is gone.
    public let descriptor: Descriptor

    /// Takes ownership of a client of a ``UnixListener`` for messages.
    public init(_ descriptor: consuming Descriptor) {
        self.descriptor = descriptor
    }

    /// Connects to a listener at a path.
    ///
    /// - Throws: as ``UnixSocket/connect(_:)``.
    public static func connect(_ path: String) throws(SyscallError) -> MessageSocket {
        MessageSocket(try UnixSocket.connect(path, kind: .messages))
    }

    /// The process at the other end.
    public func peer() throws(SyscallError) -> PeerCredentials {
        var (process, user) = (pid_t(0), uid_t(0))
        try syscall("getsockopt", on: "SO_PEERCRED") {
            unsafe clinux_peer_credentials(descriptor.rawValue, &process, &user)
        }
        return PeerCredentials(process: process, user: user)
    }

    /// Sends one message; the descriptors stay the caller's too.
    ///
    /// - Throws: `EPIPE` where the other side is gone, `EAGAIN` where it takes nothing in.
    public func send(_ bytes: [UInt8], with descriptors: borrowing DescriptorList) throws(SyscallError) {
        let numbers = descriptors.numbers
        try syscall("sendmsg") {
            unsafe clinux_send_descriptors(
                descriptor.rawValue, bytes, bytes.count, numbers, Int32(clamping: numbers.count))
        }
    }

    /// Sends one message without descriptors.
    public func send(_ bytes: [UInt8]) throws(SyscallError) {
        try send(bytes, with: DescriptorList())
    }

    /// Waits for one message; nil where the other side is gone.
    ///
    /// - Throws: `ETIMEDOUT` when the time has passed, `EMSGSIZE` where message or descriptors are more than fit. What
    ///   had come of them is closed.
    public func receive(timeoutMilliseconds: Int32) throws(SyscallError) -> ReceivedMessage? {
        let deadline = Deadline(milliseconds: timeoutMilliseconds)
        var bytes = [UInt8](repeating: 0, count: Self.maximumLength)
        var numbers = [Int32](repeating: -1, count: Int(CLINUX_MOST_DESCRIPTORS))
        var (count, truncated) = (Int32(0), Int32(0))
        while try descriptor.wait(for: Int16(POLLIN), until: deadline) {
            let length = unsafe clinux_receive_descriptors(
                descriptor.rawValue, &bytes, bytes.count, &numbers, &count, &truncated)
            if length < 0 {
                let code = errno
                // ECONNRESET is said once, by another side that ended without reading all; what it sent before is still
                // there, and then the end.
                if code == EINTR || code == EAGAIN || code == ECONNRESET { continue }
                throw SyscallError(operation: "recvmsg", code: code)
            }
            let descriptors = DescriptorList(owning: Array(numbers[..<Int(count)]))
            guard truncated == 0 else { throw SyscallError(operation: "recvmsg", code: EMSGSIZE) }
            if length == 0 { return nil }
            return ReceivedMessage(bytes: Array(bytes[..<length]), descriptors: descriptors)
        }
        throw SyscallError(operation: "recvmsg", code: ETIMEDOUT)
    }
}
