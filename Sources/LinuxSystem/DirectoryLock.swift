// One writer at a time in a directory: a lock on the directory itself, which leaves no file behind.

internal import Glibc

/// An exclusive lock on a directory, held for as long as this value lives. It keeps out only those who ask for it.
public struct DirectoryLock: ~Copyable, Sendable {
    private let descriptor: Descriptor

    /// Takes the lock.
    ///
    /// - Parameter waitMilliseconds: how long to wait for another holder to go; 0 tries once.
    public static func acquire(path: String, waitMilliseconds: Int32) throws(FileLockError) -> DirectoryLock {
        do throws(SyscallError) {
            let descriptor = try Descriptor.open(path, O_RDONLY | O_DIRECTORY)
            if try FileLock.lock(descriptor, path, waitMilliseconds: waitMilliseconds) {
                return DirectoryLock(descriptor: descriptor)
            }
        } catch {
            throw .system(error)
        }
        throw .held(path: path, by: nil)
    }

    private init(descriptor: consuming Descriptor) {
        self.descriptor = descriptor
    }
}
