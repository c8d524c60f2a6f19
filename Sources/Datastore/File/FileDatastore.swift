// The cluster as a directory of files. Every load walks the same way; only files that changed are read again.

internal import LinuxSystem
internal import Net
public import Overlay

/// What the datastore says at one moment.
public struct Snapshot: Hashable, Sendable {
    /// The resources in force.
    public var state: ClusterState
    /// What was accepted and is not used; one line for each subject.
    public var notes: [String]
    /// What was refused, in the order of files and lines; the last good version is in force in its place.
    public var errors: [SourceError]
    /// Every resource is in `state` in its current or its last good version. While false, something unreadable may
    /// stand for anything: nothing may be deleted from the kernel on the word of this snapshot.
    public var isComplete: Bool
    /// The directory could be read this time.
    public var inSync: Bool

    /// A snapshot.
    public init(
        state: ClusterState = ClusterState(), notes: [String] = [], errors: [SourceError] = [],
        isComplete: Bool = false, inSync: Bool = false
    ) {
        self.state = state
        self.notes = notes
        self.errors = errors
        self.isComplete = isComplete
        self.inSync = inSync
    }
}

/// A directory of resources in Calico's v3 schema: `*.yaml`, `*.yml` and `*.json` directly in it, no dot files.
public struct FileDatastore: Sendable {
    /// The directory.
    public let directory: String
    /// Bytes that one file may have.
    public var fileLimit = resourceFileLimit

    private var files: [String: FileContent] = [:]
    private var last = Snapshot()
    /// False at first and after a failure: then the next success reports anew even if no file changed.
    private var hasListed = false

    /// A datastore that has read nothing yet.
    public init(directory: String) {
        self.directory = directory
    }

    /// Looks at the directory and reads what changed.
    ///
    /// - Parameter beingWritten: names that a writer still has open (``DirectoryWatch/namesBeingWritten``); they keep
    ///   their last good content.
    public mutating func load(beingWritten: Set<String> = []) -> Snapshot {
        let names: [String]
        do throws(SyscallError) {
            names = try resourceFileNames(in: directory)
        } catch {
            last.inSync = false
            last.errors = [SourceError(unreadableDatastore: directory, error)]
            hasListed = false
            return last
        }
        var changed = !hasListed
        hasListed = true
        let present = Set(names)
        for name in files.keys where !present.contains(name) {
            files[name] = nil
            changed = true
        }
        var bytesRead: Int64 = 0
        for name in names where !beingWritten.contains(name) {
            bytesRead += look(at: name, &changed)
        }
        for name in names where beingWritten.contains(name) && files[name] == nil {
            // Not known yet, and not to be read half: the snapshot waits for it.
            files[name] = FileContent(isComplete: false)
            changed = true
        }
        if changed { last = merged() }
        if bytesRead > 1 << 20 { Memory.returnFreed() }
        return last
    }

    /// Reads a file if it changed; gives the bytes read.
    private mutating func look(at name: String, _ changed: inout Bool) -> Int64 {
        let path = resourcePath(of: name, in: directory)
        let status: FileStatus
        do throws(SyscallError) {
            status = try FileStatus(path)
        } catch {
            if error.isNotFound, (try? FileStatus(path, followingLinks: false)) == nil {
                // Gone since the listing.
                if files.removeValue(forKey: name) != nil { changed = true }
                return 0
            }
            changed = true
            files[name] = .unreadable(
                SourceError(file: path, problem: error.reason, remedy: "make it readable, or remove it"),
                old: files[name])
            return 0
        }
        if let old = files[name], old.status == status { return 0 }
        changed = true
        guard status.isRegular else {
            files[name] = .unreadable(
                SourceError(file: path, problem: "is not a regular file", remedy: "rename or remove it"),
                old: files[name])
            return 0
        }
        files[name] = .read(path, status: status, limit: fileLimit, old: files[name])
        return status.size
    }

    // MARK: - Merging

    /// Joins the files; of two resources that exclude each other, the one in force stays, else the first in order.
    private mutating func merged() -> Snapshot {
        var snapshot = Snapshot(isComplete: true, inSync: true)
        var notes = NoteCounter()
        var merger = Merger()
        let order = files.keys.sorted()
        var refused: [String: Set<Int>] = [:]
        for wasInForce in [true, false] {
            for name in order {
                guard let content = files[name] else { continue }
                merger.begin(resourcePath(of: name, in: directory))
                for (index, resource) in content.resources.enumerated() where resource.isInForce == wasInForce {
                    if !merger.add(resource) { refused[name, default: []].insert(index) }
                }
            }
        }
        for name in order {
            // Taken out while it is changed, so that its array is not copied.
            guard var content = files.removeValue(forKey: name) else { continue }
            let refused = refused[name] ?? []
            for index in content.resources.indices {
                content.resources[index].isInForce = refused.isEmpty || !refused.contains(index)
            }
            snapshot.errors += content.errors
            snapshot.isComplete = snapshot.isComplete && content.isComplete
            notes.merge(content.notes)
            files[name] = content
        }
        snapshot.state = merger.state
        snapshot.errors += merger.errors
        snapshot.errors.sort { ($0.file, $0.line) < ($1.file, $1.line) }
        snapshot.notes = notes.lines
        return snapshot
    }
}
