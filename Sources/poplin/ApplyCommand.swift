// `poplin apply`: resources from files into the datastore, all of them or none.

internal import ArgumentParser
internal import Datastore

struct ApplyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Creates or replaces resources from YAML or JSON.",
        discussion:
            "Everything is checked first; nothing is written if anything is wrong. A running agent follows at once.")

    @OptionGroup var input: InputOptions
    @OptionGroup var options: ChangeOptions

    func validate() throws {
        if input.files.isEmpty {
            throw ValidationError("name what to apply: -f FILE, -f DIRECTORY, or -f - for standard input")
        }
    }

    func run() throws {
        let path = try options.config.datastoreDirectory()
        let inputs = try input.read(isStrict: true)
        let plan = try ResourceDirectory.change(
            path, isDryRun: options.dryRun
        ) { directory throws(SourceErrors) in try directory.planApplying(inputs) }
        try ChangeReport(plan, isDryRun: options.dryRun).write(options.format.output)
    }
}

struct InputOptions: ParsableArguments {
    @Option(
        name: [.customShort("f"), .customLong("filename")],
        help: ArgumentHelp(
            "Resources: a file, a directory of files, or - for standard input. May be repeated.", valueName: "file"))
    var files: [String] = []

    /// Reads all of them.
    ///
    /// - Throws: ``SourceErrors`` for all that cannot be read.
    func read(isStrict: Bool) throws -> [ResourceFile] {
        try ResourceFile.read(files, isStrict: isStrict)
    }
}
