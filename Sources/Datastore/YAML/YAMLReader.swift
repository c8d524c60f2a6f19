// From bytes to a tree with positions, refusing everything that could cost much time or memory on the way.

internal import Yams

/// Bounds on what is read as YAML.
public struct YAMLLimits: Hashable, Sendable {
    /// Bytes of one document.
    public var documentBytes: Int
    /// Flow brackets open at one time, and the deepest nesting of a value that is used.
    public var depth: Int
    /// Anchors and aliases in one document that uses both; together they bound how much a document can unfold.
    public var anchors: Int
    public var aliases: Int

    /// Bounds; the defaults leave room for any resource that a person or a tool writes.
    public init(documentBytes: Int = 1 << 20, depth: Int = 64, anchors: Int = 4, aliases: Int = 16) {
        self.documentBytes = documentBytes
        self.depth = depth
        self.anchors = anchors
        self.aliases = aliases
    }
}

/// A file's bytes, checked once to be text.
public struct YAMLSource: Sendable {
    /// The name for messages.
    public let file: String
    let bytes: [UInt8]
    let limits: YAMLLimits

    /// Takes a file's bytes.
    ///
    /// - Throws: ``SourceError`` with the line where bytes are not text: a NUL or invalid UTF-8.
    public init(_ bytes: [UInt8], file: String, limits: YAMLLimits = YAMLLimits()) throws(SourceError) {
        self.file = file
        self.bytes = bytes
        self.limits = limits
        if let bad = firstNonText(bytes) {
            throw SourceError(
                file: file, line: 1 + bytes[..<bad.offset].count { $0 == UInt8(ascii: "\n") }, problem: bad.problem,
                remedy: "the file must be YAML or JSON text in UTF-8")
        }
    }

    /// Reads documents one at a time and gives each to `body`; a document that is not YAML is an error of its own.
    public func forEachDocument(_ body: (Result<YAMLValue, SourceError>) -> Void) {
        forEachDocument(unless: { _, _ in false }) { _, document in body(document) }
    }

    /// The same, passing over each document that `isKnown` by the digest of its text and its first line.
    ///
    /// The digest is keyed anew for each process: nobody can write two texts that have the same one.
    func forEachDocument(
        unless isKnown: (_ digest: Int, _ firstLine: Int) -> Bool,
        _ body: (_ digest: Int, Result<YAMLValue, SourceError>) -> Void
    ) {
        for chunk in YAMLSplitter(bytes) {
            var hasher = Hasher()
            bytes.withUnsafeBytes { hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: $0[chunk.bytes])) }
            let digest = hasher.finalize()
            if isKnown(digest, chunk.firstLine) { continue }
            let result = Result { () throws(SourceError) in try read(chunk) }
            if case .success(let value) = result, value.isNull { continue }
            body(digest, result)
        }
    }

    /// Reads documents one at a time, each with its place in the bytes.
    func forEachChunk(_ body: (YAMLChunk, Result<YAMLValue, SourceError>) -> Void) {
        for chunk in YAMLSplitter(bytes) {
            let result = Result { () throws(SourceError) in try read(chunk) }
            if case .success(let value) = result, value.isNull { continue }
            body(chunk, result)
        }
    }

    /// Reads a file that must hold at most one document; nil where it holds none.
    public func singleDocument() throws(SourceError) -> YAMLValue? {
        var splitter = YAMLSplitter(bytes)
        guard let first = splitter.next() else { return nil }
        let value = try read(first)
        if let second = splitter.next() {
            throw SourceError(
                file: file, line: second.firstLine, problem: "a second document begins here",
                remedy: "keep one document in this file")
        }
        return value.isNull ? nil : value
    }

    private func read(_ chunk: YAMLChunk) throws(SourceError) -> YAMLValue {
        guard chunk.bytes.count <= limits.documentBytes else {
            throw SourceError(
                file: file, line: chunk.firstLine,
                problem: "a document of \(chunk.bytes.count) bytes; the limit is \(limits.documentBytes)",
                remedy: "separate the resources with lines of '---'")
        }
        try checkStructure(chunk)
        let text = String(decoding: bytes[chunk.bytes], as: UTF8.self)
        do {
            // Tags are never resolved: this project's own scalar rules are in YAMLValue.
            let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
            guard let root = try parser.nextRoot() else {
                return YAMLValue(
                    node: .scalar(.init("", .implicit, .plain)), file: file, lineOffset: chunk.firstLine - 1, path: "")
            }
            // Where lines end in CR alone, the parser sees a separator that the splitter does not.
            if try parser.nextRoot() != nil {
                throw SourceError(
                    file: file, line: chunk.firstLine, problem: "holds a second document that is not told apart",
                    remedy: "end lines with a line feed")
            }
            return YAMLValue(node: root, file: file, lineOffset: chunk.firstLine - 1, path: "")
        } catch let error as SourceError {
            throw error
        } catch {
            throw sourceError(of: error, chunk: chunk)
        }
    }

    /// Quotes are not regarded, so a count may be too high for odd text but is never too low: neither the parser's
    /// recursion nor its unfolding of aliases (it hashes every key as a whole) can be driven far.
    private func checkStructure(_ chunk: YAMLChunk) throws(SourceError) {
        var depth = 0
        var deepest = 0
        var anchors = 0
        var aliases = 0
        var previous = UInt8(ascii: " ")
        for byte in bytes[chunk.bytes] {
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                deepest = max(deepest, depth)
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth = max(0, depth - 1)
            default:
                break
            }
            if byte > UInt8(ascii: " ") {
                if previous == UInt8(ascii: "&") { anchors += 1 }
                if previous == UInt8(ascii: "*") { aliases += 1 }
            }
            previous = byte
        }
        if deepest > limits.depth {
            throw SourceError(
                file: file, line: chunk.firstLine, problem: "brackets nested more than \(limits.depth) deep",
                remedy: "no resource needs that: look for a missing closing bracket")
        }
        if anchors > 0, aliases > 0, anchors > limits.anchors || aliases > limits.aliases {
            throw SourceError(
                file: file, line: chunk.firstLine,
                problem: "more than \(limits.anchors) anchors or \(limits.aliases) aliases in one document",
                remedy: "write the values out")
        }
    }

    private func sourceError(of error: any Error, chunk: YAMLChunk) -> SourceError {
        func make(_ mark: Mark?, _ problem: String, _ remedy: String) -> SourceError {
            SourceError(
                file: file, line: chunk.firstLine - 1 + (mark?.line ?? 1), column: mark?.column, problem: problem,
                remedy: remedy)
        }
        guard let error = error as? YamlError else { return make(nil, "not YAML: \(error)", "") }
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            return make(mark, "not YAML: \(problem)", "correct the syntax here or just above")
        case .reader(let problem, _, _, _):
            return make(nil, "not YAML: \(problem)", "remove the control characters")
        case .duplicatedKeysInMapping(let duplicates, let context):
            let keys = duplicates.sorted().joined(separator: ", ")
            return make(context.mark, "the key \(printable(keys)) is there twice", "keep one")
        default:
            return make(nil, "not YAML: \(printable("\(error)"))", "")
        }
    }
}

/// The first byte that no text holds.
private func firstNonText(_ bytes: [UInt8]) -> (offset: Int, problem: String)? {
    var index = 0
    while index < bytes.count {
        let byte = bytes[index]
        if byte < 0x80 {
            if byte == 0 { return (index, "a NUL byte: this is a binary file") }
            index += 1
            continue
        }
        let length: Int
        var lowest: UInt8 = 0x80
        var highest: UInt8 = 0xBF
        switch byte {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, lowest) = (3, 0xA0)
        case 0xED: (length, highest) = (3, 0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, lowest) = (4, 0x90)
        case 0xF4: (length, highest) = (4, 0x8F)
        case 0xF1...0xF3: length = 4
        default: return (index, "bytes that are not UTF-8")
        }
        guard index + length <= bytes.count, (lowest...highest).contains(bytes[index + 1]),
            bytes[(index + 2)..<max(index + 2, index + length)].allSatisfy({ $0 & 0xC0 == 0x80 })
        else { return (index, "bytes that are not UTF-8") }
        index += length
    }
    return nil
}
