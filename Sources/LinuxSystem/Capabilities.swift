// What a thread may do beyond an ordinary user's rights, read and given up: capabilities belong to threads (capabilities(7)).

internal import CLinux
internal import Glibc

/// The capabilities of one thread.
public struct Capabilities: Hashable, Sendable {
    /// Capabilities by their numbers in `linux/capability.h`.
    public struct Mask: OptionSet, Hashable, Sendable {
        public let rawValue: UInt64
        public init(rawValue: UInt64) { self.rawValue = rawValue }

        public static let setPCap = Mask(rawValue: 1 << 8)
        public static let netAdmin = Mask(rawValue: 1 << 12)
        public static let netRaw = Mask(rawValue: 1 << 13)
        public static let perfmon = Mask(rawValue: 1 << 38)
        public static let bpf = Mask(rawValue: 1 << 39)
    }

    public var effective: Mask
    public var permitted: Mask
    public var inheritable: Mask

    /// Those of the calling thread.
    public static func current() throws(SyscallError) -> Capabilities {
        var (effective, permitted, inheritable) = (UInt64(0), UInt64(0), UInt64(0))
        try syscall("capget") { unsafe clinux_get_capabilities(&effective, &permitted, &inheritable) }
        return Capabilities(
            effective: Mask(rawValue: effective), permitted: Mask(rawValue: permitted),
            inheritable: Mask(rawValue: inheritable))
    }

    /// Gives up, for the calling thread and those that it starts from now on, all but `kept`; what it does not have
    /// it does not get. Nor will a program that it executes have more: the bounding set shrinks where CAP_SETPCAP
    /// allows that, and ambient and inheritable sets become empty.
    public static func reduce(to kept: Mask) throws(SyscallError) {
        let now = try current()
        if now.effective.contains(.setPCap) {
            for number in 0..<Int32(64) where !kept.contains(Mask(rawValue: 1 << UInt64(number))) {
                // The kernel knows fewer: the first that it does not know is EINVAL.
                if clinux_drop_from_bounding_set(number) == -1 { break }
            }
        }
        try syscall("prctl", on: "PR_CAP_AMBIENT") { clinux_clear_ambient_capabilities() }
        let rest = now.permitted.intersection(kept).rawValue
        try syscall("capset") { clinux_set_capabilities(rest, rest, 0) }
    }

    /// Gives up everything for the calling thread, for good: it can neither open what is protected nor get any of it
    /// back by executing a program. What is open stays usable.
    public static func dropAll() throws(SyscallError) {
        try syscall("prctl", on: "PR_SET_NO_NEW_PRIVS") { clinux_set_no_new_privileges() }
        try reduce(to: [])
    }
}
