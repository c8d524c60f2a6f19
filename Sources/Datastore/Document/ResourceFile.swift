// One text with resources: what each of them says, and where in the text it stands.

/// A resource as a file says it.
public struct ResourceObject: Sendable {
    /// Kind and name.
    public let identity: ResourceIdentity
    /// All fields, those that are not used here too; `null` where they have no keys of text.
    public let fields: DocumentValue
    /// The file's path, or the name of what was read instead.
    public let file: String
    /// The resource's first line, from 1.
    public let line: Int
    /// What is used of it; nil where something is wrong, or where it counts for nothing.
    let value: Resource.Value?
    let chunk: YAMLChunk
    /// One of several in its document.
    let isListItem: Bool
    /// Lines of the fields that rules between resources are about, where the text is about to be stored.
    private let lines: [String: Int]

    private static let ruledFields = [
        "metadata.name", "spec.bgp.ipv4Address", "spec.bgp.ipv4IPIPTunnelAddr", "spec.blockSize", "spec.cidr",
        "spec.node",
    ]

    fileprivate init(
        _ identity: ResourceIdentity, _ root: YAMLMapping, fields: DocumentValue, value: Resource.Value?,
        chunk: YAMLChunk, keepsLines: Bool
    ) {
        self.identity = identity
        self.fields = fields
        self.value = value
        self.chunk = chunk
        file = root.owner.file
        line = root.owner.line
        isListItem = !root.owner.path.isEmpty
        lines = keepsLines ? root.lines(of: ResourceObject.ruledFields) : [:]
    }

    /// The file's name without its directory, and the line.
    public var place: String { "\(file.split(separator: "/").last ?? ""):\(line)" }

    /// An error at one of the fields.
    func error(at field: String, _ problem: String, _ remedy: String) -> SourceError {
        SourceError(file: file, line: lines[field] ?? line, field: field, problem: problem, remedy: remedy)
    }
}

/// The resources of one text, and what is wrong with it.
public struct ResourceFile: Sendable {
    /// The file's path, or the name of what was read instead.
    public let path: String
    let bytes: [UInt8]
    /// The resources of the kinds that are managed, also those with mistakes.
    public private(set) var objects: [ResourceObject] = []
    /// What is wrong, in the order of lines.
    public private(set) var errors: [SourceError] = []
    /// What is accepted and not used.
    private(set) var notes = NoteCounter()
    /// Documents of any kind.
    private(set) var documentCount = 0

    /// Reads a text.
    ///
    /// - Parameter isStrict: refuses what should not be stored, as ``ResourceReader/isStrict`` says.
    public init(_ bytes: [UInt8], path: String, isStrict: Bool) {
        self.path = path
        self.bytes = bytes
        var reader = ResourceReader(isStrict: isStrict)
        do throws(SourceError) {
            try YAMLSource(bytes, file: path).forEachChunk { chunk, document in
                documentCount += 1
                switch document {
                case .failure(let error): errors.append(error)
                case .success(let value):
                    ResourceReader.forEachObject(of: value) { object in
                        guard let outcome = reader.read(object) else { return }
                        take(outcome, object, chunk, keepsLines: isStrict)
                    }
                }
            }
        } catch {
            errors.append(error)
        }
        notes = reader.notes
    }

    private mutating func take(
        _ outcome: ReadOutcome, _ object: Result<YAMLMapping, SourceError>, _ chunk: YAMLChunk, keepsLines: Bool
    ) {
        if case .refused(_, let refusals) = outcome { errors += refusals }
        guard let identity = outcome.identity, let root = try? object.get() else { return }
        var fields = DocumentValue.null
        do throws(SourceError) {
            fields = try DocumentValue(root.owner)
        } catch {
            errors.append(error)
        }
        objects.append(
            ResourceObject(
                identity, root, fields: fields, value: outcome.value, chunk: chunk, keepsLines: keepsLines))
    }

    /// A resource's text as it can stand in another file, without a line feed at its end: as it was written where it is
    /// a document of its own, else rendered.
    func text(of object: ResourceObject) -> [UInt8] {
        if !object.isListItem, let body = YAMLSplitter(bytes).body(of: object.chunk),
            bytes[body.content].first(where: { $0 != UInt8(ascii: " ") }) != UInt8(ascii: "{")
        {
            return withoutLineEnd(bytes[body.content])
        }
        return withoutLineEnd(Array(object.fields.yaml.utf8)[...])
    }
}

/// The bytes without the line end behind them.
func withoutLineEnd(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var rest = bytes
    if rest.last == UInt8(ascii: "\n") { rest.removeLast() }
    if rest.last == UInt8(ascii: "\r") { rest.removeLast() }
    return Array(rest)
}

extension ReadOutcome {
    fileprivate var identity: ResourceIdentity? {
        switch self {
        case .resource(let resource): resource.identity
        case .unused(let identity): identity
        case .refused(let identity, _): identity
        }
    }

    fileprivate var value: Resource.Value? {
        if case .resource(let resource) = self { return resource.value }
        return nil
    }
}

extension YAMLMapping {
    /// Where the values of some paths begin.
    fileprivate func lines(of paths: [String]) -> [String: Int] {
        var result: [String: Int] = [:]
        for path in paths {
            var mapping: YAMLMapping? = self
            var value: YAMLValue?
            for key in path.split(separator: ".") {
                value = mapping?[String(key)]
                mapping = try? value?.mapping()
            }
            result[path] = value?.line
        }
        return result
    }
}
