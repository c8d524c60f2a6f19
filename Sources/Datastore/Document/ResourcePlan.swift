// What a command is about to change, resource by resource and file by file, before anything is written.

/// What becomes of one resource.
public struct ResourceChange: Sendable {
    /// What is done.
    public enum Action: String, Sendable, Encodable {
        case created, changed, unchanged, deleted
    }

    /// The resource.
    public let identity: ResourceIdentity
    /// What is done with it.
    public let action: Action
    /// What is different afterwards, where it is changed.
    public let fields: [FieldChange]
    /// The file, and the line where the resource was there already.
    public let place: String
}

/// A field before and after.
public struct FieldChange: Hashable, Sendable, Encodable {
    /// The dotted path.
    public let field: String
    /// Nil where the field is new.
    public let from: DocumentValue?
    /// Nil where the field goes.
    public let to: DocumentValue?

    /// The fields that differ; a list counts as one.
    static func between(_ old: DocumentValue, _ new: DocumentValue) -> [FieldChange] {
        var result: [FieldChange] = []
        compare(old.normalized, new.normalized, at: "", &result)
        return result
    }

    private static func compare(
        _ old: DocumentValue?, _ new: DocumentValue?, at path: String, _ result: inout [FieldChange]
    ) {
        guard old != new else { return }
        guard case .mapping(let before)? = old, case .mapping(let after)? = new else {
            return result.append(FieldChange(field: path, from: old, to: new))
        }
        for key in Set(before.map(\.key) + after.map(\.key)).sorted() {
            compare(
                before.first { $0.key == key }?.value, after.first { $0.key == key }?.value,
                at: path.isEmpty ? key : "\(path).\(key)", &result)
        }
    }
}

/// Changes that were found to be possible, with the files as they become.
public struct ResourcePlan: Sendable {
    /// In the order in which they are made.
    public internal(set) var changes: [ResourceChange] = []
    /// What is worth saying and keeps nothing from being done.
    public internal(set) var notes: [String] = []
    var writes: [Write] = []

    struct Write: Sendable {
        var path: String
        /// Nil for a file that goes.
        var text: [UInt8]?
    }
}
