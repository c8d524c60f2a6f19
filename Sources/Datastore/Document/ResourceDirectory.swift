// The datastore's directory as its files say it now: what commands show and change. Nothing is remembered from before.

internal import LinuxSystem

/// All resources of a directory.
public struct ResourceDirectory: Sendable {
    /// The directory.
    public let path: String
    /// In alphabetic order.
    let files: [ResourceFile]
    /// What each file was like before it was read.
    let status: [String: FileStatus]
    /// Files that are there and could not be read at all.
    let unreadable: [String: SourceError]
    /// What could not be read, and what is wrong with single resources, in the order of files and lines.
    public let errors: [SourceError]

    /// Reads the files; one that cannot be read is among the errors.
    ///
    /// - Throws: ``SourceErrors`` where the directory itself cannot be read.
    public init(reading path: String) throws(SourceErrors) {
        self.path = path
        var files: [ResourceFile] = []
        var status: [String: FileStatus] = [:]
        var unreadable: [String: SourceError] = [:]
        var errors: [SourceError] = []
        let names: [String]
        do throws(SyscallError) {
            names = try resourceFileNames(in: path)
        } catch {
            throw SourceErrors([SourceError(unreadableDatastore: path, error)])
        }
        for name in names {
            let file = resourcePath(of: name, in: path)
            status[file] = try? FileStatus(file)
            do throws(SourceError) {
                let bytes = try resourceBytes(of: file, limit: resourceFileLimit)
                files.append(ResourceFile(bytes, path: file, isStrict: false))
                errors += files.last?.errors ?? []
            } catch {
                unreadable[file] = error
                errors.append(error)
            }
        }
        self.files = files
        self.status = status
        self.unreadable = unreadable
        self.errors = errors
    }

    /// The resources of all files, in the order of files and lines.
    public var resources: [ResourceObject] { files.flatMap(\.objects) }

    /// What is said of a resource that is not there.
    public func missing(_ identity: ResourceIdentity) -> SourceError {
        let names = Set(resources.lazy.map(\.identity).filter { $0.kind == identity.kind }.map(\.name)).sorted()
        let shown = names.prefix(10).joined(separator: ", ")
        let there = names.isEmpty ? "there is none" : "there are: \(shown)\(names.count > 10 ? ", …" : "")"
        return SourceError(file: identity.description, problem: "not found", remedy: there)
    }
}

extension ResourceFile {
    /// Reads what a person names on a command line: files, directories of files, and `-` for standard input.
    ///
    /// - Throws: ``SourceErrors`` for all that cannot be read.
    public static func read(_ names: [String], isStrict: Bool) throws(SourceErrors) -> [ResourceFile] {
        var files: [ResourceFile] = []
        var errors: [SourceError] = []
        for name in names {
            do throws(SourceError) {
                if name == "-" {
                    files.append(ResourceFile(try standardInput(), path: "stdin", isStrict: isStrict))
                    continue
                }
                let isDirectory = (try? FileStatus(name))?.isDirectory ?? false
                let paths = isDirectory ? try paths(in: name) : [name]
                if paths.isEmpty {
                    throw SourceError(
                        file: name, problem: "holds no file of resources", remedy: "they end in .yaml, .yml or .json")
                }
                for path in paths {
                    let bytes = try resourceBytes(of: path, limit: resourceFileLimit)
                    files.append(ResourceFile(bytes, path: path, isStrict: isStrict))
                }
            } catch {
                errors.append(error)
            }
        }
        guard errors.isEmpty else { throw SourceErrors(errors) }
        return files
    }

    private static func paths(in directory: String) throws(SourceError) -> [String] {
        do throws(SyscallError) {
            return try resourceFileNames(in: directory).map { resourcePath(of: $0, in: directory) }
        } catch {
            throw SourceError(file: directory, problem: error.reason)
        }
    }

    private static func standardInput() throws(SourceError) -> [UInt8] {
        do throws(SyscallError) {
            if let bytes = try StandardInput.read(limit: resourceFileLimit) { return bytes }
        } catch {
            throw SourceError(file: "stdin", problem: error.reason)
        }
        throw SourceError(
            file: "stdin", problem: "larger than the limit of \(resourceFileLimit) bytes",
            remedy: "apply the resources in parts")
    }
}
