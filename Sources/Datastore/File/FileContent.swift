// One file's part of the cluster: its last good resources stay in force while it is broken.

internal import LinuxSystem

/// The resources of one file, as far as they are good, and what is wrong with the rest.
struct FileContent: Sendable {
    var status: FileStatus?
    var resources: [Resource] = []
    var errors: [SourceError] = []
    var notes = NoteCounter()
    /// Every resource of the file is here in this version or in an older one.
    var isComplete = true

    /// At most this many errors of one file are kept.
    static let errorLimit = 100

    /// Reads the file at `path`.
    ///
    /// - A file that cannot be read, that is not YAML or that has been emptied leaves what was there before.
    /// - A refused resource leaves its own last version, and while a file has one nothing vanishes from it: text that
    ///   was cut off looks just like this.
    /// - Parameter old: the file as it was before; nil at the first look.
    static func read(_ path: String, status: FileStatus, limit: Int, old: FileContent?) -> FileContent {
        var new = FileContent(status: status)
        let source: YAMLSource
        do throws(SourceError) {
            let bytes = try resourceBytes(of: path, limit: limit)
            if bytes.isEmpty, let old, !old.resources.isEmpty { throw emptied(path) }
            source = try YAMLSource(bytes, file: path)
        } catch {
            return new.withoutChange(from: old, because: error)
        }

        var reader = ResourceReader()
        var errorCount = 0
        var isBroken = false
        var refused = false
        func add(_ errors: [SourceError]) {
            errorCount += errors.count
            new.errors += errors.prefix(max(0, errorLimit - new.errors.count))
        }
        // Of a large file mostly little changes: a document with the same text is not parsed again.
        var known: [Int: Int] = [:]
        for (index, resource) in (old?.resources ?? []).enumerated() where resource.digest != 0 {
            known[resource.digest] = index
        }
        source.forEachDocument { digest, firstLine in
            guard let index = known[digest], var resource = old?.resources[index] else { return false }
            resource.line += Int32(clamping: firstLine) - resource.documentLine
            resource.documentLine = Int32(clamping: firstLine)
            new.resources.append(resource)
            return true
        } _: { digest, document in
            switch document {
            case .failure(let error):
                isBroken = true
                add([error])
            case .success(let value):
                let before = (resources: new.resources.count, notes: reader.noteCount)
                reader.read(value) { outcome in
                    switch outcome {
                    case .resource(let resource):
                        new.resources.append(resource)
                    case .unused: break
                    case .refused(_, let errors):
                        refused = true
                        add(errors)
                    }
                }
                if new.resources.count == before.resources + 1, reader.noteCount == before.notes {
                    new.resources[before.resources].digest = digest
                    new.resources[before.resources].documentLine = Int32(clamping: value.firstDocumentLine)
                }
            }
        }
        if errorCount > new.errors.count {
            new.errors.append(
                SourceError(file: path, problem: "\(errorCount - new.errors.count) more errors in this file"))
        }
        new.notes = reader.notes
        guard let old else {
            new.isComplete = errorCount == 0
            return new
        }
        if isBroken {
            new.resources = old.resources
            new.isComplete = old.isComplete
            return new
        }
        new.inherit(from: old, keepingMissing: refused)
        if refused { new.isComplete = old.isComplete }
        return new
    }

    /// The content of a file that could not be looked into.
    static func unreadable(_ error: SourceError, old: FileContent?) -> FileContent {
        FileContent().withoutChange(from: old, because: error)
    }

    private func withoutChange(from old: FileContent?, because error: SourceError) -> FileContent {
        var result = self
        result.errors = [error]
        result.resources = old?.resources ?? []
        result.notes = old?.notes ?? NoteCounter()
        result.isComplete = old?.isComplete ?? false
        return result
    }

    private mutating func inherit(from old: FileContent, keepingMissing: Bool) {
        var inForce: [ResourceIdentity: Bool] = [:]
        inForce.reserveCapacity(resources.count)
        for resource in old.resources {
            inForce[resource.identity, default: false] = resource.isInForce || inForce[resource.identity] == true
        }
        for index in resources.indices {
            resources[index].isInForce = inForce.removeValue(forKey: resources[index].identity) ?? false
        }
        guard keepingMissing else { return }
        for resource in old.resources where inForce[resource.identity] != nil {
            resources.append(resource)
        }
    }
}

/// What a full disk, a crash or a stray `>` leaves of a file: hardly ever somebody's wish to have nothing.
private func emptied(_ path: String) -> SourceError {
    SourceError(
        file: path, problem: "is empty, and its resources stay in force",
        remedy: "write it again, or remove the file to remove them")
}
