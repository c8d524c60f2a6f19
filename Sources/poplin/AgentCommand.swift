// `poplin agent`: the daemon, in the foreground.

internal import Agent
internal import ArgumentParser

struct AgentCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent", abstract: "Runs the agent in the foreground; its log is on standard error.",
        discussion: "SIGTERM ends it; the routes stay.")

    @OptionGroup var config: ConfigOptions

    @Flag(help: "Reconcile once and end (kernel and bpf tiers).")
    var once = false

    @Flag(help: "Go on in the place of the running agent, if there is one, without losing packets.")
    var takeOver = false

    @Flag(help: "Replace what Felix, BIRD, flannel or kube-router left in the pools, without losing packets.")
    var adopt = false

    func run() throws {
        try AgentProcess.run(
            configPath: config.config, environment: config.environment, once: once, takesOver: takeOver,
            adopts: adopt, log: AgentLog.logger())
    }
}
