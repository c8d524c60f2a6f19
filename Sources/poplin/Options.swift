// Options that commands share.

internal import ArgumentParser
internal import FoundationEssentials

/// Text for people or JSON for programs.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json
}

struct OutputOptions: ParsableArguments {
    @Option(name: [.short, .long], help: "text for people, json for programs.")
    var output: OutputFormat = .text
}

struct ConfigOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The node config.", valueName: "file"))
    var config = "/etc/poplin/node.yaml"

    /// The variables that override the config.
    var environment: [String: String] { ProcessInfo.processInfo.environment }
}

/// Options of commands that change resources.
struct ChangeOptions: ParsableArguments {
    @Flag(help: "Only say what would change.")
    var dryRun = false

    @OptionGroup var config: ConfigOptions
    @OptionGroup var format: OutputOptions
}
