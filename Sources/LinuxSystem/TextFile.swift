// Whole files: read with a limit, and replaced so that a reader sees the old content or the new, never a part.

internal import Glibc

/// Why a file could not be read as text.
public enum TextFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Nothing has this name.
    case notFound(path: String)
    /// It is larger than the reader accepts.
    case tooLarge(path: String, limit: Int)
    /// Its bytes are not UTF-8.
    case notUTF8(path: String)
    /// It is a directory.
    case isDirectory(path: String)
    /// It is a device, a pipe or a socket.
    case notAFile(path: String)
    /// Something else went wrong.
    case system(SyscallError)

    public var description: String {
        switch self {
        case .notFound(let path): "\(path): not found"
        case .tooLarge(let path, let limit): "\(path): larger than the limit of \(limit) bytes"
        case .notUTF8(let path): "\(path): not UTF-8 text"
        case .isDirectory(let path): "\(path): is a directory"
        case .notAFile(let path): "\(path): not a regular file"
        case .system(let error): error.description
        }
    }
}

/// Reading and replacing whole files.
public enum TextFile {
    /// Reads a file as UTF-8 text.
    ///
    /// - Parameter limit: the most bytes to accept.
    public static func read(_ path: String, limit: Int = 16 << 20) throws(TextFileError) -> String {
        let bytes = try readBytes(path, limit: limit)
        guard let text = String(validating: bytes, as: UTF8.self) else { throw .notUTF8(path: path) }
        return text
    }

    /// Reads a file as it is.
    ///
    /// - Parameter limit: the most bytes to accept.
    public static func readBytes(_ path: String, limit: Int = 16 << 20) throws(TextFileError) -> [UInt8] {
        let kind: mode_t
        do throws(SyscallError) {
            // Without O_NONBLOCK, opening a named pipe would wait for a writer.
            let descriptor = try Descriptor.open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY)
            kind = try status(of: descriptor, path).st_mode & S_IFMT
            if kind == S_IFREG, let content = try content(of: descriptor, path, limit: limit) { return content }
        } catch {
            throw error.code == ENOENT ? .notFound(path: path) : .system(error)
        }
        switch kind {
        case S_IFREG: throw .tooLarge(path: path, limit: limit)
        case S_IFDIR: throw .isDirectory(path: path)
        default: throw .notAFile(path: path)
        }
    }

    private static func content(
        of descriptor: borrowing Descriptor, _ path: String, limit: Int
    ) throws(SyscallError) -> [UInt8]? {
        try content(ofNumber: descriptor.rawValue, path, limit: limit)
    }

    /// Everything to the end of what stays open meanwhile; nil where that is more than the limit.
    static func content(ofNumber number: Int32, _ path: String, limit: Int) throws(SyscallError) -> [UInt8]? {
        // The size that the file claims is not asked: files below /proc claim to be empty.
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: min(65536, max(1, limit) + 1))
        while true {
            let count = try syscall("read", on: path) { unsafe Glibc.read(number, &chunk, chunk.count) }
            if count == 0 { return content }
            if content.count + count > limit { return nil }
            content.append(contentsOf: chunk[..<count])
        }
    }

    /// Replaces a file's content in one step, or makes the file; survives a power failure whole.
    ///
    /// Mode and owner of the old file are kept; a symbolic link is followed. The temporary file's name begins with a
    /// dot, so that readers of a directory can pass over it.
    ///
    /// - Parameter mode: permissions of a new file.
    public static func replace(_ path: String, with text: String, mode: UInt32 = 0o644) throws(SyscallError) {
        let target = resolved(path)
        let (directory, name) = split(target)
        var old = stat()
        let exists = unsafe stat(target, &old) == 0
        let temporary = "\(directory)/.\(name).\(getpid()).\(Monotonic.now).tmp"
        let descriptor = try Descriptor.open(temporary, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        do throws(SyscallError) {
            try write(Array(text.utf8), to: descriptor, temporary)
            if exists {
                try syscall("fchown", on: temporary) { fchown(descriptor.rawValue, old.st_uid, old.st_gid) }
            }
            let mode = exists ? old.st_mode & 0o7777 : mode
            try syscall("fchmod", on: temporary) { fchmod(descriptor.rawValue, mode) }
            try syscall("fsync", on: temporary) { fsync(descriptor.rawValue) }
            try syscall("rename", on: target) { unsafe rename(temporary, target) }
        } catch {
            _ = unsafe unlink(temporary)
            throw error
        }
        let parent = try Descriptor.open(directory, O_RDONLY | O_DIRECTORY)
        try syscall("fsync", on: directory) { fsync(parent.rawValue) }
    }

    private static func status(of descriptor: borrowing Descriptor, _ path: String) throws(SyscallError) -> stat {
        var status = stat()
        let number = descriptor.rawValue
        try syscall("fstat", on: path) { unsafe fstat(number, &status) }
        return status
    }

    private static func write(
        _ bytes: [UInt8], to descriptor: borrowing Descriptor, _ path: String
    ) throws(SyscallError) {
        let number = descriptor.rawValue
        var position = 0
        while position < bytes.count {
            position += try syscall("write", on: path) {
                unsafe bytes.withUnsafeBytes {
                    unsafe Glibc.write(number, $0.baseAddress?.advanced(by: position), $0.count - position)
                }
            }
        }
    }

    /// The path behind symbolic links; the path itself where it does not exist yet.
    private static func resolved(_ path: String) -> String {
        guard let real = unsafe realpath(path, nil) else { return path }
        defer { unsafe free(real) }
        return unsafe String(cString: real)
    }

    private static func split(_ path: String) -> (directory: String, name: Substring) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path[...]) }
        let name = path[path.index(after: slash)...]
        return (slash == path.startIndex ? "/" : String(path[..<slash]), name)
    }
}
