// One agent a network namespace, whatever its directories: two would take each other's routes away.

internal import CLinux
internal import Glibc

/// A lock that is seen by all processes of the same network namespace, held for as long as this value lives.
///
/// It is the abstract Unix socket `poplin`: the kernel scopes those by network namespace and frees them with their
/// holder.
public struct NamespaceLock: ~Copyable, Sendable {
    private let descriptor: Descriptor

    /// Takes the lock in the calling thread's network namespace.
    ///
    /// - Parameter waitMilliseconds: how long to wait for another holder to go; 0 tries once.
    public static func acquire(waitMilliseconds: Int32 = 0) throws(SyscallError) -> NamespaceLock {
        let deadline = Deadline(milliseconds: max(0, waitMilliseconds))
        let descriptor = try Descriptor.socket(AF_UNIX, SOCK_DGRAM, nonBlocking: true)
        let number = descriptor.rawValue
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let name = Array("\0poplin".utf8)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: name) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
        while true {
            let result = unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(number, $0, length) }
            }
            if result == 0 { return NamespaceLock(adopting: descriptor) }
            let code = errno
            guard code == EADDRINUSE else { throw SyscallError(operation: "bind", object: "@poplin", code: code) }
            if deadline.hasPassed {
                throw SyscallError(
                    operation: "bind", object: "another agent runs in this network namespace", code: code)
            }
            Monotonic.sleep(milliseconds: UInt32(min(20, deadline.remainingMilliseconds)))
        }
    }

    /// Takes over the lock of another process, from a descriptor that it has passed on: the name is the socket's, and
    /// goes when nobody has that any more.
    public init(adopting descriptor: consuming Descriptor) {
        self.descriptor = descriptor
    }

    /// Appends the lock's socket, for ``init(adopting:)`` in another process.
    public func append(copyTo list: inout DescriptorList) throws(SyscallError) {
        try list.append(copyOf: descriptor)
    }
}
