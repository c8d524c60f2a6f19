// Names the rule of somebody else that would take our packets away, and what to do about it.

internal import Net

/// What a packet filter has to let through.
struct FirewallScene: Hashable, Sendable {
    /// Another node, with an address of one of its blocks where it has any.
    struct Peer: Hashable, Sendable {
        var name: String
        var address: IPv4Address
        var workload: IPv4Address?
        var isTunnelled: Bool
    }

    var address: IPv4Address
    /// An address of one of our own blocks, or of a pool.
    var workload: IPv4Address?
    var underlayDevice: String
    var tunnelDevice: String
    var peers: [Peer]
    var pools: [IPv4Prefix]

    /// Enough to meet every rule about a subnet; a rule about one node of thousands is that node's own matter.
    static let peerLimit = 64
}

/// Looks for drops.
struct Firewall {
    /// Which way of ours a drop is in.
    enum Way: String, Hashable, Sendable, CaseIterable {
        case tunnelIn, tunnelOut, forwardIn, forwardOut
    }

    private struct Obstacle: Hashable {
        var way: Way
        var drop: FirewallDrop
    }

    private let scene: FirewallScene
    private let tables: [FirewallTable]
    /// A rule's words, where the listing had only its number.
    private let ruleText: (_ handle: Int, _ chain: String, _ table: FirewallTable) -> String?

    init(
        scene: FirewallScene, tables: [FirewallTable],
        ruleText: @escaping (_ handle: Int, _ chain: String, _ table: FirewallTable) -> String? = { _, _, _ in nil }
    ) {
        self.scene = scene
        // Our own table is not somebody else's.
        self.tables = tables.filter { $0.name != "poplin" }
        self.ruleText = ruleText
    }

    /// A finding for each rule or policy that stands in the way; one that is fine where there is none.
    func findings() -> [HostFinding] {
        var order: [Obstacle] = []
        var peers: [Obstacle: [FirewallScene.Peer]] = [:]
        for way in Way.allCases {
            for peer in scene.peers.prefix(FirewallScene.peerLimit) {
                guard let packet = packet(way, peer) else { continue }
                for drop in FirewallWalk.drops(of: packet, in: tables) {
                    let obstacle = Obstacle(way: way, drop: drop)
                    if peers[obstacle] == nil { order.append(obstacle) }
                    peers[obstacle, default: []].append(peer)
                }
            }
        }
        // What is dropped for certain here need not be told again as what may be.
        let certain = Set(order.filter(\.drop.isCertain).map { [$0.way.rawValue, "\($0.drop.table)", $0.drop.base] })
        let told = order.filter {
            $0.drop.isCertain || !certain.contains([$0.way.rawValue, "\($0.drop.table)", $0.drop.base])
        }
        guard !told.isEmpty else {
            return [HostFinding("firewall", .ok, "no rule of others takes packets of the overlay away")]
        }
        return told.map { finding($0, peers: peers[$0] ?? []) }
    }

    private func packet(_ way: Way, _ peer: FirewallScene.Peer) -> FirewallPacket? {
        let underlay = FirewallPacket.Device.named(scene.underlayDevice)
        let carrier = peer.isTunnelled ? FirewallPacket.Device.named(scene.tunnelDevice) : underlay
        switch way {
        case .tunnelIn:
            return FirewallPacket(
                hooks: [.prerouting, .input], protocolNumber: FirewallProtocol.ipip, source: peer.address,
                destination: scene.address, input: underlay, output: .none, destinationType: "local")
        case .tunnelOut:
            return FirewallPacket(
                hooks: [.output, .postrouting], protocolNumber: FirewallProtocol.ipip, source: scene.address,
                destination: peer.address, input: .none, output: underlay, destinationType: "unicast")
        case .forwardIn:
            guard let own = scene.workload, let other = peer.workload else { return nil }
            return FirewallPacket(
                hooks: [.prerouting, .forward, .postrouting], protocolNumber: FirewallProtocol.tcp, source: other,
                destination: own, input: carrier, output: .workload, destinationType: "unicast")
        case .forwardOut:
            guard let own = scene.workload, let other = peer.workload else { return nil }
            return FirewallPacket(
                hooks: [.prerouting, .forward, .postrouting], protocolNumber: FirewallProtocol.tcp, source: own,
                destination: other, input: .workload, output: carrier, destinationType: "unicast")
        }
    }

    private func finding(_ obstacle: Obstacle, peers: [FirewallScene.Peer]) -> HostFinding {
        let drop = obstacle.drop
        let table = tables[drop.table]
        let remedies = FirewallRemedy(scene: scene, table: table, drop: drop, way: obstacle.way, peers: peers)
        return HostFinding(
            "firewall", drop.isCertain ? .fail : .warn,
            "\(what(obstacle.way, peers)) \(drop.isCertain ? "are" : "may be") dropped by \(place(drop, table))",
            remedy: remedies.text)
    }

    private func what(_ way: Way, _ peers: [FirewallScene.Peer]) -> String {
        let shown = peers.prefix(3).map { "\($0.name) (\($0.address))" }.joined(separator: ", ")
        let names = peers.count > 3 ? "\(shown) and \(peers.count - 3) more" : shown
        return switch way {
        case .tunnelIn: "tunnel packets (protocol 4) from \(names)"
        case .tunnelOut: "tunnel packets (protocol 4) to \(names)"
        case .forwardIn: "packets for workloads here from \(names)"
        case .forwardOut: "packets of workloads here to \(names)"
        }
    }

    private func place(_ drop: FirewallDrop, _ table: FirewallTable) -> String {
        guard let rule = drop.rule else { return "the policy of chain \(drop.chain), \(table.title)" }
        let handle = rule.handle.map { " handle \($0)" } ?? ""
        let words = rule.text.isEmpty ? rule.handle.flatMap { ruleText($0, drop.chain, table) } ?? "" : rule.text
        return "a rule of chain \(drop.chain)\(handle), \(table.title)\(words.isEmpty ? "" : ": \(words)")"
    }
}
