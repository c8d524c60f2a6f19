// A BlockAffinity's fields: which block is whose, and since when.

internal import Net
internal import Overlay

extension ResourceReader {
    /// Nil with errors is refused; nil without is a claim that does not count.
    mutating func block(_ spec: YAMLMapping, _ metadata: YAMLMapping, name: String) -> Block? {
        checkKeys(of: spec, used: ["cidr", "node", "state", "deleted", "type"], .block, "spec")
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
        if let value = spec["deleted"], value.isTrueInAnyForm {
            if isStrict {
                errors.append(value.error("true is for agents only", "use poplin delete blockaffinity \(name)"))
            }
            return nil
        }
        if let value = spec["state"] {
            guard let state = take({ () throws(SourceError) in try value.string() }) else { return nil }
            // Calico writes no state in its oldest records, and means confirmed.
            guard state == "confirmed" || state.isEmpty else {
                if isStrict { errors.append(value.error("\(printable(state)) is for agents only", "leave it out")) }
                note("BlockAffinity with state \(printable(state)) is not used", at: value.place)
                return nil
            }
        }
        guard let node, let found else { return nil }
        return Block(prefix: found.prefix, node: shared(node), created: created)
    }
}

extension YAMLValue {
    /// `true` as YAML or as text: Calico has written both.
    fileprivate var isTrueInAnyForm: Bool {
        if let value = try? boolean() { return value }
        return (try? string()) == "true"
    }
}
