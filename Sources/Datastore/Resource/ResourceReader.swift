// From a YAML value to a resource of Calico's v3 schema: what is used is checked in full, the rest is noted.

internal import Net
internal import Overlay

/// What became of one object in a file.
enum ReadOutcome {
    case resource(Resource)
    /// Nothing is wrong with it, and it counts for nothing; a note says why.
    case unused(ResourceIdentity)
    /// Refused; the identity is there where kind and name could be read.
    case refused(ResourceIdentity?, [SourceError])
}

/// Reads the objects of one file; keeps the notes, and one copy of each node name.
struct ResourceReader {
    /// Refuses what is about to be stored and cannot be meant: other kinds, keys that look mistyped, and wrong values
    /// of fields that nobody reads here. What stands in a file already is taken as it is, with a note.
    let isStrict: Bool
    private(set) var notes = NoteCounter()
    /// Times that anything was noted so far.
    private(set) var noteCount = 0
    /// 65,536 claims name a few hundred nodes: the names share their storage.
    private var nodeNames: [String: String] = [:]
    var errors: [SourceError] = []

    init(isStrict: Bool = false) {
        self.isStrict = isStrict
    }

    /// Reads a document, which may be a list of resources, and gives each object's outcome to `body`.
    mutating func read(_ document: YAMLValue, _ body: (ReadOutcome) -> Void) {
        ResourceReader.forEachObject(of: document) { object in
            if let outcome = read(object) { body(outcome) }
        }
    }

    /// Gives the objects of a document to `body`: itself, or the items of a list of resources.
    static func forEachObject(of document: YAMLValue, _ body: (Result<YAMLMapping, SourceError>) -> Void) {
        do throws(SourceError) {
            let root = try document.mapping()
            if let kind = root["kind"], let name = try? kind.string(), name.hasSuffix("List"), let items = root["items"]
            {
                for item in try items.sequence() { body(Result { () throws(SourceError) in try item.mapping() }) }
            } else {
                body(.success(root))
            }
        } catch {
            body(.failure(error))
        }
    }

    /// Reads one object; nil where it is of no kind that is used, which is noted.
    mutating func read(_ object: Result<YAMLMapping, SourceError>) -> ReadOutcome? {
        errors = []
        guard let root = take({ () throws(SourceError) in try object.get() }) else { return .refused(nil, errors) }
        let version = take { () throws(SourceError) in
            try root.required("apiVersion", "write apiVersion: projectcalico.org/v3").string()
        }
        let kindName = take { () throws(SourceError) in
            try root.required("kind", "write Node, IPPool or BlockAffinity").string()
        }
        guard let version, let kindName else { return .refused(nil, errors) }
        let isCalicos = version.hasPrefix("projectcalico.org/")
        guard isCalicos || isStrict, let kind = ResourceKind(rawValue: kindName) else {
            return unmanaged(kindName, version, root)
        }
        if version != "projectcalico.org/v3", let value = root["apiVersion"] {
            errors.append(value.error("\(printable(version)) is not known", "write projectcalico.org/v3"))
        }
        checkKeys(of: root, used: ["apiVersion", "kind", "metadata", "spec"], kind, "")

        let metadata = take { () throws(SourceError) in
            try root.required("metadata", "write metadata: with a name").mapping()
        }
        let spec = take { () throws(SourceError) in try root.required("spec", "write the resource's spec:").mapping() }
        let name = metadata.flatMap { metadata in
            take { () throws(SourceError) in
                try checkedName(metadata.required("name", "give the resource a name"))
            }
        }
        let identity = name.map { ResourceIdentity(kind: kind, name: $0) }
        guard let metadata, let spec, let name else { return .refused(identity, errors) }
        checkKeys(of: metadata, used: metadataFields, kind, "metadata")

        let value: Resource.Value?
        switch kind {
        case .node: value = node(spec, metadata, name: name).map { .node($0) }
        case .pool: value = pool(spec, name: name).map { .pool($0) }
        case .block: value = block(spec, metadata, name: name).map { .block($0) }
        }
        if !errors.isEmpty { return .refused(identity, errors) }
        guard let value else { return .unused(ResourceIdentity(kind: kind, name: name)) }
        return .resource(Resource(name: name, value: value, line: Int32(clamping: root.owner.line)))
    }

    private mutating func unmanaged(_ kind: String, _ version: String, _ root: YAMLMapping) -> ReadOutcome? {
        let kinds = ResourceKind.allCases.map(\.rawValue)
        let near = nearestName(to: kind, in: kinds).flatMap { $0 == kind ? nil : "did you mean \($0)?" }
        if isStrict, let value = root["kind"] {
            errors.append(
                value.error("\(printable(kind)) is not managed here", near ?? "write Node, IPPool or BlockAffinity"))
            return .refused(nil, errors)
        }
        let hint = near.map { "; \($0)" } ?? ""
        note("kind \(printable(kind)) of \(printable(version)) is not used\(hint)", at: root.owner.place)
        return nil
    }

    // MARK: - Fields

    /// The `spec.cidr`; nil and no error for IPv6, which is noted.
    mutating func prefix(
        of spec: YAMLMapping, _ kind: ResourceKind
    ) -> (prefix: IPv4Prefix, value: YAMLValue)? {
        let cidr = take { () throws(SourceError) in
            let value = try spec.required("cidr", "write it like 10.244.0.0/16")
            return (text: try value.string(), value: value)
        }
        guard let cidr else { return nil }
        if cidr.text.utf8.contains(UInt8(ascii: ":")) {
            note("\(kind.rawValue) with an IPv6 cidr is not used", at: cidr.value.place)
            return nil
        }
        guard let prefix = IPv4Prefix(cidr.text) else {
            if let address = IPv4InterfaceAddress(cidr.text), cidr.text.utf8.contains(UInt8(ascii: "/")) {
                errors.append(cidr.value.error("\(address) has host bits set", "write \(address.prefix)"))
            } else {
                errors.append(
                    cidr.value.error("\(printable(cidr.text)) is no IPv4 prefix", "write it like 10.244.0.0/16"))
            }
            return nil
        }
        if let problem = NodeRules.problem(withPrefix: prefix) {
            errors.append(cidr.value.error(problem, "choose a range for workloads"))
            return nil
        }
        return (prefix, cidr.value)
    }

    mutating func boolean(_ value: YAMLValue?) -> Bool {
        guard let value else { return false }
        return take { () throws(SourceError) in try value.boolean() } ?? false
    }

    mutating func note(_ subject: String, at place: @autoclosure () -> String) {
        noteCount += 1
        notes.note(isStrict ? "note: \(subject)" : subject, at: place())
    }

    mutating func shared(_ name: String) -> String {
        if let known = nodeNames[name] { return known }
        nodeNames[name] = name
        return name
    }

    /// - Parameter section: the mapping's path within the resource.
    mutating func checkKeys(
        of mapping: YAMLMapping, used: Set<String>, _ kind: ResourceKind, _ section: String
    ) {
        for entry in mapping.unknown(used) {
            if isStrict {
                let known = kind.storedKeys(in: section)
                if !known.contains(entry.key), let near = nearestName(to: entry.key, in: known + used) {
                    errors.append(entry.error("unknown key", "did you mean \(near)?"))
                } else {
                    let path = section.isEmpty ? entry.key : "\(section).\(entry.key)"
                    note("\(kind.rawValue) \(printable(path)) is stored and not used", at: entry.place)
                }
                continue
            }
            let near = nearestName(to: entry.key, in: Array(used)).map { "; did you mean \($0)?" } ?? ""
            note("\(kind.rawValue) \(printable(entry.value.path)) is not used\(near)", at: entry.place)
        }
    }

    mutating func take<T>(_ body: () throws(SourceError) -> T) -> T? {
        do {
            return try body()
        } catch {
            errors.append(error)
            return nil
        }
    }
}

func checkedName(_ value: YAMLValue) throws(SourceError) -> String {
    let name = try value.string()
    if let problem = NodeRules.problem(withName: name) {
        throw value.error(problem, "write a name like node-1.example")
    }
    return name
}

/// Kubernetes' own metadata, which says nothing about packets; passed over without a note.
private let metadataFields: Set<String> = [
    "name", "creationTimestamp", "labels", "annotations", "uid", "resourceVersion", "generation", "managedFields",
    "ownerReferences", "finalizers", "selfLink", "generateName", "deletionTimestamp", "deletionGracePeriodSeconds",
]

extension YAMLValue {
    /// `FILE:LINE`.
    var place: String { "\(file):\(line)" }
}

extension YAMLMapping.Entry {
    /// `FILE:LINE` of the key.
    var place: String { "\(value.file):\(keyLine)" }
}
