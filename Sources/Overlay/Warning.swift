// What a person should know although nothing failed: one code for scripts, one sentence for people.

internal import Net

/// A warning about the cluster, the host or a verdict.
public struct Warning: Hashable, Sendable {
    /// Stable, for scripts: `contestedBlock`, `underlayMustRoute`, …
    public let code: String
    /// What, where, why and what to do.
    public let message: String
    /// The nodes and blocks it is about.
    public let subjects: [String]

    /// A warning.
    public init(code: String, about subjects: [String] = [], message: String) {
        self.code = code
        self.subjects = subjects
        self.message = message
    }
}

extension Warning: Encodable {
    private enum CodingKeys: String, CodingKey { case code, message }
}

extension Warning: CustomStringConvertible {
    public var description: String { "\(code): \(message)" }
}

extension Warning {
    static func contestedBlock(_ prefix: IPv4Prefix, kept: String, refused: String) -> Warning {
        Warning(
            code: "contestedBlock", about: ["\(prefix)", kept, refused],
            message:
                "block \(prefix) is claimed by \(kept) and \(refused): \(kept) keeps it (older claim, then smaller "
                + "name); delete the BlockAffinity of \(refused)")
    }

    static func unknownNode(_ node: String, first: IPv4Prefix, count: Int) -> Warning {
        let blocks = count == 1 ? "block \(first) belongs" : "\(count) blocks (first \(first)) belong"
        return Warning(
            code: "unknownNode", about: [node],
            message: "\(blocks) to node \(node), which is not registered: no route until there is a Node \(node)")
    }

    static func blocksOutsidePools(_ count: Int) -> Warning {
        Warning(
            code: "blockOutsidePools",
            message: "\(count) block\(count == 1 ? " lies" : "s lie") in no IPPool and get\(count == 1 ? "s" : "") no "
                + "route: create the pool or delete the BlockAffinity")
    }

    static func duplicateAddress(_ address: IPv4Address, kept: String, refused: String) -> Warning {
        Warning(
            code: "duplicateAddress", about: [kept, refused],
            message:
                "nodes \(kept) and \(refused) both have the address \(address): \(refused) gets no routes; correct "
                + "its Node resource")
    }

    static func tunnelAddressTaken(_ address: IPv4Address, kept: String, refused: String) -> Warning {
        Warning(
            code: "tunnelAddressTaken", about: [kept, refused],
            message:
                "the tunnel address \(address) of \(refused) belongs to \(kept): answers to what \(refused)'s host sends "
                + "through the tunnel go there; give \(refused) another one")
    }

    static func nodeDiffersFromConfig(_ node: Node, config: IPv4InterfaceAddress) -> Warning {
        Warning(
            code: "nodeDiffersFromConfig", about: [node.name],
            message:
                "Node \(node.name) says \(node.address), the config says \(config), which is used here; other nodes "
                + "see the former: make them agree")
    }

    static func addressNotOnHost(_ address: IPv4InterfaceAddress) -> Warning {
        Warning(
            code: "addressNotOnHost",
            message: "no interface has the node address \(address.address): add it, or correct 'address' in the config")
    }

    static func hostPrefix(_ peer: Node, local: IPv4InterfaceAddress) -> Warning {
        Warning(
            code: "hostPrefix", about: [peer.name],
            message:
                "\(local.prefixLength == 32 ? "this node's address \(local)" : "\(peer.name)'s address \(peer.address)")"
                + " is a /32, so there is no subnet to compare and \(peer.name) is reached through the tunnel; give the "
                + "address its real prefix length")
    }

    static func asymmetricPrefix(_ peer: Node, local: IPv4InterfaceAddress) -> Warning {
        Warning(
            code: "asymmetricPrefix", about: [peer.name],
            message:
                "\(local) here and \(peer.address) on \(peer.name) do not contain each other: both ends tunnel; give "
                + "both addresses the same prefix length")
    }

    static func notOnLink(_ peer: Node, path: UnderlayPath) -> Warning {
        let way = path.gateway.map { "through gateway \($0)" } ?? "over another device"
        return Warning(
            code: "notOnLink", about: [peer.name],
            message: "\(peer.name) (\(peer.address)) is in this node's subnet, but the kernel reaches it \(way): "
                + "tunnelled from here; see `ip route get \(peer.address.address)`")
    }

    static func underlayMustRoute(_ peer: Node, gateway: IPv4Address) -> Warning {
        Warning(
            code: "underlayMustRoute", about: [peer.name],
            message: "\(peer.name) is behind gateway \(gateway) and ipipMode is Never: the underlay itself must have "
                + "routes for its blocks")
    }

    static func noUnderlayRoute(_ peer: Node) -> Warning {
        Warning(
            code: "noUnderlayRoute", about: [peer.name],
            message:
                "the underlay has no route to \(peer.name) (\(peer.address.address)): its blocks get none either; add "
                + "one, see `ip route get \(peer.address.address)`")
    }

    static func blockContainsAddress(_ prefix: IPv4Prefix, node: String) -> Warning {
        Warning(
            code: "blockContainsNodeAddress", about: ["\(prefix)"],
            message:
                "block \(prefix) contains the underlay address of \(node) and gets no route: pools and underlay must "
                + "not overlap")
    }

    static func widerRoute(_ address: IPv4Address, wider: IPv4Prefix) -> Warning {
        Warning(
            code: "widerRoute", about: ["\(address)", "\(wider)"],
            message: "\(address) has no route of its own, so the kernel sends packets for it the way of "
                + "\(wider)")
    }

    /// One for each thing that the packet filter should do and cannot.
    static func noPacketFilter(_ wanted: HostFilter, because reason: String, device: String) -> [Warning] {
        let remedy = "\(reason); use a kernel with nf_tables for IPv4"
        var warnings: [Warning] = []
        if wanted.admission != nil {
            warnings.append(
                Warning(
                    code: "anybodyMaySend",
                    message:
                        "\(device) takes tunnel packets from anybody who reaches this node, with any inner source: "
                        + "\(remedy), or 'dataplane: userspace'"))
        }
        if wanted.masquerade != nil {
            warnings.append(
                Warning(code: "notMasqueraded", message: "natOutgoing of a pool is not carried out: \(remedy)"))
        }
        return warnings
    }

    static func foreignRoute(_ conflict: RouteConflict) -> Warning {
        let remedy =
            conflict.predecessor.map { "stop \($0.rawValue) and start `poplin agent --adopt`" } ?? "remove it"
        return Warning(
            code: "foreignRoute", about: ["\(conflict.destination)"],
            message: "a route to \(conflict.destination) \(conflict.maker) is in the way and stays untouched: "
                + "\(remedy), see `ip route show \(conflict.destination)`")
    }

    /// - Parameter kind: what the chosen tier needs.
    static func foreignDevice(_ link: Link, wanted kind: String) -> Warning {
        if link.kind == "tun" && kind == "ipip" {
            return Warning(
                code: "foreignDevice", about: [link.name],
                message: "\(link.name) is a TUN device, as the userspace tier makes it: it stays untouched and nothing "
                    + "is tunnelled. A change to the kernel tier takes a break: stop the agent, `poplin clean`, start it; "
                    + "or `poplin set tunnel.device=poplin0` and restart it")
        }
        let words = link.kind.isEmpty ? "a device" : "a device of kind \(link.kind)"
        // The ipip driver's own device cannot be deleted.
        let removal = link.ipip?.isUnpinned == true ? "" : ", or delete it with `ip link del \(link.name)`"
        return Warning(
            code: "foreignDevice", about: [link.name],
            message: "\(link.name) is \(words) that somebody else made: it stays untouched and nothing is tunnelled; "
                + "name another with 'tunnel.device'\(removal)")
    }

    static func outerSource(_ chosen: IPv4Address, to nodes: [String], _ local: LocalNode, device: String) -> Warning {
        let shown = nodes.prefix(4).joined(separator: ", ") + (nodes.count > 4 ? " and \(nodes.count - 4) more" : "")
        return Warning(
            code: "outerSource", about: nodes,
            message:
                "\(device) is the ipip driver's own device, which leaves the outer source to the kernel: packets to "
                + "\(shown) leave from \(chosen) instead of \(local.address.address), and are refused there; "
                + "`poplin set tunnel.device=poplin0` and restart the agent")
    }
}
