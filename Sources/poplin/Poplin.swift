// The program's root: its commands, and the one place where an error becomes a line and an exit code.

internal import Agent
internal import ArgumentParser
internal import LinuxSystem

@main
struct Poplin: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "poplin",
        abstract: "Connects the workloads of many hosts at layer 3: directly where it can, in IP-in-IP where it must.",
        version: version,
        subcommands: [
            AgentCommand.self, ExplainCommand.self, PlanCommand.self, StatusCommand.self, CheckCommand.self,
            SetCommand.self, GetCommand.self, ApplyCommand.self, DeleteCommand.self, CleanCommand.self, LabCommand.self,
            BenchCommand.self,
        ])

    /// Before 1.0 the files that people write, and the JSON that programs read, may still change with the second number.
    static let version = "0.6.0"

    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
            if let failure = Terminal.failure { throw CommandError(failure) }
        } catch {
            exit(withError: ExitCode(report(error)))
        }
    }

    /// Says what went wrong on standard error, a line each, and gives the exit code.
    private static func report(_ error: any Error) -> Int32 {
        if let code = error as? ExitCode { return code.rawValue }
        let code = exitCode(for: error)
        if code == .success {
            // Help and completion scripts are no failure.
            Terminal.write(fullMessage(for: error) + "\n")
            return 0
        }
        if code == .validationFailure {
            let text = message(for: error).split(separator: "\n").map(\.trimmed).joined(separator: " ")
            Terminal.complain("\(text) (see `poplin help`)")
            return code.rawValue
        }
        for line in "\(error)".split(separator: "\n") { Terminal.complain(String(line)) }
        return 1
    }
}

/// A command could not do what was asked; the message is one line for a person.
struct CommandError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

extension Substring {
    fileprivate var trimmed: String {
        var rest = drop { $0 == " " }
        while rest.last == " " { rest.removeLast() }
        return String(rest)
    }
}
