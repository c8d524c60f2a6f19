// Changes resources in the text of one file and leaves every other byte as it was.

/// The edits of one file, carried out together.
///
/// The result is read again: where anything but the edited resources would have changed, the edit is refused.
struct DocumentEditor {
    private let file: ResourceFile
    private var edits: [(range: Range<Int>, text: [UInt8])] = []
    /// Lines of the documents that are edited: their mistakes go with them.
    private var editedLines: [Range<Int>] = []
    private var appended: [[UInt8]] = []
    /// The whole text, where the file is JSON.
    private var json: [UInt8]?
    /// Resources by the places of their documents.
    private let indices: [Int: Int]
    /// What the file has to say afterwards: its resources in their order, nil for one that goes, then new ones.
    private var expected: [Expected?]

    private struct Expected: Equatable {
        var identity: ResourceIdentity
        var fields: DocumentValue

        init(_ object: ResourceObject) {
            identity = object.identity
            fields = object.fields.normalized
        }
    }

    init(_ file: ResourceFile) {
        self.file = file
        expected = file.objects.map(Expected.init)
        indices = Dictionary(
            zip(file.objects.map(\.chunk.bytes.lowerBound), file.objects.indices),
            uniquingKeysWith: { first, _ in first })
    }

    /// Exchanges a resource of the file.
    ///
    /// - Parameter text: the new one's document, without separator and last line feed.
    mutating func replace(_ old: ResourceObject, with new: ResourceObject, text: [UInt8]) throws(SourceError) {
        let index = try index(of: old)
        if isJSON {
            guard file.documentCount == 1 else { throw refusal(old, "stands beside others in a file of JSON") }
            json = try renderJSON(new)
        } else {
            let content = try body(of: old).content
            edits.append((content, text + lineEnd(of: content)))
        }
        expected[index] = Expected(new)
        editedLines.append(lines(of: old.chunk))
    }

    /// Takes a resource out of the file, with the comment that touches it from above.
    mutating func remove(_ old: ResourceObject) throws(SourceError) {
        let index = try index(of: old)
        let body = try body(of: old)
        edits.append((body.contentWithComment, []))
        if let separator = body.separator { edits.append((separator, [])) }
        expected[index] = nil
        editedLines.append(lines(of: old.chunk))
    }

    /// Adds a resource at the end of the file.
    mutating func append(_ new: ResourceObject, text: [UInt8]) {
        appended.append(text + [UInt8(ascii: "\n")])
        expected.append(Expected(new))
    }

    /// The file's new text; nil where nothing is left of it.
    func finished() throws(SourceError) -> [UInt8]? {
        var text = json ?? edited
        for document in appended {
            if !text.isEmpty {
                if text.last != UInt8(ascii: "\n") { text.append(UInt8(ascii: "\n")) }
                text += Array("---\n".utf8)
            }
            text += document
        }
        let after = ResourceFile(text, path: file.path, isStrict: false)
        if let error = file.errors.first(where: { error in !editedLines.contains { $0.contains(error.line) } }) {
            throw SourceError(
                file: file.path, line: error.line, field: error.field,
                problem: "\(error.problem), and the file is not edited", remedy: "correct it first")
        }
        guard after.errors.isEmpty, after.objects.map(Expected.init) == expected.compactMap({ $0 }),
            after.documentCount == file.documentCount - expected.count(where: { $0 == nil }) + appended.count
        else {
            throw SourceError(
                file: file.path, problem: "is written in a way that cannot be edited safely",
                remedy: "edit it by hand, or give each resource a document of its own")
        }
        return after.documentCount == 0 && !hasComment(text) ? nil : text
    }

    /// The file's bytes with what was exchanged and taken out.
    private var edited: [UInt8] {
        var text: [UInt8] = []
        var position = 0
        for edit in edits.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
            text += file.bytes[position..<edit.range.lowerBound] + edit.text
            position = edit.range.upperBound
        }
        return text + file.bytes[position...]
    }

    /// A text of JSON is written anew as a whole; YAML in a file of that name is not.
    private var isJSON: Bool {
        let first = file.bytes.first { !" \t\r\n".utf8.contains($0) }
        return file.path.hasSuffix(".json") && first == UInt8(ascii: "{") && !hasComment(file.bytes)
    }

    // MARK: - Places

    private func index(of object: ResourceObject) throws(SourceError) -> Int {
        guard !object.isListItem else { throw refusal(object, "is an item of a list") }
        guard let index = indices[object.chunk.bytes.lowerBound] else {
            throw refusal(object, "is not in the file any more")
        }
        return index
    }

    private func lines(of chunk: YAMLChunk) -> Range<Int> {
        let count = file.bytes[chunk.bytes].count { $0 == UInt8(ascii: "\n") }
        // A document that is cut off is found to be wrong on the line behind it.
        return chunk.firstLine..<(chunk.firstLine + count + 1)
    }

    private func body(of object: ResourceObject) throws(SourceError) -> YAMLBody {
        guard let body = YAMLSplitter(file.bytes).body(of: object.chunk) else {
            throw refusal(object, "begins on the line of its separator")
        }
        return body
    }

    /// What ends the document's last line: nothing at the end of a file without a line feed.
    private func lineEnd(of content: Range<Int>) -> ArraySlice<UInt8> {
        file.bytes[content].dropFirst(withoutLineEnd(file.bytes[content]).count)
    }

    private func refusal(_ object: ResourceObject, _ problem: String) -> SourceError {
        SourceError(
            file: object.file, line: object.line, problem: "\(object.identity) \(problem), and is not edited",
            remedy: "edit it by hand, or give it a document of its own")
    }

    private func renderJSON(_ object: ResourceObject) throws(SourceError) -> [UInt8] {
        do {
            return try JSON.encode(object.fields)
        } catch {
            throw refusal(object, "cannot be written as JSON")
        }
    }

    private func hasComment(_ text: [UInt8]) -> Bool {
        text.split(separator: UInt8(ascii: "\n")).contains { line in
            line.first { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") } == UInt8(ascii: "#")
        }
    }
}
