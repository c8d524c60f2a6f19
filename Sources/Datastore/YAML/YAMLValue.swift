// A piece of YAML that knows where it stands: every wrong type or key becomes an error with file, line and field.

internal import Yams

/// A value in a document, with its place and the path that leads to it.
public struct YAMLValue {
    let node: Yams.Node
    /// The file's name for messages.
    public let file: String
    let lineOffset: Int
    /// The dotted path from the document's root; empty for the root.
    public let path: String

    /// The line of the value's first character, from 1.
    public var line: Int { lineOffset + (node.mark?.line ?? 1) }

    /// The column of the value's first character in Unicode scalars, from 1.
    public var column: Int { node.mark?.column ?? 1 }

    /// The text of a scalar of any type, as the parser understood it; nil for a mapping or a list.
    public var scalarText: String? { node.scalar?.string }

    /// The line that the document's text begins at, which may be above its first value.
    var firstDocumentLine: Int { lineOffset + 1 }

    /// An error at this value.
    public func error(_ problem: String, _ remedy: String = "") -> SourceError {
        SourceError(
            file: file, line: line, column: node.mark?.column, field: path, problem: problem, remedy: remedy)
    }

    /// Whether the value is missing or `null`.
    public var isNull: Bool {
        if case .null = kind { return true }
        return false
    }

    /// Whether the value is a mapping.
    public var isMapping: Bool { node.mapping != nil }

    /// The value as text.
    ///
    /// A plain `123`, `true` or `null` is no text: YAML says so, and so does Kubernetes.
    public func string() throws(SourceError) -> String {
        switch kind {
        case .string(let text): return text
        case .integer(let text), .float(let text), .boolean(let text):
            throw error(
                "must be text, and \(printable(text)) is \(kind.noun)", "put it in quotes: \"\(printable(text))\"")
        default: throw error("must be text, not \(kind.noun)")
        }
    }

    /// The value as a whole number within `range`.
    public func integer(in range: ClosedRange<Int>) throws(SourceError) -> Int {
        guard case .integer(let text) = kind else {
            throw error("must be a whole number, not \(kind.noun)", "write \(range.lowerBound) to \(range.upperBound)")
        }
        guard let value = Int(text.hasPrefix("+") ? String(text.dropFirst()) : text), range.contains(value) else {
            throw error("\(printable(text)) is out of range", "write \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// The value as `true` or `false`.
    public func boolean() throws(SourceError) -> Bool {
        guard case .boolean(let text) = kind else {
            throw error("must be true or false, not \(kind.noun)", "write true or false")
        }
        return text.utf8.count == 4
    }

    /// The value as a mapping with unique text keys.
    public func mapping() throws(SourceError) -> YAMLMapping {
        guard let mapping = node.mapping else {
            throw error("must be a mapping of keys and values, not \(kind.noun)")
        }
        var entries: [YAMLMapping.Entry] = []
        entries.reserveCapacity(mapping.count)
        for (keyNode, valueNode) in mapping {
            let key = YAMLValue(node: keyNode, file: file, lineOffset: lineOffset, path: path)
            guard case .scalar(let scalar) = keyNode else {
                throw key.error("a key must be text, not \(key.kind.noun)")
            }
            guard scalar.string != "<<" else {
                throw key.error("merge keys ('<<') are not supported", "write the fields out")
            }
            entries.append(
                YAMLMapping.Entry(
                    key: scalar.string, keyLine: key.line, keyColumn: scalar.mark?.column ?? 1,
                    value: YAMLValue(
                        node: valueNode, file: file, lineOffset: lineOffset,
                        path: path.isEmpty ? scalar.string : path + "." + scalar.string)))
        }
        return YAMLMapping(owner: self, entries: entries)
    }

    /// The value as a list.
    public func sequence() throws(SourceError) -> [YAMLValue] {
        guard let sequence = node.sequence else { throw error("must be a list, not \(kind.noun)") }
        return sequence.enumerated().map { index, element in
            YAMLValue(node: element, file: file, lineOffset: lineOffset, path: "\(path)[\(index)]")
        }
    }

    // MARK: - YAML 1.2's core schema, plain scalars only; tags are not regarded

    enum Kind {
        case null
        case boolean(String)
        case integer(String)
        case float(String)
        case string(String)
        case mapping
        case sequence

        var noun: String {
            switch self {
            case .null: "empty"
            case .boolean: "true or false"
            case .integer: "a number"
            case .float: "a fraction"
            case .string: "text"
            case .mapping: "a mapping"
            case .sequence: "a list"
            }
        }
    }

    var kind: Kind {
        switch node {
        case .mapping: return .mapping
        case .sequence: return .sequence
        case .alias: return .null
        case .scalar(let scalar):
            guard scalar.style == .plain || scalar.style == .any else { return .string(scalar.string) }
            return YAMLValue.kind(ofPlain: scalar.string)
        }
    }

    static func kind(ofPlain text: String) -> Kind {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE", "false", "False", "FALSE": return .boolean(text)
        default: break
        }
        guard let first = text.utf8.first,
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) || [43, 45, 46].contains(first)
        else { return .string(text) }
        let digits = text.utf8.dropFirst(first == 43 || first == 45 ? 1 : 0)
        if !digits.isEmpty, digits.allSatisfy({ (48...57).contains($0) }) { return .integer(text) }
        if digits.starts(with: "0x".utf8) || digits.starts(with: "0o".utf8) { return .float(text) }
        return Double(text) == nil ? .string(text) : .float(text)
    }
}

/// A mapping with unique text keys, in the order of the text.
public struct YAMLMapping {
    /// A key and its value.
    public struct Entry {
        /// The key.
        public let key: String
        /// The line of the key, from 1.
        public let keyLine: Int
        /// The column of the key in Unicode scalars, from 1.
        public let keyColumn: Int
        /// The value.
        public let value: YAMLValue

        /// An error at the key.
        public func error(_ problem: String, _ remedy: String = "") -> SourceError {
            SourceError(
                file: value.file, line: keyLine, column: keyColumn, field: value.path, problem: problem, remedy: remedy)
        }
    }

    /// The mapping as a value, for errors about it as a whole.
    public let owner: YAMLValue
    /// All keys with their values.
    public let entries: [Entry]

    /// The value of `key`; nil where the key is missing, or its value is `null`.
    public subscript(key: String) -> YAMLValue? {
        guard let value = entries.first(where: { $0.key == key })?.value, !value.isNull else { return nil }
        return value
    }

    /// The value of `key`.
    ///
    /// - Throws: ``SourceError`` at the mapping where the key is missing or has no value.
    public func required(_ key: String, _ remedy: String) throws(SourceError) -> YAMLValue {
        if let value = self[key] { return value }
        let path = owner.path.isEmpty ? key : owner.path + "." + key
        if let entry = entries.first(where: { $0.key == key }) { throw entry.error("has no value", remedy) }
        throw SourceError(
            file: owner.file, line: owner.line, column: nil, field: path, problem: "is missing", remedy: remedy)
    }

    /// The keys that are not among `known`.
    public func unknown(_ known: Set<String>) -> [Entry] {
        entries.filter { !known.contains($0.key) }
    }

    /// An error for each key that is not among `known`, with the nearest known key as the remedy.
    public func unknownKeyErrors(_ known: [String]) -> [SourceError] {
        unknown(Set(known)).map { entry in
            let near = nearestName(to: entry.key, in: known)
            return entry.error(
                "unknown key",
                near.map { "did you mean \($0)?" } ?? "known keys here: \(known.sorted().joined(separator: ", "))")
        }
    }
}

/// The name that a typing mistake most likely meant: the one at most a third of its letters away, if there is just one.
package func nearestName(to text: String, in names: [String]) -> String? {
    guard text.utf8.count <= 64 else { return nil }
    let typed = Array(text.lowercased().utf8)
    let ranked = names.map { (name: $0, distance: editDistance(typed, Array($0.lowercased().utf8))) }
        .filter { $0.distance <= max(1, $0.name.utf8.count / 3) }
        .sorted { $0.distance < $1.distance }
    guard let best = ranked.first, ranked.count == 1 || ranked[1].distance > best.distance else { return nil }
    return best.name
}

private func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var row = Array(0...right.count)
    for (i, byte) in left.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, other) in right.enumerated() {
            let substituted = diagonal + (byte == other ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
        }
    }
    return row[right.count]
}
