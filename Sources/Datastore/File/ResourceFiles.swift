// Which files of a directory hold resources, and their bytes: said once for the agent and for the commands.

internal import LinuxSystem

/// Bytes that one file of resources may have.
let resourceFileLimit = 64 << 20

/// The names of the files with resources, sorted: `*.yaml`, `*.yml` and `*.json`, no dot files.
func resourceFileNames(in directory: String) throws(SyscallError) -> [String] {
    try Directory.list(directory).filter { name in
        !name.hasPrefix(".") && [".yaml", ".yml", ".json"].contains { name.hasSuffix($0) }
    }
}

extension SourceError {
    /// What is said where the datastore's directory cannot be listed.
    init(unreadableDatastore directory: String, _ error: SyscallError) {
        self.init(
            file: directory, field: "datastore.file", problem: error.reason,
            remedy: "create the directory, or set datastore.file")
    }
}

/// The path of a name in a directory.
func resourcePath(of name: String, in directory: String) -> String {
    directory.hasSuffix("/") ? directory + name : directory + "/" + name
}

/// The bytes of a file of resources, or why there are none.
func resourceBytes(of path: String, limit: Int) throws(SourceError) -> [UInt8] {
    do {
        return try TextFile.readBytes(path, limit: limit)
    } catch {
        let reason: String
        var remedy = ""
        switch error {
        case .tooLarge(_, let limit):
            reason = "larger than the limit of \(limit) bytes"
            remedy = "spread the resources over several files"
        case .notFound: reason = "not found"
        case .isDirectory: reason = "is a directory"
        case .notAFile: reason = "is not a regular file"
        case .notUTF8: reason = "is not UTF-8 text"
        case .system(let error):
            reason = error.reason
            remedy = "make it readable"
        }
        throw SourceError(file: path, problem: reason, remedy: remedy)
    }
}
