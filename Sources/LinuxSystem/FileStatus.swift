// What tells one state of a file from another without reading it.

internal import Glibc

/// A file's identity and age; equal for an unchanged file.
public struct FileStatus: Hashable, Sendable {
    public var device: UInt64
    public var inode: UInt64
    public var size: Int64
    public var modified: Int64
    public var modifiedNanoseconds: Int64
    /// A rename over the file or a change of its mode shows here even where an old modification time was restored.
    public var changed: Int64
    public var changedNanoseconds: Int64
    public var isRegular: Bool
    public var isDirectory: Bool
    public var isSymbolicLink: Bool
    public var linkCount: UInt64

    /// The status behind `path`, or of the symbolic link itself.
    public init(_ path: String, followingLinks: Bool = true) throws(SyscallError) {
        var status = stat()
        try syscall(followingLinks ? "stat" : "lstat", on: path) {
            unsafe followingLinks ? stat(path, &status) : lstat(path, &status)
        }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int64(status.st_size)
        modified = Int64(status.st_mtim.tv_sec)
        modifiedNanoseconds = Int64(status.st_mtim.tv_nsec)
        changed = Int64(status.st_ctim.tv_sec)
        changedNanoseconds = Int64(status.st_ctim.tv_nsec)
        isRegular = status.st_mode & S_IFMT == S_IFREG
        isDirectory = status.st_mode & S_IFMT == S_IFDIR
        isSymbolicLink = status.st_mode & S_IFMT == S_IFLNK
        linkCount = UInt64(status.st_nlink)
    }
}

extension SyscallError {
    /// Whether a name is not there.
    public var isNotFound: Bool { code == ENOENT || code == ENOTDIR }

    /// Whether permission is missing.
    public var isForbidden: Bool { code == EACCES || code == EPERM }
}
