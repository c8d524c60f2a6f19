// The program itself, run on a host of a lab, and the files that people and their editors would write.

import Foundation
import Glibc
import Lab
import LinuxSystem
import Testing

/// The `poplin` program.
enum PoplinProgram {
    /// Runs a command to its end on a host.
    static func run(
        _ arguments: [String], on host: LabHost, environment: [String: String] = [:]
    ) throws -> ProgramResult {
        try ChildProcess.run(
            try binary, arguments, environment: inherited(environment), inNamespace: host.namespace,
            timeoutMilliseconds: 20_000)
    }

    /// Starts a command that goes on by itself; it is killed when the process object goes.
    static func start(_ arguments: [String], on host: LabHost) throws -> ChildProcess {
        try ChildProcess.spawn(
            try binary, arguments, environment: inherited([:]), inNamespace: host.namespace, output: .null,
            errors: .null)
    }

    /// Runs a command that must succeed, and reads its JSON.
    static func json(_ arguments: [String], on host: LabHost, expected: Int32 = 0) throws -> JSONValue {
        let result = try run(arguments + ["--output", "json"], on: host)
        #expect(result.status == .code(expected), "\(arguments): \(result.errors)")
        return try JSONDecoder().decode(JSONValue.self, from: Data(result.output.utf8))
    }

    private static var binary: String {
        get throws { try #require(Lab.findAgentBinary(), "no poplin program: build it or name it in POPLIN_BIN") }
    }

    /// Variables of the person who runs the tests must not change what the program does.
    private static func inherited(_ more: [String: String]) -> [String: String] {
        ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("POPLIN_") }.merging(more) { $1 }
    }
}

/// Files as a person, an editor or a crashed program would treat them.
enum Files {
    static func move(_ path: String, to target: String) throws {
        try FileManager.default.moveItem(atPath: path, toPath: target)
    }

    static func link(_ path: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
    }

    static func removeDirectory(_ path: String) throws {
        try FileManager.default.removeItem(atPath: path)
    }

    /// Writes a file in place, of any bytes, as `cat > FILE` does.
    static func write(_ path: String, _ bytes: [UInt8]) throws {
        var file = try HalfWrittenFile(path)
        try file.append(bytes)
        file.close()
    }
}

/// A file that is opened and emptied, and written piece by piece.
struct HalfWrittenFile {
    private let number: Int32

    /// Opens it, or makes it.
    init(_ path: String) throws {
        number = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        try #require(number >= 0, "\(path): \(errno)")
    }

    mutating func append(_ bytes: [UInt8]) throws {
        try #require(Glibc.write(number, bytes, bytes.count) == bytes.count)
    }

    mutating func append(_ text: some StringProtocol) throws { try append(Array(text.utf8)) }

    /// Makes it larger without writing anything.
    mutating func grow(to size: Int) throws { try #require(ftruncate(number, size) == 0) }

    func close() { _ = Glibc.close(number) }
}

/// Any JSON, for looking at documents by their keys.
enum JSONValue: Decodable, Hashable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    /// The value of a key; nil where this is no object or has no such key.
    subscript(key: String) -> JSONValue? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    var keys: Set<String> {
        if case .object(let members) = self { Set(members.keys) } else { [] }
    }

    var elements: [JSONValue] {
        if case .array(let elements) = self { elements } else { [] }
    }

    var text: String? {
        if case .string(let text) = self { text } else { nil }
    }
}
