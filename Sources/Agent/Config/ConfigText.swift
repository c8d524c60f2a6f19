// A config's text by lines and Unicode scalars, the parser's own coordinates, so that a piece can be replaced exactly.

internal import Datastore

/// Text that is edited at places the parser has named.
struct ConfigText {
    /// Each with its own line ending, so that mixed files stay as they are.
    private var lines: [[Unicode.Scalar]]
    private let hasMark: Bool
    private let lineEnd: String

    init(_ bytes: [UInt8]) {
        hasMark = bytes.starts(with: [0xEF, 0xBB, 0xBF])
        let text = String(decoding: hasMark ? bytes[3...] : bytes[...], as: UTF8.self)
        lines = []
        var line: [Unicode.Scalar] = []
        for scalar in text.unicodeScalars {
            line.append(scalar)
            if scalar == "\n" {
                lines.append(line)
                line = []
            }
        }
        if !line.isEmpty { lines.append(line) }
        lineEnd = lines.first.map { $0.count >= 2 && $0[$0.count - 2] == "\r" } == true ? "\r\n" : "\n"
    }

    /// The text without a byte order mark.
    var bytes: [UInt8] {
        var text = String.UnicodeScalarView()
        for line in lines { text.append(contentsOf: line) }
        return Array(String(text).utf8)
    }

    /// The text as it goes back to the file.
    var withMark: [UInt8] { (hasMark ? [0xEF, 0xBB, 0xBF] : []) + bytes }

    /// Sets a key.
    ///
    /// - Parameter root: the text as it is parsed; nil where it holds nothing but comments.
    mutating func set(_ key: ConfigKey, to value: String, in root: YAMLMapping?) throws(SourceError) {
        let parts = key.rawValue.split(separator: ".").map(String.init)
        guard let root else { return append(parts, value) }
        var mapping = root
        if parts.count == 2 {
            guard let section = root.entries.first(where: { $0.key == parts[0] }) else {
                return insert(parts, value, into: root)
            }
            if section.value.isNull {
                let indent = String(repeating: " ", count: section.keyColumn + 1)
                return insertLine("\(indent)\(parts[1]): \(value)", after: section.keyLine)
            }
            mapping = try section.value.mapping()
        }
        guard let name = parts.last else { return }
        guard let entry = mapping.entries.first(where: { $0.key == name }) else {
            return insert([name], value, into: mapping)
        }
        try replace(entry, with: value)
    }

    // MARK: - A key that is there

    private mutating func replace(_ entry: YAMLMapping.Entry, with value: String) throws(SourceError) {
        if entry.value.isNull, entry.value.scalarText == "" { return try fill(entry, with: value) }
        let line = entry.value.line - 1
        let start = entry.value.column - 1
        guard lines.indices.contains(line), start < lines[line].count else { throw refusal(of: entry) }
        let end: Int?
        switch lines[line][start] {
        case "'", "\"": end = endOfQuoted(line, start)
        case "{": end = lines[line][start...].firstIndex(of: "}").map { $0 + 1 }
        default:
            // A plain scalar on one line stands in the text as it reads.
            let text = Array((entry.value.scalarText ?? "").unicodeScalars)
            end = !text.isEmpty && lines[line][start...].starts(with: text) ? start + text.count : nil
        }
        guard let end else { throw refusal(of: entry) }
        lines[line].replaceSubrange(start..<end, with: Array(value.unicodeScalars))
    }

    /// Writes a value behind a key that has none.
    private mutating func fill(_ entry: YAMLMapping.Entry, with value: String) throws(SourceError) {
        let line = entry.keyLine - 1
        guard lines.indices.contains(line),
            let colon = lines[line][min(entry.keyColumn - 1, lines[line].count)...].firstIndex(of: ":")
        else { throw refusal(of: entry) }
        lines[line].insert(contentsOf: Array((" " + value).unicodeScalars), at: colon + 1)
    }

    private func endOfQuoted(_ line: Int, _ start: Int) -> Int? {
        let text = lines[line]
        let quote = text[start]
        var index = start + 1
        while index < text.count {
            if quote == "\"", text[index] == "\\" {
                index += 2
            } else if text[index] == quote {
                guard quote == "'", index + 1 < text.count, text[index + 1] == quote else { return index + 1 }
                index += 2
            } else {
                index += 1
            }
        }
        return nil
    }

    private func refusal(of entry: YAMLMapping.Entry) -> SourceError {
        entry.error("the value is written in a way that cannot be edited safely", "edit the file by hand")
    }

    // MARK: - A key that is missing

    /// Writes a key into a mapping: within its braces, or on a line of its own behind the last key.
    private mutating func insert(_ parts: [String], _ value: String, into mapping: YAMLMapping) {
        let line = mapping.owner.line - 1
        let column = mapping.owner.column - 1
        if lines.indices.contains(line), lines[line].indices.contains(column), lines[line][column] == "{" {
            let comma = mapping.entries.isEmpty ? "" : ", "
            let inner = parts.count == 2 ? "\(parts[0]): {\(parts[1]): \(value)}" : "\(parts[0]): \(value)"
            lines[line].insert(contentsOf: Array((inner + comma).unicodeScalars), at: column + 1)
            return
        }
        guard mapping.owner.path.isEmpty == false, let last = mapping.entries.last else {
            return append(parts, value)
        }
        let indent = String(repeating: " ", count: last.keyColumn - 1)
        insertLine("\(indent)\(parts[0]): \(value)", after: max(last.keyLine, last.value.line))
    }

    private mutating func append(_ parts: [String], _ value: String) {
        insertLine(parts.count == 2 ? "\(parts[0]):" : "\(parts[0]): \(value)", after: lines.count)
        if parts.count == 2 { insertLine("  \(parts[1]): \(value)", after: lines.count) }
    }

    /// Inserts a line behind line `number`, counted from 1.
    private mutating func insertLine(_ text: String, after number: Int) {
        let index = min(number, lines.count)
        if index > 0, lines[index - 1].last != "\n" { lines[index - 1] += Array(lineEnd.unicodeScalars) }
        lines.insert(Array((text + lineEnd).unicodeScalars), at: index)
    }
}
