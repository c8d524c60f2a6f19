// A file descriptor with one owner: closed exactly once, by whoever holds the value last.

internal import Glibc

/// An owned file descriptor.
public struct Descriptor: ~Copyable, Sendable {
    /// The number; valid for as long as this value lives.
    public let rawValue: Int32

    /// Takes ownership of an open descriptor.
    public init(owning rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// Gives the number away; the caller closes it.
    public consuming func release() -> Int32 {
        let number = rawValue
        discard self
        return number
    }

    deinit {
        // Never retried: on Linux the descriptor is gone even after EINTR.
        _ = close(rawValue)
    }
}

/// Runs a system call until it is not interrupted, and turns -1 into an error.
///
/// - Throws: ``SyscallError`` with the call's `errno`.
@discardableResult
public func syscall<Result: SignedInteger>(
    _ operation: String, on object: @autoclosure () -> String = "", _ body: () -> Result
) throws(SyscallError) -> Result {
    while true {
        let result = body()
        if result != -1 { return result }
        let code = errno
        if code == EINTR { continue }
        throw SyscallError(operation: operation, object: object(), code: code)
    }
}
