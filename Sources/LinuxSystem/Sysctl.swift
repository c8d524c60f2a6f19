// Kernel settings below /proc/sys; those below `net` are the calling thread's network namespace's.

internal import Glibc

/// Reading and writing kernel settings.
///
/// A setting is named by its path with slashes (`net/ipv4/conf/eth0.1/rp_filter`), because interface names hold dots.
/// `net/…` belongs to the network namespace of the thread that makes the call, not of the process.
public enum Sysctl {
    /// A setting's value without the surrounding white space.
    public static func read(_ name: String) throws(SyscallError) -> String {
        let descriptor = try open(name, O_RDONLY)
        let number = descriptor.rawValue
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = try syscall("read", on: path(name)) { unsafe Glibc.read(number, &buffer, buffer.count) }
        return String(decoding: buffer[..<count].trimmed(), as: UTF8.self)
    }

    /// Sets a setting.
    ///
    /// - Throws: `ENOENT` where this kernel has no such setting, `EINVAL` where it refuses the value, `EROFS` where
    ///   /proc/sys is read-only (as in many containers).
    public static func write(_ name: String, _ value: String) throws(SyscallError) {
        let descriptor = try open(name, O_WRONLY)
        let number = descriptor.rawValue
        let bytes = Array((value + "\n").utf8)
        try syscall("write", on: path(name)) { unsafe Glibc.write(number, bytes, bytes.count) }
    }

    private static func path(_ name: String) -> String { "/proc/sys/\(name)" }

    private static func open(_ name: String, _ mode: Int32) throws(SyscallError) -> Descriptor {
        // A name from a configuration must not lead out of /proc/sys.
        let components = name.split(separator: "/", omittingEmptySubsequences: false)
        guard !components.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) else {
            throw SyscallError(operation: "open", object: path(name), code: EINVAL)
        }
        return try Descriptor.open(path(name), mode)
    }
}

extension ArraySlice<UInt8> {
    fileprivate func trimmed() -> ArraySlice<UInt8> {
        let isSpace = { (byte: UInt8) in byte == 0x20 || (0x09...0x0d).contains(byte) }
        var rest = drop(while: isSpace)
        while let last = rest.last, isSpace(last) { rest.removeLast() }
        return rest
    }
}
