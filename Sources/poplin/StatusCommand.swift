// `poplin status`: what the running agent says of itself.

internal import Agent
internal import ArgumentParser

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Shows the running agent's state.")

    @OptionGroup var config: ConfigOptions
    @OptionGroup var format: OutputOptions

    func run() throws {
        let node = try ConfigFile(path: config.config, environment: config.environment).load()
        guard let report = try StatusClient.ask(node.statusSocketPath) else {
            throw CommandError(
                "no agent answers at \(node.statusSocketPath): start it with `poplin agent --config \(config.config)`")
        }
        switch format.output {
        case .json: try Terminal.write(json: report)
        case .text: Terminal.write(StatusText.render(report))
        }
    }
}

/// A report as text.
enum StatusText {
    static func render(_ report: StatusReport) -> String {
        var text = facts(report)
        if !report.peers.isEmpty { text += "\n" + peers(report.peers) }
        text += pathMTUs(report.peers)
        let drops = report.drops.filter { $0.value != 0 }.sorted { $0.key < $1.key }
        if !drops.isEmpty {
            var table = Table(numeric: [1])
            for (reason, count) in drops { table.add([Table.Cell(reason), Table.Cell("\(count)", .yellow)]) }
            text += "\ndropped packets\n" + table.text(indent: "  ")
        }
        text += list("warnings", report.warnings.map { "\(Colour.yellow($0.code)): \($0.message)" })
        text += list("notes", report.notes)
        return text
    }

    private static func facts(_ report: StatusReport) -> String {
        var table = Table()
        func add(_ label: String, _ text: String, _ colour: Colour? = nil) {
            table.add([Table.Cell(label), Table.Cell(text, colour)])
        }
        add("node", "\(report.node)  \(report.address)  (process \(report.pid))")
        add("tier", "\(report.tier)  (\(report.tierReason))")
        let address = report.tunnel.address.map { "  address \($0)" } ?? ""
        add("tunnel", "\(report.tunnel.device)  mtu \(report.tunnel.mtu)\(address)")
        if report.ready {
            add("ready", "yes", .green)
        } else {
            add("ready", "no: \(report.notReadyBecause.joined(separator: "; "))", .red)
        }
        add("routes", "\(report.routes.installed) of \(report.routes.desired) in the kernel")
        for conflict in report.routes.conflicts {
            let maker = conflict.predecessor.map { " (\($0))" } ?? ""
            add("conflict", "\(conflict.destination) is held by protocol \(conflict.protocol)\(maker)", .red)
        }
        add("resync", report.lastResync ?? "not yet")
        return table.text()
    }

    private static func peers(_ peers: [StatusReport.Peer]) -> String {
        var table = Table(
            header: ["PEER", "ADDRESS", "VERDICT", "REASON", "OUTER", "BLOCKS", "SENT", "RECEIVED"], numeric: [5, 6, 7])
        for peer in peers {
            table.add([
                Table.Cell(peer.node), Table.Cell(peer.address),
                Table.Cell(peer.verdict, peer.verdict == "unrouted" ? .red : nil), Table.Cell(peer.reason),
                Table.Cell(peer.outer ?? "-"), Table.Cell("\(peer.blocks.count)"), Table.Cell("\(peer.txPackets)"),
                Table.Cell("\(peer.rxPackets)"),
            ])
        }
        return table.text()
    }

    /// Only the narrow paths, of which there are few.
    private static func pathMTUs(_ peers: [StatusReport.Peer]) -> String {
        var table = Table(numeric: [1])
        for peer in peers {
            guard let mtu = peer.pathMTU, let seconds = peer.pathMTUExpiresIn else { continue }
            table.add([Table.Cell(peer.node), Table.Cell("\(mtu)"), Table.Cell("for \(seconds) s", .faint)])
        }
        let text = table.text(indent: "  ")
        return text.isEmpty ? "" : "\nlearnt path MTU\n" + text
    }

    private static func list(_ title: String, _ lines: [String]) -> String {
        lines.isEmpty ? "" : "\n\(title)\n" + lines.map { "  \($0)\n" }.joined()
    }
}
