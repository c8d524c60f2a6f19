// The demo for people: a table for each mode as it is done, and at the end all of it on one screen.

internal import Lab

enum LabDemoText {
    /// What became of packets in one mode.
    static func phase(_ phase: LabDemoReport.Phase) -> String {
        var table = Table(header: ["FROM", "TO", "VERDICT", "REASON", "PINGS", "RTT", "TCP", "RATE"], numeric: [5, 7])
        for pair in phase.pairs {
            table.add([
                Table.Cell(pair.from), Table.Cell(pair.to),
                Table.Cell(pair.verdict, pair.verdict == "tunnel" ? .yellow : .green), Table.Cell(pair.reason),
                good("\(pair.pingsReceived) of \(pair.pingsSent)", pair.pingsReceived == pair.pingsSent),
                Table.Cell("\(pair.roundTripMicroseconds) µs"),
                good("\(pair.streamBytes) bytes \(pair.streamIntact ? "intact" : "BROKEN")", pair.streamIntact),
                Table.Cell("\(Int(pair.streamMegabitsPerSecond)) Mb/s"),
            ])
        }
        let changes = phase.changes.map { change in
            let text = "\(change.from) to \(change.to): \(change.summary)"
            return "  a ping every ms during the change, \(change.lost == 0 ? text : Colour.red(text))\n"
        }
        return "\n\(Colour.bold("ipipMode \(phase.mode)"))\n\(table.text(indent: "  "))\(changes.joined())"
    }

    /// Everything on one screen.
    static func summary(_ report: LabDemoReport) -> String {
        var text = "\n" + Colour.bold("Summary") + "\n"
        if let node = report.nodes.first {
            text += "tier \(node.tier): \(node.tierReason)\n"
            if let device = node.tunnelDevice, let mtu = node.tunnelMTU {
                text += "tunnel device \(device), MTU \(mtu)\n"
            }
        }
        text += "\n" + phases(report).text()
        if !report.packet.isEmpty {
            text += "\nOne IP-in-IP packet that the router saw:\n"
            text += report.packet.map { "  \($0)\n" }.joined()
        }
        let time = "\(Int(report.seconds)).\(Int(report.seconds * 10) % 10) s"
        return text + "\n"
            + (report.succeeded
                ? Colour.green("Every packet arrived, each by the way its mode says; no ping was lost in a change")
                : Colour.red("Not everything went as it should"))
            + " (\(time)).\n"
    }

    private static func phases(_ report: LabDemoReport) -> Table {
        var table = Table(header: [""] + report.phases.map(\.mode))
        for (index, pair) in (report.phases.first?.pairs ?? []).enumerated() {
            let cells = report.phases.map { phase in
                let pair = phase.pairs[index]
                return Table.Cell(
                    "\(pair.verdict)  \(pair.reason)", pair.verdict == "tunnel" ? .yellow : .green)
            }
            table.add([Table.Cell("\(pair.from) to \(pair.to)")] + cells)
        }
        table.add(
            ["pings"]
                + report.phases.map { phase in
                    let sent = phase.pairs.reduce(0) { $0 + $1.pingsSent }
                    let received = phase.pairs.reduce(0) { $0 + $1.pingsReceived }
                    return good("\(received) of \(sent)", received == sent)
                })
        table.add(
            ["TCP transfers"]
                + report.phases.map { phase in
                    let intact = phase.pairs.count(where: \.streamIntact)
                    return good("\(intact) of \(phase.pairs.count) intact", intact == phase.pairs.count)
                })
        table.add(["router saw IP-in-IP"] + report.phases.map { Table.Cell("\($0.routerIPIP) packets") })
        table.add(["router saw plain"] + report.phases.map { Table.Cell("\($0.routerPlain) packets") })
        table.add(
            ["lost in the change"]
                + report.phases.map { phase in
                    let lost = phase.changes.reduce(0) { $0 + $1.lost }
                    let sent = phase.changes.reduce(0) { $0 + $1.sent }
                    return phase.changes.isEmpty ? "" : good("\(lost) of \(sent) pings", lost == 0)
                })
        return table
    }

    private static func good(_ text: String, _ isGood: Bool) -> Table.Cell {
        Table.Cell(text, isGood ? .green : .red)
    }
}
