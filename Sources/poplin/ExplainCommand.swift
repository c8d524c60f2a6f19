// `poplin explain`: why packets for an address go the way they go.

internal import Agent
internal import ArgumentParser
internal import Net

struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Says why packets for an address go the way they go.",
        discussion: "Needs no running agent. The line that decides is marked with →.")

    @Argument(help: "An address of a workload.")
    var address: String

    @OptionGroup var config: ConfigOptions
    @OptionGroup var format: OutputOptions

    func validate() throws {
        guard IPv4Address(address) != nil else {
            throw ValidationError("'\(address)' is not an IPv4 address such as 10.244.3.7")
        }
    }

    func run() throws {
        guard let destination = IPv4Address(address) else { return }
        let survey = try Survey(configPath: config.config, environment: config.environment)
        for problem in survey.problems { Terminal.complain(problem) }
        let explanation = survey.explain(destination)
        switch format.output {
        case .json: try Terminal.write(json: explanation)
        case .text:
            let source = survey.config.address == nil ? "found on this host" : "config"
            Terminal.write(ExplainText.render(explanation, local: survey.local, addressSource: source))
        }
    }
}
