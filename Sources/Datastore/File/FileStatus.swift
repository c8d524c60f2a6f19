// What tells one state of a file from another without reading it.

internal import Glibc
internal import LinuxSystem

/// A file's identity and age; equal for an unchanged file.
struct FileStatus: Hashable, Sendable {
    var device: UInt64
    var inode: UInt64
    var size: Int64
    var modified: Int64
    var modifiedNanoseconds: Int64
    /// A rename over the file or a change of its mode shows here even where an old modification time was restored.
    var changed: Int64
    var changedNanoseconds: Int64
    var isRegular: Bool
    var isSymbolicLink: Bool
    var linkCount: UInt64

    /// The status behind `path`, or of the symbolic link itself.
    init(_ path: String, followingLinks: Bool = true) throws(SyscallError) {
        var status = stat()
        try syscall(followingLinks ? "stat" : "lstat", on: path) {
            followingLinks ? stat(path, &status) : lstat(path, &status)
        }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int64(status.st_size)
        modified = Int64(status.st_mtim.tv_sec)
        modifiedNanoseconds = Int64(status.st_mtim.tv_nsec)
        changed = Int64(status.st_ctim.tv_sec)
        changedNanoseconds = Int64(status.st_ctim.tv_nsec)
        isRegular = status.st_mode & S_IFMT == S_IFREG
        isSymbolicLink = status.st_mode & S_IFMT == S_IFLNK
        linkCount = UInt64(status.st_nlink)
    }
}

/// Whether the error says that a name is not there.
func isNotFound(_ error: SyscallError) -> Bool { error.code == ENOENT || error.code == ENOTDIR }

/// Gives freed memory back to the kernel: after a large load, glibc would keep it for long.
///
/// `malloc_trim` is glibc's own and in none of Swift's modules; another libc has none and does without.
func returnFreedMemory() {
    guard let symbol = dlsym(nil, "malloc_trim") else { return }
    _ = unsafeBitCast(symbol, to: (@convention(c) (Int) -> Int32).self)(0)
}

/// Whether the error says that permission is missing.
func isForbidden(_ error: SyscallError) -> Bool { error.code == EACCES || error.code == EPERM }
