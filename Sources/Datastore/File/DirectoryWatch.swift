// Tells when a directory may have changed, also when the directory itself is removed, replaced or made later.

public import LinuxSystem

/// A watch on a directory by inotify: a reason to look again, never the change itself.
///
/// Every directory on the way down is watched for being moved or deleted itself, and for the next name where that is
/// missing or a symbolic link: so nothing on the path has to exist yet, and what goes on beside it wakes nobody.
public struct DirectoryWatch: ~Copyable {
    /// The directory.
    public let directory: String
    /// Names in the directory that a writer has changed and not closed yet; reading them now would read a part.
    public private(set) var namesBeingWritten: Set<String> = []

    private let inotify: Inotify
    private var watches: Watches

    private struct Watches: Sendable {
        /// For each watch: the names whose coming and going change the path below it.
        var ancestors: [Int32: Set<String>] = [:]
        /// The directory itself, where it is there.
        var target: Int32?

        func contains(_ watch: Int32) -> Bool { watch == target || ancestors[watch] != nil }
        var all: [Int32] { Array(ancestors.keys) + (target.map { [$0] } ?? []) }
    }

    /// `IN_MODIFY`, and `IN_MASK_ADD`, which keeps an older mask where two paths lead to one directory.
    private static let modified = Inotify.Mask(rawValue: 0x2)
    private static let added = Inotify.Mask(rawValue: 0x2000_0000)

    /// Starts watching; the directory need not exist.
    ///
    /// - Parameter directory: an absolute path, or one relative to the working directory.
    /// - Throws: ``SyscallError`` where there is no inotify instance or watch left.
    public init(_ directory: String) throws(SyscallError) {
        let inotify = try Inotify()
        let watches = try DirectoryWatch.watch(directory, inotify)
        self.directory = directory
        self.inotify = inotify
        self.watches = watches
    }

    /// For `poll` or `epoll`: readable when ``drain()`` has something to say. Belongs to this value.
    public var fileDescriptor: Int32 { inotify.descriptor.rawValue }

    /// Takes all events that are there.
    ///
    /// - Returns: whether the directory's finished content may have changed.
    public mutating func drain() throws(SyscallError) -> Bool {
        var changed = false
        var pathChanged = false
        for event in try inotify.read() {
            if event.isOverflow {
                namesBeingWritten = []
                pathChanged = true
            } else if let names = watches.ancestors[event.watch], names.contains(event.name) {
                pathChanged = true
            }
            if !event.mask.isDisjoint(with: [.selfDeleted, .selfMoved, .watchRemoved, .unmounted]) {
                // The last event of a watch that was taken away on purpose is nobody's.
                if watches.contains(event.watch) { pathChanged = true }
            } else if event.watch == watches.target, contentChanged(by: event) {
                changed = true
            }
        }
        if pathChanged {
            let old = watches
            watches = try DirectoryWatch.watch(directory, inotify)
            namesBeingWritten = []
            for watch in old.all where !watches.contains(watch) {
                // Fails only where the kernel was faster.
                try? inotify.remove(watch)
            }
            changed = true
        }
        return changed
    }

    private mutating func contentChanged(by event: Inotify.Event) -> Bool {
        guard !event.name.isEmpty else { return false }
        if event.mask.contains(DirectoryWatch.modified) {
            namesBeingWritten.insert(event.name)
            return false
        }
        if event.mask.contains(.created) {
            // A new plain file is still to be written; links and directories are whole at once.
            let status = try? FileStatus(directory + "/" + event.name, followingLinks: false)
            guard let status, status.isRegular, status.linkCount == 1 else { return true }
            namesBeingWritten.insert(event.name)
            return false
        }
        namesBeingWritten.remove(event.name)
        return true
    }

    /// Watches from the root down, so that whatever appears while this runs is either seen here or reported later.
    private static func watch(
        _ directory: String, _ inotify: borrowing Inotify
    ) throws(SyscallError) -> Watches {
        for _ in 0..<8 {
            if let watches = try watch(directory, inotify, watchingAllNames: false) { return watches }
        }
        return try watch(directory, inotify, watchingAllNames: true) ?? Watches()
    }

    /// One pass; nil where a directory that was there went away meanwhile, with nobody watching for its name.
    private static func watch(
        _ directory: String, _ inotify: borrowing Inotify, watchingAllNames: Bool
    ) throws(SyscallError) -> Watches? {
        let itself: Inotify.Mask = [.selfDeleted, .selfMoved, .onlyDirectory, added]
        var watches = Watches()
        var path = directory.hasPrefix("/") ? "/" : "."
        var isNameWatched = true
        for component in directory.split(separator: "/") where component != "." {
            let next = path + (path == "/" ? "" : "/") + component
            // A real directory tells by itself that it goes; of anything else only its name's comings and goings tell.
            let isSettled = (try? FileStatus(next, followingLinks: false))?.isDirectory ?? false
            let wantsName = watchingAllNames || !isSettled
            let mask = wantsName ? itself.union([.created, .movedIn, .movedOut, .deleted]) : itself
            guard let watch = try add(path, mask, to: inotify, isNeeded: false) else {
                return isNameWatched ? watches : nil
            }
            watches.ancestors[watch, default: []].insert(String(component))
            isNameWatched = wantsName
            path = next
        }
        watches.target = try add(
            directory.isEmpty ? "." : directory, [.directoryContent, .created, modified, added], to: inotify,
            isNeeded: true)
        return watches.target != nil || isNameWatched ? watches : nil
    }

    /// Nil where the directory is not there, or (for one on the way) may not be looked into.
    private static func add(
        _ path: String, _ mask: Inotify.Mask, to inotify: borrowing Inotify, isNeeded: Bool
    ) throws(SyscallError) -> Int32? {
        do throws(SyscallError) {
            return try inotify.add(path, mask)
        } catch {
            if error.isNotFound || !isNeeded && error.isForbidden { return nil }
            throw error
        }
    }
}
