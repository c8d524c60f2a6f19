// Holds that a packet costs the packet thread no allocation, no reference count and no lock: counted in a running agent.
//
// usage: packetpath AGENT COUNTERS   the poplin program (release, with a dynamic Swift runtime) and the built counters.c

import Foundation
import Lab
import LinuxSystem
import TestSupport

@main
struct PacketPath {
    /// The name of the agent's packet thread, or how the names of several begin.
    private static let thread = "poplin-packets"
    /// Orders from the control thread, which the packet thread carries out between two batches, may cost something;
    /// a few may come in the time of the load, whose packets are thousands of times as many.
    private static let allowance: UInt64 = 64

    static func main() {
        do {
            let arguments = CommandLine.arguments.dropFirst()
            if arguments.count == 2, arguments.first == "violate", let file = arguments.last {
                return try Violations.commit(file: file)
            }
            guard arguments.count == 2, let agent = arguments.first, let library = arguments.last else {
                throw Failure("usage: packetpath AGENT COUNTERS")
            }
            try proveCounters(library)
            let namespaces = Requirement.namespaces
            if let why = namespaces.missing, !namespaces.isDemanded {
                return print("packetpath: nothing checked: \(why)")
            }
            try check(agent: agent, library)
        } catch {
            FileHandle.standardError.write(Data("packetpath: \(error)\n".utf8))
            exit(1)
        }
    }

    /// Counters that see nothing would find every agent good.
    private static func proveCounters(_ library: String) throws {
        let scratch = ScratchDirectory()
        let file = scratch.path + "/counters"
        let environment = Counters.environment(library: library, thread: Violations.thread, file: file)
        let result = try ChildProcess.run(
            "/proc/self/exe", ["violate", file],
            environment: ProcessInfo.processInfo.environment.merging(environment) { _, new in new })
        guard result.status.isSuccess else { throw Failure("the violations: \(result.status): \(result.errors)") }
        let missed = Violations.missed(in: try Counters(path: file))
        guard missed.isEmpty else { throw Failure("violations that were not counted: \(missed)") }
    }

    private static func check(agent: String, _ library: String) throws {
        var specification = LabSpecification.standard(name: Lab.uniqueName("path"))
        specification.nodes.remove(at: 1)
        specification.hasSniffer = false
        try Lab.with(specification, agentBinary: agent) { lab in
            let file = lab.path + "/counters"
            let environment = Counters.environment(library: library, thread: thread, file: file)
            try lab.startAgent(on: "n1", environment: environment)
            try lab.startAgent(on: "n3")
            for node in ["n1", "n3"] { try lab.waitReady(node) }
            // Neighbours are found and pages are touched before anything is counted.
            let ping = try lab.ping(from: "w1", to: "w3", count: 20)
            guard ping.received > 0 else { throw Failure("w1 cannot reach w3: \(ping.summary)") }
            let packetsBefore = try packets(lab)
            let before = try Counters(path: file)
            guard before.threads > 0 else { throw Failure("no thread of the agent is called \(thread)") }
            try Load(lab: lab).run()
            let growth = try Counters(path: file).since(before)
            let packets = try packets(lab) - packetsBefore
            try report(growth, packets: packets, agent: agent)
        }
    }

    /// Packets that n1's packet thread has had to do with.
    private static func packets(_ lab: Lab) throws -> UInt64 {
        guard let status = try lab.status("n1") else { throw Failure("n1's agent does not answer") }
        let carried = status.peers.reduce(0) { $0 + $1.txPackets + $1.rxPackets }
        return carried + (status.drops ?? [:]).values.reduce(0, +)
    }

    private static func report(_ growth: [Counters.Kind], packets: UInt64, agent: String) throws {
        print("The packet thread, in \(packets) packets:")
        var excess: [String] = []
        for kind in growth {
            print("  \(kind.name): \(kind.calls)")
            guard kind.calls > allowance else { continue }
            excess.append(kind.name)
            for caller in kind.callers.sorted(by: { $0.calls > $1.calls }) where caller.calls > allowance {
                print("    \(caller.calls) from \(try place(caller.address, agent))")
            }
        }
        guard packets > 10_000 else { throw Failure("only \(packets) packets: they went another way") }
        guard excess.isEmpty else { throw Failure("a packet costs \(excess.joined(separator: ", "))") }
    }

    /// A place in the program in words, where a tool for that is there.
    private static func place(_ address: UInt64, _ agent: String) throws -> String {
        if address == 0 { return "a library" }
        let hexadecimal = "0x" + String(address - 1, radix: 16)
        let tool = try? ChildProcess.run("llvm-symbolizer", ["--obj=" + agent, "--no-inlines", hexadecimal])
        guard let tool, tool.status.isSuccess else { return hexadecimal }
        let name = tool.output.split(separator: "\n").first.map(String.init) ?? hexadecimal
        let plain = try? ChildProcess.run("swift", ["demangle", "--compact", name]).output
        return plain?.trimmingCharacters(in: .whitespacesAndNewlines) ?? name
    }
}
