// An explanation as a short story; the line that decides is marked.

internal import Net
internal import Overlay

/// Renders explanations.
enum ExplainText {
    private struct Line {
        var label: String
        var text: String
        var decides = false
    }

    /// - Parameter addressSource: where this node's address comes from, in words.
    static func render(_ explanation: Explanation, local: LocalNode, addressSource: String) -> String {
        let lines =
            resources(explanation) + addresses(explanation, local: local, source: addressSource)
            + checks(explanation) + [verdict(explanation)] + route(explanation)
        var table = Table()
        for line in lines {
            let colour: Colour? = line.decides ? .bold : nil
            table.add([
                Table.Cell(line.decides ? "→" : " ", colour), Table.Cell(line.label, colour),
                Table.Cell(line.text, colour),
            ])
        }
        let warnings = explanation.warnings.map { "  \(Colour.yellow("warning")) \($0.message)\n" }
        return "\(Colour.bold("\(explanation.destination)")): \(explanation.verdict.rawValue) "
            + "(\(explanation.reason.rawValue))\n" + table.text() + warnings.joined()
    }

    private static func resources(_ explanation: Explanation) -> [Line] {
        let obstacle = explanation.obstacle
        let pool = Line(
            label: "pool", text: explanation.pool ?? "none contains this address", decides: obstacle == .noPool)
        let owner = explanation.node.map { " of node \($0)" } ?? ""
        let block = Line(
            label: "block", text: explanation.block.map { "\($0)\(owner)" } ?? "none contains this address",
            decides: explanation.reason == .ownBlock || obstacle == .noBlock || obstacle == .containsOwnAddress
                || obstacle == .containsPeerAddress)
        guard let mode = explanation.mode else { return [pool, block] }
        let source = explanation.modeSource == "node" ? "this node's config" : "the pool"
        return [
            pool, block,
            Line(
                label: "mode", text: "\(mode.rawValue), by \(source)",
                decides: explanation.reason == .modeNever || explanation.reason == .modeAlways),
        ]
    }

    private static func addresses(_ explanation: Explanation, local: LocalNode, source: String) -> [Line] {
        var lines = [
            Line(
                label: "here", text: "\(local.name) \(local.address) (\(source))",
                decides: explanation.reason == .hostPrefix && local.address.prefixLength == 32)
        ]
        if let peer = explanation.peerAddress {
            let obstacle = explanation.obstacle
            lines.append(
                Line(
                    label: "peer", text: "\(explanation.node ?? "") \(peer) (Node resource)",
                    decides: (explanation.reason == .hostPrefix && peer.prefixLength == 32)
                        || obstacle == .duplicateAddress || obstacle == .noUnderlayRoute))
        } else if explanation.obstacle == .noNode {
            lines.append(
                Line(label: "peer", text: "there is no Node \(explanation.node ?? "")", decides: true))
        }
        return lines
    }

    private static func checks(_ explanation: Explanation) -> [Line] {
        explanation.checks.enumerated().map { index, check in
            let isLast = index == explanation.checks.count - 1
            let decides =
                switch explanation.reason {
                case .differentSubnet, .asymmetricPrefix: !check.holds && check.check != "peerIsOnLink"
                case .notOnLink: !check.holds
                case .sameSubnet: isLast
                default: false
                }
            return Line(label: "check", text: "\(check.holds ? "holds" : "fails")  \(check.detail)", decides: decides)
        }
    }

    private static func verdict(_ explanation: Explanation) -> Line {
        Line(label: "verdict", text: "\(explanation.verdict.rawValue): \(sentence(explanation))")
    }

    private static func route(_ explanation: Explanation) -> [Line] {
        guard explanation.verdict != .unrouted else { return [] }
        var words: [String] = []
        if let via = explanation.via { words.append("via \(via)") }
        if let device = explanation.device { words.append("dev \(device)") }
        if explanation.verdict == .local { words.append("blackhole \(explanation.block.map { "\($0)" } ?? "")") }
        if let tier = explanation.tier { words.append("tier \(tier)") }
        if let mtu = explanation.mtu { words.append("mtu \(mtu)") }
        let state = explanation.installed ? "in the kernel" : "not in the kernel (see `poplin plan`)"
        return [Line(label: "route", text: "\(words.joined(separator: " ")), \(state)")]
    }

    private static func sentence(_ explanation: Explanation) -> String {
        switch explanation.reason {
        case .noRoute: obstacle(explanation)
        case .ownBlock: "the block is this node's own; workloads here have routes of their own"
        case .modeNever: "the mode is Never"
        case .modeAlways: "the mode is Always"
        case .hostPrefix: "an address that is a /32 has no subnet to compare"
        case .differentSubnet: "neither subnet contains the other node"
        case .asymmetricPrefix: "only one of the two subnets contains the other node, so both ends tunnel"
        case .notOnLink: "the subnets agree, but the kernel does not reach the peer on this link"
        case .sameSubnet: "both nodes are in one subnet and on one link"
        }
    }

    private static func obstacle(_ explanation: Explanation) -> String {
        switch explanation.obstacle {
        case .noPool: "no pool contains the address"
        case .noBlock: "no node has claimed a block around the address"
        case .noNode: "the block's node is not registered"
        case .noUnderlayRoute: "the underlay has no route to the peer"
        case .duplicateAddress: "the peer claims an address that another node has"
        case .containsOwnAddress: "the block contains this node's own underlay address"
        case .containsPeerAddress: "the block contains a node's underlay address"
        case nil: "there is no route"
        }
    }
}
