// One command a question; each makes its own network, measures in turns, and takes everything away again.

import BenchmarkSupport
import Glibc
import LinuxSystem

@main
enum SideBySide {
    private static let commands: [(name: String, about: String, body: @Sendable (Options) throws -> Void)] = [
        ("functions", "verdicts, plan and lookups at full size", { try Functions.run($0) }),
        ("resync", "a walk over 65,536 installed routes, beside a bare receive loop", { try Resync.run($0) }),
        ("install", "65,536 routes, beside ip -batch", { try Install.run($0) }),
        ("repair", "routes and device deleted by hand, with a running agent", { try Repair.run($0) }),
        ("control", "a changed config in force, and SIGTERM to exit", { try Control.run($0) }),
        ("loads", "our TCP load beside iperf3's on plain routing", { try Loads.run($0) }),
        ("soak", "full load, a peer that comes and goes, and garbage, for minutes", { try Soak.run($0) }),
        ("handover", "packets lost while an agent is replaced, beside a restart", { try Handover.run($0) }),
        (
            "kernel", "the kernel tier with 1,000 peers of 64 blocks, on a kernel with the ipip driver",
            { try KernelTier.run($0) }
        ),
        ("programs", "the bpf tier's programs with 10 and with 65,536 prefixes", { try Programs.run($0) }),
        ("rest", "an agent at 65,536 routes: resident memory, wake-ups at rest", { try Rest.run($0) }),
    ]

    static func main() {
        do {
            let options = try Options(Array(CommandLine.arguments.dropFirst()))
            guard let name = options.command else { return usage() }
            let chosen = commands.filter { $0.name == name || name == "all" && !["soak", "kernel"].contains($0.name) }
            guard !chosen.isEmpty else { return usage() }
            // As the agent does.
            Memory.mapAllocations(from: 1 << 19)
            try Cleanup.handleSignals()
            defer { Cleanup.undoAll() }
            for command in chosen { try command.body(options) }
        } catch {
            Cleanup.undoAll()
            print("sidebyside: \(error)")
            exit(1)
        }
    }

    private static func usage() {
        print("usage: sidebyside COMMAND [--rounds N] [--json DIRECTORY] [--agent POPLIN]   (as root)")
        print("  soak: [--minutes M]")
        for command in commands { print("  \(command.name): \(command.about)") }
        print("  all: these in turn, but soak and kernel")
    }
}

/// The command line.
struct Options {
    var command: String?
    /// How often each way takes its turn; nil for the command's own default.
    var rounds: Int?
    /// Where the figures are written as JSON.
    var jsonDirectory: String?
    /// The `poplin` binary.
    var agent = "poplin"
    /// Of `soak`: how long.
    var minutes: Double?

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let word = rest.popFirst() {
            guard word.hasPrefix("--") else {
                command = word
                continue
            }
            guard let value = rest.popFirst() else { throw BenchmarkFailure("\(word) needs a value") }
            switch word {
            case "--rounds": rounds = Int(value)
            case "--json": jsonDirectory = value
            case "--agent": agent = value
            case "--minutes": minutes = Double(value)
            default: throw BenchmarkFailure("\(word) is not known")
            }
        }
    }
}
