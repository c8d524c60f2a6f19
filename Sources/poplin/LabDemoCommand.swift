// `poplin lab demo`: builds the network, shows in every mode what happens to packets, and cleans up.

internal import ArgumentParser
internal import Lab
internal import LinuxSystem

struct LabDemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Builds a three-node network, sends packets in every mode, shows verdicts and packets, cleans up.")

    @OptionGroup var format: OutputOptions

    @Option(help: "How packets are encapsulated: auto, kernel, bpf or userspace.")
    var dataplane = "auto"

    func run() throws {
        let begin = Monotonic.now
        try Lab.checkPermissions()
        let interruption = try LabSignals.interruption()
        Lab.removeAbandoned()
        var specification = LabSpecification.standard(name: Lab.uniqueName("demo"), mode: .crossSubnet)
        for index in specification.nodes.indices { specification.nodes[index].dataplane = dataplane }
        Terminal.say("Building three nodes, their workloads and a router")
        let lab = try Lab.up(specification, interruption: interruption)
        let isText = format.output == .text
        var report: LabDemoReport
        do {
            report = try LabDemo(lab: lab, onPhase: { if isText { Terminal.write(LabDemoText.phase($0)) } }).run()
        } catch {
            lab.down()
            throw error
        }
        Terminal.say("Cleaning up")
        let problems = lab.down()
        report.seconds = Double((Monotonic.now - begin) / 1_000_000) / 1000
        if isText { Terminal.write(LabDemoText.summary(report)) } else { try Terminal.write(json: report) }
        guard problems.isEmpty else { throw CommandError(problems.joined(separator: "\n")) }
        guard report.succeeded else { throw CommandError("the demo did not go as it should; see above") }
    }
}
