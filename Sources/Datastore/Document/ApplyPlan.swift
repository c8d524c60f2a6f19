// `apply`: all of the input is checked, each by itself and against the cluster as it would be, before any is taken.

extension ResourceDirectory {
    /// Decides what applying some texts changes; each resource is created or replaced as a whole.
    ///
    /// - Parameter inputs: texts that were read strictly.
    /// - Throws: ``SourceErrors`` with every mistake there is.
    public func planApplying(_ inputs: [ResourceFile]) throws(SourceErrors) -> ResourcePlan {
        let objects = inputs.flatMap(\.objects)
        let stored = Dictionary(grouping: resources, by: \.identity)
        let rules = ClusterRules(applying: objects, to: resources)
        let errors = inputs.flatMap(\.errors) + ApplyPlan.repetitions(in: objects, stored) + rules.errors
        guard errors.isEmpty else { throw SourceErrors(ApplyPlan.sorted(errors, by: inputs)) }
        guard !objects.isEmpty else {
            throw SourceErrors(
                inputs.prefix(1).map {
                    SourceError(
                        file: $0.path, problem: "holds no resource", remedy: "write Node, IPPool or BlockAffinity")
                })
        }

        var plan = ResourcePlan()
        var editor = DirectoryEditor(self)
        for kind in ResourceKind.allCases {
            for input in inputs {
                for object in input.objects where object.identity.kind == kind {
                    plan.changes.append(decide(input, object, stored[object.identity]?.first, &editor))
                }
            }
        }
        plan.writes = try editor.finish()
        var notes = NoteCounter()
        for input in inputs { notes.merge(input.notes) }
        notes.merge(rules.notes)
        plan.notes = notes.lines
        return plan
    }

    private func decide(
        _ input: ResourceFile, _ new: ResourceObject, _ old: ResourceObject?, _ editor: inout DirectoryEditor
    ) -> ResourceChange {
        guard let old else {
            let path = resourcePath(of: ApplyPlan.fileName(for: new.identity), in: self.path)
            editor.edit(path) { editor in editor.append(new, text: input.text(of: new)) }
            return ResourceChange(identity: new.identity, action: .created, fields: [], place: path)
        }
        let fields = FieldChange.between(old.fields, new.fields)
        if !fields.isEmpty {
            editor.edit(old.file) { editor throws(SourceError) in
                try editor.replace(old, with: new, text: input.text(of: new))
            }
        }
        return ResourceChange(
            identity: new.identity, action: fields.isEmpty ? .unchanged : .changed, fields: fields,
            place: "\(old.file):\(old.line)")
    }
}

private enum ApplyPlan {
    /// A file of its own for a new resource; names longer than a file's share one.
    static func fileName(for identity: ResourceIdentity) -> String {
        "\(identity.kind.rawValue.lowercased())-\(identity.name.prefix(180)).yaml"
    }

    static func repetitions(
        in objects: [ResourceObject], _ stored: [ResourceIdentity: [ResourceObject]]
    ) -> [SourceError] {
        var errors: [SourceError] = []
        var seen: [ResourceIdentity: ResourceObject] = [:]
        for object in objects {
            if let first = seen[object.identity] {
                errors.append(
                    object.error(
                        at: "metadata.name", "a second \(object.identity); the first is at \(first.file):\(first.line)",
                        "keep one"))
                continue
            }
            seen[object.identity] = object
            guard let places = stored[object.identity], places.count > 1 else { continue }
            errors.append(
                object.error(
                    at: "metadata.name", "is in \(places.map(\.place).joined(separator: " and "))",
                    "remove one by hand first"))
        }
        return errors
    }

    /// By the order of the inputs, then by line.
    static func sorted(_ errors: [SourceError], by inputs: [ResourceFile]) -> [SourceError] {
        var order: [String: Int] = [:]
        for (index, input) in inputs.enumerated() where order[input.path] == nil { order[input.path] = index }
        return errors.enumerated().sorted { left, right in
            (order[left.element.file] ?? 0, left.element.line, left.offset)
                < (order[right.element.file] ?? 0, right.element.line, right.offset)
        }.map(\.element)
    }
}
