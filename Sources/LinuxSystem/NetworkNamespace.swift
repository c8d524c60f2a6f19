// Network namespaces by name, laid out like iproute2's, so that `ip netns` sees ours and we see its.

internal import CLinux
internal import Glibc

/// Named network namespaces, and running code inside one.
///
/// A namespace belongs to a thread. Nothing here changes the namespace of the calling thread but ``enter(_:)``.
public enum NetworkNamespace {
    /// Where the names are: each a file with a namespace mounted on it.
    public static let directory = "/run/netns"

    /// Makes a namespace with a name, as `ip netns add` does; its loopback device is down.
    ///
    /// - Throws: `EEXIST` where the name is taken.
    public static func create(_ name: String) throws(SyscallError) {
        let path = try path(of: name)
        try prepareDirectory()
        // The mount point: an empty file that nobody can open for anything.
        _ = try Descriptor.open(path, O_RDONLY | O_CREAT | O_EXCL)
        do {
            try SystemThread.throwaway(name: "netns") {
                try syscall("unshare CLONE_NEWNET") { clinux_unshare_network() }
                try syscall("mount", on: path) {
                    unsafe mount("/proc/thread-self/ns/net", path, "none", UInt(MS_BIND), nil)
                }
            }
        } catch {
            _ = unsafe unlink(path)
            throw error as? SyscallError ?? SyscallError(operation: "unshare", object: name, code: EIO)
        }
    }

    /// Opens a namespace by name; it lives at least as long as the descriptor.
    public static func open(_ name: String) throws(SyscallError) -> Descriptor {
        let path = try path(of: name)
        return try Descriptor.open(path, O_RDONLY)
    }

    /// Opens the namespace of the calling thread.
    public static func openCurrent() throws(SyscallError) -> Descriptor {
        try Descriptor.open("/proc/thread-self/ns/net", O_RDONLY)
    }

    /// Takes the name away, as `ip netns delete` does; the namespace ends when nothing uses it any more.
    ///
    /// - Throws: `ENOENT` where there is no such name.
    public static func delete(_ name: String) throws(SyscallError) {
        let path = try path(of: name)
        if unsafe umount2(path, Int32(MNT_DETACH)) == -1 {
            let code = errno
            // EINVAL: a name left over with nothing mounted on it, which only has to be unlinked.
            if code != EINVAL { throw SyscallError(operation: "umount", object: path, code: code) }
        }
        try syscall("unlink", on: path) { unsafe unlink(path) }
    }

    /// The names there are, sorted.
    public static func list() throws(SyscallError) -> [String] {
        do throws(SyscallError) {
            return try Directory.list(directory)
        } catch {
            if error.code == ENOENT { return [] }
            throw error
        }
    }

    /// Moves the calling thread into a namespace for good: only for a thread that the caller owns.
    public static func enter(_ namespace: borrowing Descriptor) throws(SyscallError) {
        let number = namespace.rawValue
        try syscall("setns") { clinux_enter_network(number) }
    }

    /// Runs a body on a fresh thread inside a namespace and waits for its result.
    ///
    /// Sockets and devices that the body opens stay in that namespace and can be handed back.
    public static func run<T: ~Copyable & Sendable>(
        in namespace: borrowing Descriptor, _ body: @Sendable () throws -> T
    ) throws -> T {
        let number = namespace.rawValue
        return try SystemThread.throwaway(name: "netns") {
            try syscall("setns") { clinux_enter_network(number) }
            return try body()
        }
    }

    /// Runs a body on a fresh thread inside the namespace of this name and waits for its result.
    public static func run<T: ~Copyable & Sendable>(
        in name: String, _ body: @Sendable () throws -> T
    ) throws -> T {
        let namespace = try open(name)
        return try run(in: namespace, body)
    }

    /// Which namespace a descriptor is of: two descriptors of the same one have equal numbers.
    public static func identity(of namespace: borrowing Descriptor) throws(SyscallError) -> UInt64 {
        var status = stat()
        let number = namespace.rawValue
        try syscall("fstat") { unsafe fstat(number, &status) }
        return UInt64(status.st_ino)
    }

    private static func path(of name: String) throws(SyscallError) -> String {
        let valid = !name.isEmpty && name != "." && name != ".." && name.utf8.count <= 255 && !name.contains("/")
        guard valid else { throw SyscallError(operation: "netns", object: name, code: EINVAL) }
        return "\(directory)/\(name)"
    }

    /// Makes the directory a shared mount: a name that is deleted must disappear in all mount namespaces that copied
    /// it, or the namespace would live on in them.
    private static func prepareDirectory() throws(SyscallError) {
        try Directory.create(directory)
        // Two at once would mount twice, and the upper mount hides the lower one's names; `ip` takes the same lock.
        let lock = try Descriptor.open(directory, O_RDONLY | O_DIRECTORY)
        let number = lock.rawValue
        try syscall("flock", on: directory) { flock(number, LOCK_EX) }
        let shared = UInt(MS_SHARED | MS_REC)
        if unsafe mount("", directory, "none", shared, nil) == 0 { return }
        let code = errno
        // EINVAL: not a mount point yet.
        guard code == EINVAL else { throw SyscallError(operation: "mount", object: directory, code: code) }
        try syscall("mount", on: directory) {
            unsafe mount(directory, directory, "none", UInt(MS_BIND | MS_REC), nil)
        }
        try syscall("mount", on: directory) { unsafe mount("", directory, "none", shared, nil) }
    }
}
