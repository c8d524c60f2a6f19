// The one error of this room: which operation failed, on what, and the kernel's reason.

internal import Glibc

/// A system call that failed.
public struct SyscallError: Error, Hashable, Sendable {
    /// The call, as its manual page names it: `openat`, `TUNSETIFF`, `setns`.
    public let operation: String
    /// What it was called on, for a person: a path, a device, an address; empty where there is nothing to name.
    public let object: String
    /// The kernel's error number.
    public let code: Int32

    /// Records a failure.
    public init(operation: String, object: String = "", code: Int32) {
        self.operation = operation
        self.object = object
        self.code = code
    }

    /// The kernel's own words for the error number.
    public var reason: String {
        guard let text = unsafe strerror(code) else { return "error \(code)" }
        return unsafe String(cString: text)
    }
}

extension SyscallError: CustomStringConvertible {
    public var description: String {
        object.isEmpty ? "\(operation): \(reason)" : "\(object): \(reason) (\(operation))"
    }
}
