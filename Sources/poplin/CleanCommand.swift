// `poplin clean`: what Poplin left on this host goes, and nothing else.

internal import Agent
internal import ArgumentParser

struct CleanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clean", abstract: "Takes away what Poplin left on this host, and nothing else.",
        discussion: "Routes of protocol 112, the tunnel device, host settings, files in the run directory.")

    @Flag(help: "Only list it.")
    var dryRun = false

    @OptionGroup var config: ConfigOptions
    @OptionGroup var format: OutputOptions

    private struct Report: Encodable {
        let removed: [Cleaner.Item]
        let failures: [String]
    }

    private struct Listing: Encodable {
        let found: [Cleaner.Item]
    }

    func run() throws {
        var cleaner = try Cleaner(
            configPath: config.config, environment: config.environment, dryRun: dryRun)
        let items = try cleaner.items()
        let failures = dryRun ? [] : try cleaner.clean()
        switch format.output {
        case .json where dryRun: try Terminal.write(json: Listing(found: items))
        case .json: try Terminal.write(json: Report(removed: items, failures: failures))
        case .text:
            if items.isEmpty { Terminal.say("nothing to clean") }
            var table = Table()
            for item in items { table.add([Table.Cell(item.kind), Table.Cell(item.object), Table.Cell(item.detail)]) }
            Terminal.write(table.text())
        }
        for failure in failures { Terminal.complain(failure) }
        if !failures.isEmpty { throw ExitCode(1) }
    }
}
