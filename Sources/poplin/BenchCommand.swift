// `poplin bench`: what packets cost on every way they can go, on this machine or between two.

internal import ArgumentParser
internal import Bench
internal import Lab
internal import LinuxSystem
internal import Load
internal import Net
internal import Report

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measures plain routing, VXLAN and every tier that this machine has, side by side.",
        discussion: """
            Builds a network of virtual hosts for each path, about twelve minutes in all; --quick needs less than one. \
            Between two hosts: `poplin bench --serve` on one, `poplin bench --peer direct=ADDRESS --peer \
            tunnel=ADDRESS` on the other, each address reached by the path that its name tells.

            Prints a table and writes NAME.json and NAME.html. Ctrl-C ends it; what was measured is reported.
            """)

    @OptionGroup var format: OutputOptions

    @Flag(help: "Fewer loads, two short rounds, one MTU.")
    var quick = false

    @Option(
        name: .customLong("path"),
        help: ArgumentHelp(
            "One of \(BenchPath.all.map(\.name).joined(separator: ", ")); may be repeated, and the first is what the others are compared with.",
            valueName: "name"))
    var paths: [String] = []

    @Option(
        name: .customLong("measure"),
        help: ArgumentHelp(
            "One of \(Measure.allCases.map(\.rawValue).joined(separator: ", ")); may be repeated.", valueName: "name"))
    var measures: [String] = []

    @Option(help: "How often each load is put on each path (default: 5).")
    var rounds: Int?

    @Option(help: "Seconds that each load counts (default: 1).")
    var seconds: Double?

    @Option(
        name: .customLong("mtu"),
        help: ArgumentHelp("Of the underlay; may be repeated (default: 1500 and 9000).", valueName: "bytes"))
    var mtus: [Int] = []

    @Option(
        help: ArgumentHelp(
            "Of TCP in the lab, one of net.ipv4.tcp_available_congestion_control (default: \(PathNetwork.usualCongestionControl)).",
            valueName: "name"))
    var congestion: String?

    @Option(
        name: .customLong("peer"),
        help: ArgumentHelp("A host that serves, instead of the lab; may be repeated.", valueName: "name=address"))
    var peers: [String] = []

    @Flag(help: "Answer the loads of others, until Ctrl-C.")
    var serve = false

    @Option(help: ArgumentHelp("Of --serve: where to listen.", valueName: "address"))
    var listen = "0.0.0.0"

    @Option(help: "The server's port.")
    var port = LoadPort.control

    @Option(help: ArgumentHelp("Where the report goes.", valueName: "directory"))
    var directory = "."

    @Option(help: "What the report's files are called, without their ending.")
    var name = "poplin-bench"

    func validate() throws {
        if let rounds, !(1...1000).contains(rounds) { throw ValidationError("--rounds is 1 to 1000, not \(rounds)") }
        if let seconds, !(0.1...600).contains(seconds) {
            throw ValidationError("--seconds is 0.1 to 600, not \(seconds)")
        }
        for mtu in mtus where !(576...65535).contains(mtu) {
            throw ValidationError("--mtu is 576 to 65535, not \(mtu)")
        }
        for (option, words) in [("--mtu", mtus.map(String.init)), ("--path", paths), ("--measure", measures)]
        where Set(words).count < words.count {
            throw ValidationError("\(option) has one value twice: \(words.joined(separator: ", "))")
        }
        if name.isEmpty || name.contains("/") { throw ValidationError("--name is a file's name, not '\(name)'") }
        if serve && !peers.isEmpty { throw ValidationError("--serve and --peer are for two hosts, not for one") }
        if !peers.isEmpty && !paths.isEmpty { throw ValidationError("--path is for the lab, --peer for other hosts") }
        if !peers.isEmpty && !mtus.isEmpty { throw ValidationError("--mtu is for the lab, --peer for other hosts") }
        if (serve || !peers.isEmpty) && congestion != nil {
            throw ValidationError("--congestion is for the lab; other hosts have their own")
        }
        try checkCongestion()
        _ = try (chosenPaths(), chosenMeasures(), chosenPeers())
    }

    func run() throws {
        let interruption = try LabSignals.interruption()
        if serve { return try runServer(interruption) }
        if try !peers.isEmpty && !Host.hasCapability(.netRaw) && chosenMeasures().contains(.ping) {
            throw CommandError("ping needs CAP_NET_RAW: run it with sudo, or name other loads with --measure")
        }
        let files = BenchFiles(directory: directory, name: name)
        try files.checkWritable()
        if peers.isEmpty {
            try Lab.checkPermissions()
            for problem in Lab.removeAbandoned() { Terminal.complain("an earlier lab was left: \(problem)") }
        }
        let progress = BenchProgress()
        let run = BenchRun(
            try plan(), version: Poplin.version,
            // Wherever the program lies.
            command: (["poplin"] + CommandLine.arguments.dropFirst()).map(Self.quoted).joined(separator: " "),
            interruption: interruption, onProgress: progress.show)
        let report: BenchReport
        do {
            defer { progress.clear() }
            report = try run.run()
        }
        // Whatever becomes of the table.
        let written = Result { try files.write(report) }
        switch format.output {
        case .text: Terminal.write(ReportText.render(report, width: 100, colour: Terminal.hasColour))
        case .json: try Terminal.write(json: report)
        }
        try written.get()
        let failures = report.missing.filter { missing in
            !peers.isEmpty || paths.contains(missing.path) || report.figures.contains { $0.path == missing.path }
        }
        let problems = failures.map { "\($0.path): \($0.reason)" } + [report.interruption].compactMap(\.self)
        guard problems.isEmpty else { throw CommandError(problems.joined(separator: "\n")) }
    }

    private func runServer(_ interruption: Interruption) throws {
        guard let address = IPv4Address(listen) else { throw CommandError("--listen \(listen): not an IPv4 address") }
        if !Host.hasCapability(.netAdmin) {
            Terminal.complain(
                "without CAP_NET_ADMIN no datagrams are served, for many would be lost here; run it with sudo")
        }
        let server = try LoadServer(listeningOn: address, port: port)
        Terminal.say("serving on \(server.address) port \(server.port); Ctrl-C ends it")
        server.run(while: { !interruption.isRequested }, log: Terminal.say)
    }

    // MARK: - The plan

    private func plan() throws -> BenchPlan {
        let measures = try chosenMeasures()
        let milliseconds = UInt32((seconds ?? (quick ? 0.6 : 1)) * 1000)
        let network: BenchPlan.Network =
            try peers.isEmpty ? .lab(chosenPaths()) : .peers(chosenPeers())
        return BenchPlan(
            network: network, port: port, measures: measures,
            furtherMeasures: self.measures.isEmpty ? Measure.streams : measures, rounds: rounds ?? (quick ? 2 : 5),
            period: LoadPeriod(warmUpMilliseconds: quick ? 150 : 300, milliseconds: milliseconds),
            mtus: mtus.isEmpty ? (quick ? [1500] : [1500, 9000]) : mtus,
            congestionControl: congestion ?? PathNetwork.usualCongestionControl)
    }

    /// Before anything is built, so that a slip of the pen is one line; what only a module brings must be loaded by then.
    private func checkCongestion() throws {
        guard let congestion else { return }
        let available = (try? Sysctl.read("net/ipv4/tcp_available_congestion_control")) ?? ""
        guard available.split(separator: " ").contains(Substring(congestion)) else {
            throw ValidationError(
                "--congestion \(congestion): the kernel has \(available) now; another one's module is loaded with modprobe tcp_NAME"
            )
        }
    }

    private func chosenPaths() throws -> [BenchPath] {
        if paths.isEmpty { return BenchPath.all.filter(\.isUsual) }
        return try paths.map { name in
            guard let path = BenchPath.all.first(where: { $0.name == name }) else {
                throw ValidationError("--path \(name): there is \(BenchPath.all.map(\.name).joined(separator: ", "))")
            }
            return path
        }
    }

    private func chosenMeasures() throws -> [Measure] {
        if measures.isEmpty { return quick ? Measure.quick : Measure.allCases }
        return try measures.map { name in
            guard let measure = Measure(rawValue: name) else {
                let all = Measure.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("--measure \(name): there is \(all)")
            }
            return measure
        }
    }

    private func chosenPeers() throws -> [BenchPlan.Peer] {
        let peers = try peers.map { text in
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let last = parts.last, let address = IPv4Address(last), parts.first?.isEmpty == false else {
                throw ValidationError("--peer \(text): write NAME=ADDRESS or ADDRESS, with an IPv4 address")
            }
            return BenchPlan.Peer(name: String(parts[0]), address: address)
        }
        if Set(peers.map(\.name)).count < peers.count { throw ValidationError("--peer: two of one name") }
        return peers
    }

    /// As a shell would take it.
    private static func quoted(_ word: String) -> String {
        let isPlain = word.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"'\"\\$`&|;<>()*?[]#~!{}".utf8.contains($0) }
        if isPlain && !word.isEmpty { return word }
        return "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
