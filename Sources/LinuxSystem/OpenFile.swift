// Opening paths and duplicating numbers: always closed on exec.

internal import Glibc

extension Descriptor {
    /// Opens a path; `O_CLOEXEC` is added.
    static func open(_ path: String, _ flags: Int32, mode: UInt32 = 0) throws(SyscallError) -> Descriptor {
        Descriptor(owning: try syscall("open", on: path) { unsafe Glibc.open(path, flags | O_CLOEXEC, mode) })
    }

    /// A second number for an open file, above the three standard ones.
    static func duplicate(of number: Int32) throws(SyscallError) -> Descriptor {
        Descriptor(owning: try syscall("fcntl F_DUPFD_CLOEXEC") { fcntl(number, F_DUPFD_CLOEXEC, 3) })
    }
}
