// From a YAML value to a resource of Calico's v3 schema: what is used is checked in full, the rest is noted.

internal import Net
internal import Overlay

/// What became of one object in a file.
enum ReadOutcome {
    case resource(Resource)
    /// Refused; the identity is there where kind and name could be read.
    case refused(ResourceIdentity?, [SourceError])
}

/// Reads the objects of one file; keeps the notes, and one copy of each node name.
struct ResourceReader {
    private(set) var notes = NoteCounter()
    /// Times that anything was noted so far.
    private(set) var noteCount = 0
    /// 65,536 claims name a few hundred nodes: the names share their storage.
    private var nodeNames: [String: String] = [:]
    private var errors: [SourceError] = []

    /// Reads a document, which may be a list of resources, and gives each object's outcome to `body`.
    mutating func read(_ document: YAMLValue, _ body: (ReadOutcome) -> Void) {
        errors = []
        guard let root = take({ () throws(SourceError) in try document.mapping() }) else {
            return body(.refused(nil, errors))
        }
        if let kind = root["kind"], let name = try? kind.string(), name.hasSuffix("List"), let items = root["items"] {
            guard let list = take({ () throws(SourceError) in try items.sequence() }) else {
                return body(.refused(nil, errors))
            }
            for item in list {
                errors = []
                guard let root = take({ () throws(SourceError) in try item.mapping() }) else {
                    body(.refused(nil, errors))
                    continue
                }
                readObject(root, body)
            }
        } else {
            readObject(root, body)
        }
    }

    private mutating func readObject(_ root: YAMLMapping, _ body: (ReadOutcome) -> Void) {
        let version = take { () throws(SourceError) in
            try root.required("apiVersion", "write apiVersion: projectcalico.org/v3").string()
        }
        let kindName = take { () throws(SourceError) in
            try root.required("kind", "write Node, IPPool or BlockAffinity").string()
        }
        guard let version, let kindName else { return body(.refused(nil, errors)) }
        guard version.hasPrefix("projectcalico.org/"), let kind = ResourceKind(rawValue: kindName) else {
            let near = nearestName(to: kindName, in: ResourceKind.allCases.map(\.rawValue))
            let hint = near.map { $0 == kindName ? "" : "; did you mean \($0)?" } ?? ""
            note(
                "kind \(printable(kindName)) of \(printable(version)) is not used\(hint)", at: root.owner.place)
            return
        }
        if version != "projectcalico.org/v3", let value = root["apiVersion"] {
            errors.append(value.error("\(printable(version)) is not known", "write projectcalico.org/v3"))
        }
        noteUnknown(in: root, ["apiVersion", "kind", "metadata", "spec"], kind)

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
        guard let metadata, let spec, let name else { return body(.refused(identity, errors)) }
        noteUnknown(in: metadata, metadataFields, kind)

        let value: Resource.Value?
        switch kind {
        case .node: value = node(spec, name: name).map { .node($0) }
        case .pool: value = pool(spec, name: name).map { .pool($0) }
        case .block: value = block(spec, metadata).map { .block($0) }
        }
        if !errors.isEmpty { return body(.refused(identity, errors)) }
        guard let value else { return }
        body(.resource(Resource(name: name, value: value, line: Int32(clamping: root.owner.line))))
    }

    // MARK: - Kinds; nil with errors is refused, nil without is ignored with a note

    private mutating func node(_ spec: YAMLMapping, name: String) -> Node? {
        noteUnknown(in: spec, ["bgp"], .node)
        guard let value = spec["bgp"] else {
            note("Node \(name) has no spec.bgp: it is no peer", at: spec.owner.place)
            return nil
        }
        guard let bgp = take({ () throws(SourceError) in try value.mapping() }) else { return nil }
        noteUnknown(in: bgp, ["ipv4Address", "ipv4IPIPTunnelAddr"], .node)
        guard let addressValue = bgp["ipv4Address"] else {
            note("Node \(name) has no spec.bgp.ipv4Address: it is no peer", at: bgp.owner.place)
            return nil
        }
        let address = take { () throws(SourceError) in
            let text = try addressValue.string()
            guard let address = IPv4InterfaceAddress(text) else {
                throw addressValue.error(
                    "\(printable(text)) is no IPv4 address with prefix", "write it like 10.0.1.1/24")
            }
            if let problem = NodeRules.problem(withAddress: address) {
                throw addressValue.error(problem, "write the node's underlay address with its prefix")
            }
            return address
        }
        let tunnelAddress = bgp["ipv4IPIPTunnelAddr"].flatMap { value in
            take { () throws(SourceError) in
                let text = try value.string()
                guard let address = IPv4Address(text) else {
                    throw value.error("\(printable(text)) is no IPv4 address", "write it like 10.244.1.1")
                }
                if let problem = NodeRules.problem(
                    withAddress: IPv4InterfaceAddress(address: address, prefixLength: 32))
                {
                    throw value.error(problem, "write an address of one of the node's blocks")
                }
                return address
            }
        }
        guard let address else { return nil }
        return Node(name: name, address: address, tunnelAddress: tunnelAddress)
    }

    private mutating func pool(_ spec: YAMLMapping, name: String) -> Pool? {
        noteUnknown(in: spec, ["cidr", "ipipMode", "vxlanMode", "blockSize", "natOutgoing", "disabled"], .pool)
        let errorsBefore = errors.count
        let found = prefix(of: spec, .pool)
        // IPv6, which is noted: nothing else of it matters.
        if found == nil && errors.count == errorsBefore { return nil }
        let mode = self.mode(spec["ipipMode"])
        let vxlan = self.mode(spec["vxlanMode"])
        if let vxlan, vxlan != .never, let value = spec["vxlanMode"] {
            if let mode, mode != .never {
                errors.append(
                    value.error("ipipMode is \(mode.rawValue) as well", "set one of ipipMode and vxlanMode to Never"))
            } else {
                note("IPPool spec.vxlanMode is not used: the pool has no tunnel", at: value.place)
            }
        }
        let blockSize =
            spec["blockSize"].map { value in
                take { () throws(SourceError) in try value.integer(in: 20...32) } ?? 26
            } ?? 26
        if let (prefix, cidr) = found, blockSize < Int(prefix.length), errors.isEmpty {
            let place = spec["blockSize"] ?? cidr
            errors.append(
                place.error(
                    "blocks of /\(blockSize) do not fit into \(prefix)",
                    "set spec.blockSize to \(max(20, prefix.length)) to 32"))
        }
        let natOutgoing = boolean(spec["natOutgoing"])
        let disabled = boolean(spec["disabled"])
        guard let found else { return nil }
        return Pool(
            name: name, prefix: found.prefix, ipipMode: mode ?? .never, blockSize: UInt8(clamping: blockSize),
            natOutgoing: natOutgoing, disabled: disabled)
    }

    private mutating func block(_ spec: YAMLMapping, _ metadata: YAMLMapping) -> Block? {
        noteUnknown(in: spec, ["cidr", "node", "state", "deleted", "type"], .block)
        let created =
            metadata["creationTimestamp"].flatMap { value in
                take { () throws(SourceError) in
                    let text = try value.string()
                    guard let seconds = parseTimestamp(text) else {
                        throw value.error(
                            "\(printable(text)) is no RFC 3339 time", "write it like 2024-01-31T12:00:00Z")
                    }
                    return seconds
                }
            } ?? .max
        let node = take { () throws(SourceError) in
            try checkedName(spec.required("node", "name the node that owns the block"))
        }
        let found = prefix(of: spec, .block)
        if let value = spec["deleted"], value.isTrueInAnyForm { return nil }
        if let value = spec["state"] {
            guard let state = take({ () throws(SourceError) in try value.string() }) else { return nil }
            // Calico writes no state in its oldest records, and means confirmed.
            guard state == "confirmed" || state.isEmpty else {
                note("BlockAffinity with state \(printable(state)) is not used", at: value.place)
                return nil
            }
        }
        guard let node, let found else { return nil }
        return Block(prefix: found.prefix, node: shared(node), created: created)
    }

    // MARK: - Fields

    /// The `spec.cidr`; nil and no error for IPv6, which is noted.
    private mutating func prefix(
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

    private mutating func mode(_ value: YAMLValue?) -> IPIPMode? {
        guard let value else { return nil }
        return take { () throws(SourceError) in
            let text = try value.string()
            guard let mode = IPIPMode(rawValue: text) else {
                throw value.error("\(printable(text)) is no mode", "write Never, Always or CrossSubnet")
            }
            return mode
        }
    }

    private mutating func boolean(_ value: YAMLValue?) -> Bool {
        guard let value else { return false }
        return take { () throws(SourceError) in try value.boolean() } ?? false
    }

    private mutating func note(_ subject: String, at place: @autoclosure () -> String) {
        noteCount += 1
        notes.note(subject, at: place())
    }

    private mutating func shared(_ name: String) -> String {
        if let known = nodeNames[name] { return known }
        nodeNames[name] = name
        return name
    }

    private mutating func noteUnknown(in mapping: YAMLMapping, _ known: Set<String>, _ kind: ResourceKind) {
        for entry in mapping.unknown(known) {
            let near = nearestName(to: entry.key, in: Array(known)).map { "; did you mean \($0)?" } ?? ""
            note("\(kind.rawValue) \(printable(entry.value.path)) is not used\(near)", at: entry.place)
        }
    }

    private mutating func take<T>(_ body: () throws(SourceError) -> T) -> T? {
        do {
            return try body()
        } catch {
            errors.append(error)
            return nil
        }
    }
}

private func checkedName(_ value: YAMLValue) throws(SourceError) -> String {
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

    /// `true` as YAML or as text: Calico has written both.
    fileprivate var isTrueInAnyForm: Bool {
        if let value = try? boolean() { return value }
        return (try? string()) == "true"
    }
}

extension YAMLMapping.Entry {
    /// `FILE:LINE` of the key.
    var place: String { "\(value.file):\(keyLine)" }
}
