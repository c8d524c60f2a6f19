// `poplin plan`: the changes that the agent would make now, without making them.

internal import Agent
internal import ArgumentParser
internal import Overlay

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Shows what the agent would change in the kernel now, one change a line.",
        discussion: "Exit code 0: nothing to do; 2: there are changes; 1: failed.")

    @OptionGroup var config: ConfigOptions
    @OptionGroup var format: OutputOptions

    @Flag(help: "What an agent started with --adopt would change.")
    var adopt = false

    private struct Report: Encodable {
        let changes: [StepText]
    }

    func run() throws {
        let survey = try Survey(configPath: config.config, environment: config.environment, adopts: adopt)
        for problem in survey.problems { Terminal.complain(problem) }
        let steps = survey.steps
        switch format.output {
        case .json:
            try Terminal.write(json: Report(changes: steps))
        case .text:
            if steps.isEmpty { Terminal.say("nothing to do") }
            Terminal.write(steps.map { "\($0)\n" }.joined())
        }
        if !steps.isEmpty { throw ExitCode(2) }
    }
}
