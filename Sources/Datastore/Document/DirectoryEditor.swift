// The edits of a directory's files, and the one place where they are written: under a lock, a file at a time.

internal import LinuxSystem

/// The edits of all files, in the order in which the files are first needed.
struct DirectoryEditor {
    private let files: [String: ResourceFile]
    private let unreadable: [String: SourceError]
    private var order: [String] = []
    private var editors: [String: DocumentEditor] = [:]
    private var errors: [SourceError] = []

    init(_ directory: ResourceDirectory) {
        files = Dictionary(uniqueKeysWithValues: directory.files.map { ($0.path, $0) })
        unreadable = directory.unreadable
    }

    /// Edits a file; a mistake is kept for ``finish()``.
    mutating func edit(_ path: String, _ body: (inout DocumentEditor) throws(SourceError) -> Void) {
        if let error = unreadable[path] { return errors.append(error) }
        if editors[path] == nil {
            editors[path] = DocumentEditor(files[path] ?? ResourceFile([], path: path, isStrict: false))
            order.append(path)
        }
        guard var editor = editors.removeValue(forKey: path) else { return }
        do throws(SourceError) {
            try body(&editor)
        } catch {
            errors.append(error)
        }
        editors[path] = editor
    }

    /// The files' new texts.
    func finish() throws(SourceErrors) -> [ResourcePlan.Write] {
        var errors = self.errors
        var writes: [ResourcePlan.Write] = []
        for path in order {
            guard let editor = editors[path] else { continue }
            do throws(SourceError) {
                writes.append(ResourcePlan.Write(path: path, text: try editor.finished()))
            } catch {
                errors.append(error)
            }
        }
        guard errors.isEmpty else { throw SourceErrors(errors) }
        return writes
    }
}

extension ResourceDirectory {
    /// How long a command waits for another one to finish, in milliseconds.
    private static let patience: Int32 = 10_000

    /// Reads a directory, decides, and writes what was decided; nobody else who asks for the lock writes meanwhile.
    ///
    /// - Parameter isDryRun: decides only.
    /// - Throws: ``SourceErrors`` where something is refused, and then nothing is written; or where a write failed, and
    ///   then the error says how far it came.
    public static func change(
        _ path: String, isDryRun: Bool, _ decide: (ResourceDirectory) throws(SourceErrors) -> ResourcePlan
    ) throws(SourceErrors) -> ResourcePlan {
        // A directory that is not there cannot be locked either, and reading it says so better.
        if isDryRun || (try? FileStatus(path)) == nil { return try ResourceDirectory(reading: path).plan(decide) }
        let lock: DirectoryLock
        do throws(FileLockError) {
            lock = try DirectoryLock.acquire(path: path, waitMilliseconds: patience)
        } catch {
            throw SourceErrors([SourceError(file: path, problem: error.reason, remedy: "nothing was changed")])
        }
        let directory = try ResourceDirectory(reading: path)
        let plan = try directory.plan(decide)
        try directory.write(plan)
        _ = consume lock
        return plan
    }

    /// What is wrong in files that are not touched is worth a note: it may hide what the rules would have found.
    private func plan(
        _ decide: (ResourceDirectory) throws(SourceErrors) -> ResourcePlan
    ) throws(SourceErrors) -> ResourcePlan {
        var plan = try decide(self)
        let written = Set(plan.writes.map(\.path))
        plan.notes += errors.filter { !written.contains($0.file) }.map { "note: \($0)" }
        return plan
    }

    private func write(_ plan: ResourcePlan) throws(SourceErrors) {
        var paths: [FileStatus: String] = [:]
        for write in plan.writes {
            guard let status = status[write.path] else { continue }
            if let other = paths.updateValue(write.path, forKey: status) {
                throw SourceErrors([
                    SourceError(
                        file: write.path, problem: "is the same file as \(other)",
                        remedy: "nothing was changed; remove one of the two names")
                ])
            }
        }
        for (index, write) in plan.writes.enumerated() {
            let before =
                index == 0
                ? "nothing was changed" : "\(index) of \(plan.writes.count) files were changed; run it again"
            guard (try? FileStatus(write.path)) == status[write.path] else {
                throw SourceErrors([
                    SourceError(
                        file: write.path, problem: "was changed by somebody else meanwhile",
                        remedy: index == 0 ? "nothing was changed; run it again" : before)
                ])
            }
            do throws(SyscallError) {
                if let text = write.text {
                    try TextFile.replace(write.path, with: String(decoding: text, as: UTF8.self))
                } else {
                    try Directory.removeFile(write.path)
                }
            } catch {
                throw SourceErrors([SourceError(file: write.path, problem: error.reason, remedy: before)])
            }
        }
    }
}

extension FileLockError {
    fileprivate var reason: String {
        switch self {
        case .held: "another command is changing it"
        case .system(let error): error.reason
        }
    }
}
