// `poplin set`: one key of the node config, the rest of the file as it was.

internal import Agent
internal import ArgumentParser

struct SetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Changes one key of the node config, for example ipipMode=Always.",
        discussion: "Comments and order of the file are kept. Dotted keys: tunnel.mtu=1400.")

    @Argument(help: ArgumentHelp("The key and its new value.", valueName: "key=value"))
    var assignment: String

    @OptionGroup var config: ConfigOptions
    @OptionGroup var format: OutputOptions

    private struct Report: Encodable {
        let key: String
        let changed: Bool
        let takesEffectLive: Bool
        let isOverridden: Bool
    }

    func validate() throws {
        guard let equals = assignment.firstIndex(of: "=") else {
            throw ValidationError("'\(assignment)' is not of the form KEY=VALUE")
        }
        let name = String(assignment[..<equals])
        guard ConfigKey(rawValue: name) != nil else {
            let keys = ConfigKey.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("there is no key '\(name)'; the keys are \(keys)")
        }
    }

    func run() throws {
        let (key, changed) = try ConfigEditor.set(assignment, inFile: config.config)
        let variable = key.override(in: config.environment)
        if let variable {
            Terminal.complain("\(variable) is set in the environment and wins over \(key.rawValue) in \(config.config)")
        }
        switch format.output {
        case .json:
            try Terminal.write(
                json: Report(
                    key: key.rawValue, changed: changed, takesEffectLive: key.takesEffectLive,
                    isOverridden: variable != nil))
        case .text:
            let effect = key.takesEffectLive ? "a running agent follows at once" : "restart the agent"
            Terminal.write(changed ? "\(assignment): \(effect)\n" : "\(assignment): was so already\n")
        }
    }
}
