// What `apply` and `delete` have done, or would do.

internal import Datastore

struct ChangeReport: Encodable {
    private struct Resource: Encodable {
        let kind: ResourceKind
        let name: String
        let action: ResourceChange.Action
        let changes: [FieldChange]
        let place: String
    }

    private let dryRun: Bool
    private let resources: [Resource]
    private let notes: [String]

    init(_ plan: ResourcePlan, isDryRun: Bool) {
        dryRun = isDryRun
        notes = plan.notes
        resources = plan.changes.map { change in
            Resource(
                kind: change.identity.kind, name: change.identity.name, action: change.action, changes: change.fields,
                place: change.place)
        }
    }

    func write(_ format: OutputFormat) throws {
        switch format {
        case .json: try Terminal.write(json: self)
        case .text:
            var table = Table()
            for resource in resources {
                let fields = resource.changes.map {
                    "\($0.field) \($0.from?.line ?? "none") → \($0.to?.line ?? "none")"
                }
                table.add([
                    Table.Cell("\(resource.kind.rawValue) \(resource.name)"),
                    Table.Cell(resource.action.rawValue, colour(resource.action)), Table.Cell(resource.place, .faint),
                    Table.Cell(fields.joined(separator: ", ")),
                ])
            }
            if resources.isEmpty { Terminal.say("nothing to do") }
            Terminal.write(table.text())
            for note in notes { Terminal.say(note) }
            if dryRun { Terminal.say("dry run: nothing was written") }
        }
    }

    private func colour(_ action: ResourceChange.Action) -> Colour? {
        switch action {
        case .created: .green
        case .changed, .deleted: .yellow
        case .unchanged: nil
        }
    }
}
