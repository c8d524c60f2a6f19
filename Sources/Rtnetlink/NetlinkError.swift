// One failure of netlink: what was asked, of which object, and the kernel's reason in its own words.

internal import Glibc
internal import LinuxSystem

/// A request that the kernel refused, or an answer that cannot be relied on.
public struct NetlinkError: Error, Hashable, Sendable {
    /// What kind of failure it is; only ``refused`` says something about the object itself.
    public enum Kind: Hashable, Sendable {
        /// The kernel answered with an error number.
        case refused
        /// A dump changed under the reader each time it was tried (`NLM_F_DUMP_INTR`).
        case interrupted
        /// Messages were lost (`ENOBUFS`, or an acknowledgement that never came).
        case overrun
        /// The answer is not a message of the expected form.
        case malformed
    }

    /// The kind of failure.
    public var kind: Kind
    /// The kernel's error number, positive.
    public var code: Int32
    /// The kernel's extended acknowledgement, empty where it gave none.
    public var message: String
    /// Where in the request the refused attribute stands, in bytes from its `nlmsghdr`, where the kernel said so.
    public var offset: Int?
    /// What was asked: `add route`, `list links`.
    public var operation: String
    /// What it was asked of: `route 10.1.2.0/24 dev tunl0`.
    public var object: String

    /// Records a failure.
    public init(
        kind: Kind = .refused, code: Int32, message: String = "", offset: Int? = nil,
        operation: String, object: String = ""
    ) {
        self.kind = kind
        self.code = code
        self.message = message
        self.offset = offset
        self.operation = operation
        self.object = object
    }

    /// Whether what is known of the kernel's state is in doubt, so that it must be read anew.
    public var needsResync: Bool { kind != .refused }

    /// Whether this kernel, as it is built and loaded, has no such part, group or request.
    public var meansUnsupported: Bool {
        kind == .refused && [EPROTONOSUPPORT, EAFNOSUPPORT, EINVAL, EOPNOTSUPP].contains(code)
    }

    /// The kernel's own words for the error number.
    public var reason: String { SyscallError(operation: operation, code: code).reason }
}

extension NetlinkError: CustomStringConvertible {
    public var description: String {
        let subject = object.isEmpty ? operation : object
        let suffix = object.isEmpty ? "" : " (\(operation))"
        switch kind {
        case .refused:
            return "\(subject): \(reason)\(message.isEmpty ? "" : ": \(message)")\(suffix)"
        case .interrupted:
            return "\(subject): changed while it was read\(suffix)"
        case .overrun:
            // Where it was not the kernel that ran out of room, its reason says more.
            let cause = code == ENOBUFS ? "" : ": \(reason)"
            return "\(subject): netlink messages were lost\(cause)\(suffix)"
        case .malformed:
            return "\(subject): netlink message not understood\(suffix)"
        }
    }
}
