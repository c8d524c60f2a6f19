// A resource's fields as a tree without places: what is compared, shown and written.

/// A value in a document.
public enum DocumentValue: Hashable, Sendable {
    case null
    case boolean(Bool)
    /// As it is written, so that no digit is lost.
    case number(String)
    case text(String)
    case list([DocumentValue])
    /// Keys are unique, in the order of the text.
    case mapping([Field])

    /// A key with its value.
    public struct Field: Hashable, Sendable {
        public var key: String
        public var value: DocumentValue

        /// A key with its value.
        public init(_ key: String, _ value: DocumentValue) {
            self.key = key
            self.value = value
        }
    }

    /// The tree of a value that was read.
    ///
    /// - Throws: ``SourceError`` where a mapping has keys that are no text.
    init(_ value: YAMLValue) throws(SourceError) {
        switch value.kind {
        case .null: self = .null
        case .boolean(let text): self = .boolean(text.utf8.count == 4)
        case .integer(let text), .float(let text): self = .number(text)
        case .string(let text): self = .text(text)
        case .mapping:
            var fields: [Field] = []
            for entry in try value.mapping().entries { fields.append(Field(entry.key, try DocumentValue(entry.value))) }
            self = .mapping(fields)
        case .sequence:
            var elements: [DocumentValue] = []
            for element in try value.sequence() { elements.append(try DocumentValue(element)) }
            self = .list(elements)
        }
    }

    /// The value that a path of keys leads to; nil where there is none, or `null`.
    public subscript(path: String...) -> DocumentValue? {
        var value = self
        for key in path {
            guard case .mapping(let fields) = value, let field = fields.first(where: { $0.key == key }) else {
                return nil
            }
            value = field.value
        }
        return value == .null ? nil : value
    }

    /// On one line, for a person.
    public var line: String {
        switch self {
        case .null: "none"
        case .boolean(let value): "\(value)"
        case .number(let text), .text(let text): printable(text)
        case .list(let elements): "[\(elements.map(\.line).joined(separator: ", "))]"
        case .mapping(let fields):
            "{\(fields.map { "\(printable($0.key)): \($0.value.line)" }.joined(separator: ", "))}"
        }
    }

    /// Without keys that have no value, the others in alphabetic order: equal for equal resources, however written.
    var normalized: DocumentValue {
        switch self {
        case .null, .boolean, .number, .text: self
        case .list(let elements): .list(elements.map(\.normalized))
        case .mapping(let fields):
            .mapping(
                fields.filter { $0.value != .null }.map { Field($0.key, $0.value.normalized) }
                    .sorted { $0.key < $1.key })
        }
    }
}

extension DocumentValue: Encodable {
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .mapping(let fields):
            var container = encoder.container(keyedBy: Key.self)
            for field in fields { try container.encode(field.value, forKey: Key(stringValue: field.key)) }
        case .list(let elements):
            var container = encoder.unkeyedContainer()
            for element in elements { try container.encode(element) }
        case .null, .boolean, .number, .text:
            var container = encoder.singleValueContainer()
            try encodeScalar(&container)
        }
    }

    private func encodeScalar(_ container: inout some SingleValueEncodingContainer) throws {
        switch self {
        case .boolean(let value): try container.encode(value)
        case .number(let text):
            // What JSON would write otherwise, as 1.10 or 0x1F, stays as it is written.
            if let value = Int64(text), "\(value)" == text {
                try container.encode(value)
            } else if let value = Double(text), "\(value)" == text, Int64(exactly: value) == nil {
                try container.encode(value)
            } else {
                try container.encode(text)
            }
        case .text(let text): try container.encode(text)
        default: try container.encodeNil()
        }
    }
}
