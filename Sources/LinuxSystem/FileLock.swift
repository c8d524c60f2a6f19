// One process at a time: a lock on a file in the run directory that dies with its holder.

internal import Glibc

/// Why a lock was not had.
public enum FileLockError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Another process has it; its process id, where the file tells one.
    case held(path: String, by: Int32?)
    /// The file could not be opened or locked at all.
    case system(SyscallError)

    public var description: String {
        switch self {
        case .held(let path, let pid?): "\(path): locked by process \(pid)"
        case .held(let path, nil): "\(path): locked by another process"
        case .system(let error): error.description
        }
    }
}

/// An exclusive lock on a path, held for as long as this value lives.
///
/// The file stays when the lock is released: deleting it would let two processes lock two files of one name.
public struct FileLock: ~Copyable, Sendable {
    private let descriptor: Descriptor
    /// The locked file.
    public let path: String

    /// Takes the lock and writes the own process id into the file.
    ///
    /// - Parameter waitMilliseconds: how long to wait for another holder to go; 0 tries once.
    public static func acquire(path: String, waitMilliseconds: Int32 = 0) throws(FileLockError) -> FileLock {
        do throws(SyscallError) {
            let descriptor = try Descriptor.open(path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o644)
            if try lock(descriptor, path, waitMilliseconds: waitMilliseconds) {
                let lock = FileLock(descriptor: descriptor, path: path)
                try lock.noteHolder()
                return lock
            }
        } catch {
            throw .system(error)
        }
        throw .held(path: path, by: holder(of: path))
    }

    /// Locks an open file or directory; false where another holder did not go in time.
    static func lock(
        _ descriptor: borrowing Descriptor, _ path: String, waitMilliseconds: Int32
    ) throws(SyscallError) -> Bool {
        let deadline = Deadline(milliseconds: max(0, waitMilliseconds))
        while flock(descriptor.rawValue, LOCK_EX | LOCK_NB) == -1 {
            let code = errno
            if code == EINTR { continue }
            if code != EWOULDBLOCK { throw SyscallError(operation: "flock", object: path, code: code) }
            if deadline.hasPassed { return false }
            Monotonic.sleep(milliseconds: UInt32(min(20, deadline.remainingMilliseconds)))
        }
        return true
    }

    /// Takes over a lock that another process has on this path, from a descriptor that it has passed on: the lock
    /// belongs to the open file, and goes when nobody has that any more.
    ///
    /// - Throws: `EWOULDBLOCK` where the descriptor has no lock and another has one.
    public static func adopt(
        _ descriptor: consuming Descriptor, path: String
    ) throws(SyscallError) -> FileLock {
        let number = descriptor.rawValue
        try syscall("flock", on: path) { flock(number, LOCK_EX | LOCK_NB) }
        return FileLock(descriptor: descriptor, path: path)
    }

    /// Writes this process's id into the file.
    public func noteHolder() throws(SyscallError) {
        let number = descriptor.rawValue
        let text = Array("\(getpid())\n".utf8)
        try syscall("ftruncate", on: path) { ftruncate(number, 0) }
        try syscall("write", on: path) { unsafe pwrite(number, text, text.count, 0) }
    }

    /// Appends the lock's open file, for ``adopt(_:path:)`` in another process.
    public func append(copyTo list: inout DescriptorList) throws(SyscallError) {
        try list.append(copyOf: descriptor)
    }

    private init(descriptor: consuming Descriptor, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    private static func holder(of path: String) -> Int32? {
        guard let text = try? TextFile.read(path, limit: 64) else { return nil }
        return text.split(whereSeparator: \.isWhitespace).first.flatMap { Int32($0) }
    }
}
