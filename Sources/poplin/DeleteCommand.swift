// `poplin delete`: resources out of the datastore, and not from under what needs them.

internal import ArgumentParser
internal import Datastore

struct DeleteCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Deletes resources by kind and name, or those that a file names.",
        discussion: "An IPPool or a Node that has blocks stays without --force. A running agent follows at once.")

    @Argument(help: ArgumentHelp("The kind, also in the plural.", valueName: "kind"))
    var kind: ResourceKinds?

    @Argument(help: ArgumentHelp("Their names.", valueName: "name"))
    var names: [String] = []

    @OptionGroup var input: InputOptions

    @Flag(help: "What is not there is no failure.")
    var ignoreMissing = false

    @Flag(help: "Also an IPPool or a Node that has blocks; their routes go.")
    var force = false

    @OptionGroup var options: ChangeOptions

    func validate() throws {
        if input.files.isEmpty {
            guard let kind, !names.isEmpty else {
                throw ValidationError("name a kind and resources, or a file with -f")
            }
            if kind.only == nil { throw ValidationError("'all' is no kind to delete; name the resources") }
        } else if kind != nil {
            throw ValidationError("name resources, or a file with -f, not both")
        }
    }

    func run() throws {
        let path = try options.config.datastoreDirectory()
        let identities: [ResourceIdentity]
        if let kind = kind?.only {
            identities = names.map { ResourceIdentity(kind: kind, name: $0) }
        } else {
            let files = try input.read(isStrict: false)
            let empty = files.filter { $0.objects.isEmpty && $0.errors.isEmpty }.map { file in
                SourceError(
                    file: file.path, problem: "holds no resource", remedy: "write Node, IPPool or BlockAffinity")
            }
            let errors = files.flatMap(\.errors) + empty
            guard errors.isEmpty else { throw SourceErrors(errors) }
            identities = files.flatMap(\.objects).map(\.identity)
        }
        let plan = try ResourceDirectory.change(
            path, isDryRun: options.dryRun
        ) { directory throws(SourceErrors) in
            try directory.planDeleting(identities, ignoresMissing: ignoreMissing, force: force)
        }
        try ChangeReport(plan, isDryRun: options.dryRun).write(options.format.output)
    }
}
