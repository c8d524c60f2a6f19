// `poplin check`: what on this host keeps packets from passing, with the remedy for each.

internal import Agent
internal import ArgumentParser

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Looks at the host for what could keep packets from passing.",
        discussion: "Exit code 1 where something fails.")

    @OptionGroup var config: ConfigOptions
    @OptionGroup var format: OutputOptions

    func run() throws {
        let findings = HostCheck.run(configPath: config.config, environment: config.environment)
        switch format.output {
        case .json:
            try Terminal.write(json: findings)
        case .text:
            var table = Table()
            for finding in findings {
                table.add([
                    Table.Cell(finding.level.rawValue, colour(finding.level)), Table.Cell(finding.name),
                    Table.Cell(finding.detail),
                ])
                if !finding.remedy.isEmpty { table.add(["", "", Table.Cell("remedy: \(finding.remedy)", .faint)]) }
            }
            Terminal.write(table.text())
        }
        if findings.contains(where: { $0.level == .fail }) { throw ExitCode(1) }
    }

    private func colour(_ level: HostFinding.Level) -> Colour {
        switch level {
        case .ok: .green
        case .warn: .yellow
        case .fail: .red
        }
    }
}
