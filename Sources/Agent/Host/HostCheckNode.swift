// This node's part in the overlay, read off the same values that the agent applies.

internal import Dataplane
internal import Net
internal import Overlay

/// Findings about address, devices, settings, resources and peers.
struct HostCheckNode {
    let local: LocalNode
    let topology: Topology
    let facts: HostFacts
    let observed: Observed
    let desired: DesiredState
    /// The running agent's report; nil where none runs.
    let agent: StatusReport?

    /// Warnings that have a finding of their own here.
    private static let told: Set<String> = [
        "addressNotOnHost", "noUnderlayRoute", "foreignRoute", "foreignDevice", "nodeDiffersFromConfig", "leftovers",
    ]

    /// At most so many of one kind; the last says how many there are.
    private static let limit = 10

    func findings() -> [HostFinding] {
        [address] + settings + [device, mtu].compactMap { $0 } + [resource, blocks] + peers + conflicts + warnings
    }

    func agentFinding(runDirectory: String) -> [HostFinding] {
        guard let agent else { return [HostFinding("agent", .ok, "no agent runs with \(runDirectory)")] }
        guard agent.node == local.name else {
            return [
                HostFinding(
                    "agent", .fail, "an agent for node \(agent.node) (process \(agent.pid)) uses \(runDirectory)",
                    remedy: "give each agent of a host its own runDirectory")
            ]
        }
        return [HostFinding("agent", .ok, "the agent runs as process \(agent.pid), tier \(agent.tier)")]
    }

    static func datastore(_ directory: String, problems: [String], notes: [String]) -> [HostFinding] {
        guard problems.isEmpty else {
            return shorten(problems.map { HostFinding("datastore", .fail, $0) })
        }
        let extra =
            notes.isEmpty
            ? "" : ", \(notes.count) note\(notes.count == 1 ? "" : "s"): \(notes.prefix(3).joined(separator: "; "))"
        return [HostFinding("datastore", .ok, "\(directory) is readable\(extra)")]
    }

    /// What a packet filter has to let through; nil without an underlay device.
    var scene: FirewallScene? {
        guard let underlay = desired.underlay else { return nil }
        let verdicts = PeerVerdict.all(local: local, topology: topology, facts: facts, desired: desired)
        let own = topology.blocks.first { topology.owner(of: $0) == local.name }?.prefix ?? topology.pools.first?.prefix
        return FirewallScene(
            address: local.address.address, workload: own.map(HostCheckNode.sample), underlayDevice: underlay.name,
            tunnelDevice: local.tunnelDevice,
            peers: verdicts.map {
                .init(
                    name: $0.node.name, address: $0.node.address.address,
                    workload: $0.prefixes.first.map(HostCheckNode.sample), isTunnelled: $0.decision.verdict == .tunnel)
            }, pools: topology.pools.map(\.prefix))
    }

    /// An address inside that could be a workload's.
    private static func sample(_ prefix: IPv4Prefix) -> IPv4Address {
        IPv4Address(rawValue: prefix.address.rawValue + (prefix.length < 31 ? 1 : 0))
    }

    private var address: HostFinding {
        guard let underlay = desired.underlay else {
            return HostFinding(
                "address", .fail, "no interface has the node address \(local.address.address)",
                remedy: "add it to an interface, or poplin set address=ADDRESS/LENGTH")
        }
        let present = facts.addresses.first { $0.address.address == local.address.address && $0.link == underlay.index }
        let length = present?.address.prefixLength ?? local.address.prefixLength
        if length != local.address.prefixLength {
            return HostFinding(
                "address", .warn,
                "\(underlay.name) has the node address as \(local.address.address)/\(length), the config says "
                    + "\(local.address): CrossSubnet goes by the config",
                remedy: "make them agree")
        }
        return underlay.isUp
            ? HostFinding("address", .ok, "\(local.address) is on \(underlay.name)")
            : HostFinding(
                "address", .fail, "\(local.address) is on \(underlay.name), which is down",
                remedy: "ip link set \(underlay.name) up")
    }

    private var settings: [HostFinding] {
        desired.settings.compactMap { setting in
            let name = setting == .forwarding ? "forwarding" : "rpFilter"
            // The tunnel device's settings come with the device.
            guard let value = observed.settings[setting.path] else {
                return setting == .forwarding
                    ? HostFinding(name, .fail, "\(setting.path) cannot be read", remedy: "mount /proc") : nil
            }
            if setting.holds(observed.settings) { return HostFinding(name, .ok, "\(setting.path) = \(value)") }
            let all = setting.inputs.dropFirst().map { "\($0) = \(observed.settings[$0] ?? "?")" }
            return HostFinding(
                name, agent == nil ? .warn : .fail,
                "\((["\(setting.path) = \(value)"] + all).joined(separator: ", ")); needed so that \(setting.purpose)",
                remedy: agent == nil
                    ? "the agent sets it to \(setting.value) when it starts"
                    : "sysctl -w \(setting.path)=\(setting.value)")
        }
    }

    private var device: HostFinding? {
        let name = local.tunnelDevice
        guard let device = observed.device else {
            return agent == nil
                ? HostFinding("device", .ok, "\(name) is made when the agent starts")
                : HostFinding("device", .fail, "\(name) is missing", remedy: "see poplin status")
        }
        guard device.kind == desired.device.kind else {
            return HostFinding(
                "device", .fail,
                "\(name) is of kind '\(device.kind.isEmpty ? "hardware" : device.kind)', so it is somebody else's",
                remedy: "poplin set tunnel.device=poplin0, or remove \(name)")
        }
        guard desired.foreignDevice == nil else {
            return HostFinding(
                "device", .fail, "\(name) has a far end or details that Poplin does not set, so it is somebody else's",
                remedy: "poplin set tunnel.device=poplin0, or ip link del \(name)")
        }
        guard device.isUp else {
            return HostFinding(
                "device", agent == nil ? .warn : .fail, "\(name) is down",
                remedy: agent == nil ? "the agent sets it up when it starts" : "see poplin status")
        }
        guard device.ipip?.isUnpinned != true else {
            return HostFinding(
                "device", .ok,
                "\(name) is up, MTU \(device.mtu); it is the ipip driver's own: outer source by the kernel's routes, inner "
                    + "TTL, DSCP 0",
                remedy:
                    "poplin set tunnel.device=poplin0 has one with this node's address and the configured TTL and DSCP")
        }
        return HostFinding("device", .ok, "\(name) is up, MTU \(device.mtu)")
    }

    private var mtu: HostFinding? {
        guard let underlay = desired.underlay else { return nil }
        let fits = underlay.mtu - 20
        let mtu = desired.device.mtu
        guard mtu <= fits else {
            return HostFinding(
                "mtu", .warn,
                "tunnel MTU \(mtu) does not fit into \(underlay.name)'s \(underlay.mtu) with the 20 bytes of the outer header",
                remedy: "poplin set tunnel.mtu=auto (\(fits))")
        }
        return HostFinding("mtu", .ok, "tunnel \(mtu), \(underlay.name) \(underlay.mtu)")
    }

    private var resource: HostFinding {
        guard let own = topology.nodes.first(where: { $0.name == local.name }) else {
            return HostFinding(
                "node", .fail, "there is no Node \(local.name): no other node knows this one",
                remedy: "add a Node \(local.name) with spec.bgp.ipv4Address: \(local.address)")
        }
        guard own.address == local.address else {
            return HostFinding(
                "node", .warn, "Node \(local.name) says \(own.address), here it is \(local.address)",
                remedy: "set spec.bgp.ipv4Address: \(local.address)")
        }
        return HostFinding("node", .ok, "Node \(local.name) says \(own.address)")
    }

    private var blocks: HostFinding {
        guard !topology.pools.isEmpty else {
            return HostFinding("blocks", .warn, "there is no IPPool: nothing is routed", remedy: "add an IPPool")
        }
        let own = topology.blocks.filter { topology.owner(of: $0) == local.name }
        guard let first = own.first else {
            return HostFinding(
                "blocks", .warn, "no block belongs to this node: others cannot reach workloads here",
                remedy: "add a BlockAffinity with spec.node: \(local.name)")
        }
        let more = own.count > 1 ? " and \(own.count - 1) more" : ""
        return HostFinding("blocks", .ok, "\(first.prefix)\(more) belong\(own.count == 1 ? "s" : "") to this node")
    }

    private var peers: [HostFinding] {
        let verdicts = PeerVerdict.all(local: local, topology: topology, facts: facts, desired: desired)
        let underlay = Underlay(facts: facts, local: local)
        let lost = verdicts.filter { underlay.path(to: $0.node.address.address) == nil }
        guard !lost.isEmpty else {
            return [HostFinding("peers", .ok, "the underlay has a route to each of \(verdicts.count) peers")]
        }
        return HostCheckNode.shorten(
            lost.map {
                HostFinding(
                    "peers", .fail, "the underlay has no route to \($0.node.name) (\($0.node.address.address))",
                    remedy: "add one; see `ip route get \($0.node.address.address)`")
            })
    }

    private var conflicts: [HostFinding] {
        HostCheckNode.shorten(
            desired.conflicts.map { conflict in
                HostFinding(
                    "conflict", .fail,
                    "a route to \(conflict.destination) \(conflict.maker) stands where Poplin's would",
                    remedy: conflict.predecessor.map { "stop \($0.rawValue) and start `poplin agent --adopt`" }
                        ?? "ip route del \(conflict.destination) proto \(conflict.routeProtocol), and stop who made it")
            })
    }

    private var warnings: [HostFinding] {
        HostCheckNode.shorten(
            desired.warnings.filter { !HostCheckNode.told.contains($0.code) }
                .map { HostFinding($0.code, .warn, $0.message) })
    }

    private static func shorten(_ findings: [HostFinding]) -> [HostFinding] {
        guard findings.count > limit, let last = findings.last else { return findings }
        return findings.prefix(limit)
            + [HostFinding(last.name, last.level, "and \(findings.count - limit) more of this kind")]
    }
}
