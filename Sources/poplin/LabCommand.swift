// `poplin lab`: virtual hosts to look at, to play with and to learn from.

internal import ArgumentParser
internal import Lab
internal import LinuxSystem

struct LabCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lab",
        abstract: "A network of virtual hosts on this machine, with an agent on each node.",
        discussion: """
            Nodes n1 and n2 in one subnet, n3 in another, a router between them, and a workload host w1, w2, w3 behind \
            each. All of it lives in network namespaces of its own; this machine's network is left alone.
            """,
        subcommands: [
            LabDemoCommand.self, LabUpCommand.self, LabExecCommand.self, LabStatusCommand.self, LabDownCommand.self,
        ])

    /// The name of the one lab that `up` leaves running.
    static let name = "lab"
}

/// Turns Ctrl-C into a wish to end, so that the lab is always taken down in good order.
enum LabSignals {
    /// To be called before any thread is started.
    static func interruption() throws -> Interruption {
        let ending = [Signals.interrupt, Signals.terminate, Signals.hangup]
        // A reader that goes away must not end us halfway either: a blocked SIGPIPE is an error of the write.
        try SignalFD.block(ending + [Signals.pipe])
        let interruption = Interruption()
        _ = try SystemThread.start(name: "lab-signals") {
            guard let signals = try? SignalFD(ending) else { return }
            while (try? signals.descriptor.waitReadable(timeoutMilliseconds: -1)) == true {
                if let signal = try? signals.read(), ending.contains(signal) { interruption.request() }
            }
        }
        return interruption
    }
}
