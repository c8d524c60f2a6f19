// The few error numbers that the control side treats on their own.

internal import Glibc
internal import LinuxSystem
internal import Rtnetlink

extension SyscallError {
    static let noSuchDevice = ENODEV
}

extension NetlinkError {
    /// Whether the caller lacks the right.
    var meansNotPermitted: Bool { kind == .refused && code == EPERM }

    /// Whether a removal failed because somebody else was faster.
    var meansAlreadyGone: Bool { kind == .refused && (code == ESRCH || code == ENODEV) }
}
