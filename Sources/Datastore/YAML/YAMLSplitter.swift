// Cuts a YAML stream into its documents before any parser sees it: one bad document cannot hide the others,
// and only one document at a time is held as a tree.

/// One document's text and where it stands in its file.
struct YAMLChunk: Sendable {
    /// The bytes of the document within the file.
    var bytes: Range<Int>
    /// The line of the first byte, from 1.
    var firstLine: Int
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
