// Directories: made with their parents, and listed in a stable order.

internal import Glibc

/// Making and listing directories.
public enum Directory {
    /// Makes a directory and the missing ones above it; one that exists is fine and keeps its mode.
    public static func create(_ path: String, mode: UInt32 = 0o755) throws(SyscallError) {
        var current = path.hasPrefix("/") ? "/" : ""
        for component in path.split(separator: "/") {
            current += (current.isEmpty || current == "/" ? "" : "/") + component
            if unsafe mkdir(current, mode) == 0 { continue }
            let code = errno
            var status = stat()
            let isDirectory = unsafe stat(current, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
            if code == EEXIST && !isDirectory { throw SyscallError(operation: "mkdir", object: current, code: ENOTDIR) }
            if !isDirectory { throw SyscallError(operation: "mkdir", object: current, code: code) }
        }
    }

    /// The names in a directory without `.` and `..`, sorted; names that are not UTF-8 are repaired.
    public static func list(_ path: String) throws(SyscallError) -> [String] {
        guard let stream = unsafe opendir(path) else {
            throw SyscallError(operation: "opendir", object: path, code: errno)
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = unsafe readdir(stream) else { break }
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        if errno != 0 { throw SyscallError(operation: "readdir", object: path, code: errno) }
        return names.sorted()
    }

    /// Deletes a file (not a directory).
    ///
    /// - Returns: false where there was none.
    @discardableResult
    public static func removeFile(_ path: String) throws(SyscallError) -> Bool {
        if unsafe unlink(path) == 0 { return true }
        let code = errno
        if code == ENOENT { return false }
        throw SyscallError(operation: "unlink", object: path, code: code)
    }
}
