// Cuts a YAML stream into its documents before any parser sees it: one bad document cannot hide the others,
// and only one document at a time is held as a tree.

/// One document's text and where it stands in its file.
struct YAMLChunk: Sendable {
    /// The bytes of the document within the file.
    var bytes: Range<Int>
    /// The line of the first byte, from 1.
    var firstLine: Int
}

/// The parts of a document's text that an edit touches, each with the line ends of its lines.
struct YAMLBody: Sendable {
    /// From the first line with content to the last; comments between them are part of it.
    var content: Range<Int>
    /// The same with the comments that touch it from above.
    var contentWithComment: Range<Int>
    /// The line of `---` before it.
    var separator: Range<Int>?
}

/// Walks over the documents of a stream.
///
/// YAML 1.2 (9.1.2) forbids `---` and `...` at the start of a line inside any document, also in block scalars
/// and in quoted text, so cutting by lines is exact.
struct YAMLSplitter: Sequence, IteratorProtocol {
    private let bytes: [UInt8]
    private var position: Int
    private var line = 1

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        // A byte order mark belongs to no document.
        position = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    /// The next document with anything in it but comments and directives.
    mutating func next() -> YAMLChunk? {
        while position < bytes.count {
            let start = position
            let firstLine = line
            var hasContent = false
            chunk: while position < bytes.count {
                let lineStart = position
                let end = endOfLine(from: lineStart)
                switch kind(ofLineAt: lineStart, end: end) {
                case .documentStart where hasContent:
                    return YAMLChunk(bytes: start..<lineStart, firstLine: firstLine)
                case .documentStart(let isBare):
                    if !isBare { hasContent = true }
                case .documentEnd:
                    advance(past: end)
                    break chunk
                case .content:
                    hasContent = true
                case .nothing:
                    break
                }
                advance(past: end)
            }
            if hasContent { return YAMLChunk(bytes: start..<position, firstLine: firstLine) }
        }
        return nil
    }

    /// Where the document of a chunk begins and ends; nil where it begins on the line of its separator.
    func body(of chunk: YAMLChunk) -> YAMLBody? {
        var body: YAMLBody?
        var separator: Range<Int>?
        var commentStart: Int?
        var position = chunk.bytes.lowerBound
        while position < chunk.bytes.upperBound {
            let end = endOfLine(from: position)
            let next = end < bytes.count ? end + 1 : end
            switch kind(ofLineAt: position, end: end) {
            case .documentStart(let isBare):
                guard isBare else { return nil }
                separator = position..<next
                commentStart = nil
            case .documentEnd:
                return body
            case .content:
                let start = body?.content.lowerBound ?? position
                let commented = body?.contentWithComment.lowerBound ?? commentStart ?? position
                body = YAMLBody(content: start..<next, contentWithComment: commented..<next, separator: separator)
            case .nothing where !bytes[position..<end].allSatisfy(isBlank):
                commentStart = commentStart ?? position
            case .nothing:
                commentStart = nil
            }
            position = next
        }
        return body
    }

    private enum LineKind {
        case documentStart(isBare: Bool)
        case documentEnd
        case nothing
        case content
    }

    private func kind(ofLineAt start: Int, end: Int) -> LineKind {
        guard start < end else { return .nothing }
        let first = bytes[start]
        if first == UInt8(ascii: "#") || first == UInt8(ascii: "%") { return .nothing }
        if first == UInt8(ascii: "-") || first == UInt8(ascii: "."), end - start >= 3,
            bytes[start + 1] == first, bytes[start + 2] == first,
            end - start == 3 || isBlank(bytes[start + 3])
        {
            if first == UInt8(ascii: ".") { return .documentEnd }
            let rest = bytes[(start + 3)..<end].first { !isBlank($0) }
            return .documentStart(isBare: rest == nil || rest == UInt8(ascii: "#"))
        }
        guard let significant = bytes[start..<end].first(where: { !isBlank($0) }) else { return .nothing }
        return significant == UInt8(ascii: "#") ? .nothing : .content
    }

    private func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }

    private func endOfLine(from start: Int) -> Int {
        var index = start
        while index < bytes.count, bytes[index] != UInt8(ascii: "\n") { index += 1 }
        return index
    }

    private mutating func advance(past end: Int) {
        position = end < bytes.count ? end + 1 : end
        line += 1
    }
}
