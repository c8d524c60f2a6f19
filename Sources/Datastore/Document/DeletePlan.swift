// `delete`: what others still need stays, unless its loss was agreed to.

internal import Net
internal import Overlay

extension ResourceDirectory {
    /// Decides what deleting some resources changes.
    ///
    /// - Parameters:
    ///   - identities: the resources; all documents of each go.
    ///   - ignoresMissing: a resource that is not there is no mistake.
    ///   - force: also what blocks depend on; the plan's notes say what that costs.
    public func planDeleting(
        _ identities: [ResourceIdentity], ignoresMissing: Bool, force: Bool
    ) throws(SourceErrors) -> ResourcePlan {
        let stored = Dictionary(grouping: resources, by: \.identity)
        let going = Set(identities)
        var errors: [SourceError] = []
        var plan = ResourcePlan()
        var editor = DirectoryEditor(self)
        let blocks = claims(without: going)
        for kind in ResourceKind.allCases.reversed() {
            for identity in identities.uniqued where identity.kind == kind {
                guard let objects = stored[identity], let first = objects.first else {
                    if !ignoresMissing { errors.append(missing(identity)) }
                    continue
                }
                if let use = use(of: identity, objects, by: blocks) {
                    if force {
                        plan.notes.append("note: \(identity): \(use.consequence)")
                    } else {
                        errors.append(use.refusal)
                    }
                }
                for object in objects {
                    editor.edit(object.file) { editor throws(SourceError) in try editor.remove(object) }
                }
                plan.changes.append(
                    ResourceChange(
                        identity: identity, action: .deleted, fields: [], place: "\(first.file):\(first.line)"))
            }
        }
        guard errors.isEmpty else { throw SourceErrors(errors) }
        plan.writes = try editor.finish()
        return plan
    }

    private func claims(without going: Set<ResourceIdentity>) -> [Block] {
        resources.compactMap { object in
            guard case .block(let block)? = object.value, !going.contains(object.identity) else { return nil }
            return block
        }
    }

    /// Which blocks need a resource; nil where none does.
    private func use(
        of identity: ResourceIdentity, _ objects: [ResourceObject], by blocks: [Block]
    ) -> (refusal: SourceError, consequence: String)? {
        let users: [Block]
        let relation: (one: String, many: String)
        let otherwise: String
        switch identity.kind {
        case .block: return nil
        case .node:
            users = blocks.filter { $0.node == identity.name }
            relation = ("block belongs to it", "blocks belong to it")
            otherwise = ""
        case .pool:
            let prefixes = objects.compactMap { object -> IPv4Prefix? in
                if case .pool(let pool)? = object.value { pool.prefix } else { nil }
            }
            users = blocks.filter { block in prefixes.contains { $0.contains(block.prefix) } }
            relation = ("block lies in it", "blocks lie in it")
            otherwise = "disable it with spec.disabled: true, or "
        }
        guard let first = users.min(by: { $0.prefix < $1.prefix }) else { return nil }
        let owner = identity.kind == .pool ? " of \(printable(first.node))" : ""
        let isOne = users.count == 1
        let found = "\(users.count) \(isOne ? relation.one : relation.many) (first \(first.prefix)\(owner))"
        let consequence = isOne ? "its route goes" : "their routes go"
        return (
            SourceError(
                file: identity.description, problem: found, remedy: "\(otherwise)add --force, and \(consequence)"),
            "\(found): \(consequence)"
        )
    }
}

extension [ResourceIdentity] {
    /// Each once, where it came first.
    fileprivate var uniqued: [ResourceIdentity] {
        var seen: Set<ResourceIdentity> = []
        return filter { seen.insert($0).inserted }
    }
}
