// The config file on disk, with the environment that overrides it.

public import Datastore
internal import LinuxSystem

/// A config file that can be read again and again.
public struct ConfigFile: Hashable, Sendable {
    /// The file's path.
    public let path: String
    let environment: [String: String]

    /// Most bytes that a config may have.
    static let limit = 1 << 20

    /// A file with the variables that override it.
    public init(path: String, environment: [String: String]) {
        self.path = path
        self.environment = environment
    }

    /// The directory to watch for changes of the file.
    public var directory: String { ConfigFile.directory(of: path) }

    /// The file's name in that directory.
    var name: String { path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path }

    /// Reads the file.
    public func load() throws(SourceErrors) -> NodeConfig {
        let bytes: [UInt8]
        do throws(SourceError) {
            bytes = try ConfigFile.bytes(of: path)
        } catch {
            throw SourceErrors([error])
        }
        return try NodeConfig(parsing: bytes, file: path, environment: environment, hostName: Host.hostName)
    }

    static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    static func bytes(of path: String) throws(SourceError) -> [UInt8] {
        do {
            return try TextFile.readBytes(path, limit: limit)
        } catch {
            let remedy = "name a node config with --config"
            switch error {
            case .notFound: throw SourceError(file: path, problem: "not found", remedy: remedy)
            case .tooLarge:
                throw SourceError(file: path, problem: "larger than \(limit) bytes", remedy: remedy)
            case .isDirectory: throw SourceError(file: path, problem: "is a directory", remedy: remedy)
            case .notAFile: throw SourceError(file: path, problem: "is not a regular file", remedy: remedy)
            case .notUTF8: throw SourceError(file: path, problem: "is not UTF-8 text", remedy: remedy)
            case .system(let error):
                throw SourceError(file: path, problem: error.reason, remedy: "make it readable for the agent")
            }
        }
    }
}
