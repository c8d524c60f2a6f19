// The few error numbers that the control side treats on their own.

internal import Glibc
internal import LinuxSystem
internal import Rtnetlink

extension SyscallError {
    static let noSuchDevice = ENODEV
    static let exists = EEXIST
    static let notPermitted = EPERM
    /// What rtnetlink answers for a driver that it does not have.
    static let notSupported = EOPNOTSUPP
}

extension NetlinkError {
    /// Whether the caller lacks the right.
    var meansNotPermitted: Bool { kind == .refused && code == EPERM }

    /// Whether a removal failed because somebody else was faster.
    var meansAlreadyGone: Bool { kind == .refused && (code == ESRCH || code == ENODEV) }
}
