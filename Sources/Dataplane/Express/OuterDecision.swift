// The one place where it is decided how outer packets to a peer leave this host, and for which reason.

public import Net
public import Overlay
public import Packet
internal import Rtnetlink

/// Why outer packets to a peer leave as they do; the names are stable.
public enum OuterReason: String, Hashable, Sendable, CaseIterable {
    // As a frame: how sure the kernel is of the neighbour.
    case neighbourReachable, neighbourStale, neighbourProbed
    // By a program.
    case program
    // Through the socket.
    /// `tunnel.express: never`.
    case configured
    /// What there is to know could not be read.
    case unknown
    /// Rules beyond the kernel's own: a look at the main table alone is not certain.
    case routingRules
    /// IPsec policies, which only the kernel's own output applies.
    case ipsecPolicies
    case noPath
    /// Several next hops, another family's gateway or attributes that only the kernel's lookup knows.
    case routeDetail
    case linkDown, notEthernet
    /// Rules of the packet filter see what this host sends.
    case outputRules
    /// A discipline that shapes, or filters of what is sent, on the device.
    case queueingDiscipline
    /// The kernel has no address of the next hop, or has lost it.
    case noNeighbour
    /// The programs could not be put in their places.
    case noProgram
}

/// How outer packets to one peer leave, and why.
public struct OuterDecision: Hashable, Sendable {
    public var way: OuterWay
    public var reason: OuterReason
    /// What exactly: the chain, the discipline, the neighbour; for a person.
    public var detail: String
    /// The neighbour that the answer depends on: while nothing else changes, no other one matters.
    public var nextHop: NextHop?

    /// The kernel finds the way.
    public static func socket(
        _ reason: OuterReason, _ detail: String = "", nextHop: NextHop? = nil
    ) -> OuterDecision {
        OuterDecision(way: .socket, reason: reason, detail: detail, nextHop: nextHop)
    }

    /// Where a packet goes first.
    public struct NextHop: Hashable, Sendable, BitwiseCopyable {
        public var link: Int32
        public var address: IPv4Address

        /// The neighbour with this address on the device with this index.
        public init(link: Int32, address: IPv4Address) {
            self.link = link
            self.address = address
        }
    }
}

/// Decides for every peer from one reading of the host. A frame is sent only where the kernel itself would put the
/// packet on the same device, to the same neighbour, unchanged.
public struct OuterDecider: Sendable {
    /// The discipline that holds filters of both sides.
    static let clsact = "clsact"
    /// Disciplines that neither delay nor drop by a rule of their own.
    private static let plainQdiscs: Set = ["noqueue", "pfifo_fast", "pfifo", "fq_codel", "fq", "mq"]

    private let underlay: Underlay
    private let links: [Int32: LinkMessage]
    private let neighbours: [OuterDecision.NextHop: NeighbourMessage]
    private let obstacle: (reason: OuterReason, detail: String)?
    private let shaping: [Int32: String]

    /// Takes the facts.
    ///
    /// - Parameter skipsOutput: the host's own output rules and disciplines need not see outer packets
    ///   (`tunnel.express: always`).
    public init(underlay: Underlay, facts: ExpressFacts, skipsOutput: Bool) {
        self.underlay = underlay
        links = Dictionary(facts.links.map { ($0.index, $0) }, uniquingKeysWith: { first, _ in first })
        neighbours = Dictionary(
            facts.neighbours.map { (OuterDecision.NextHop(link: $0.link, address: $0.address), $0) },
            uniquingKeysWith: { first, _ in first })
        obstacle = OuterDecider.obstacle(facts, skipsOutput: skipsOutput)
        shaping = skipsOutput ? [:] : OuterDecider.shaping(facts)
    }

    /// What keeps every peer on the socket.
    private static func obstacle(
        _ facts: ExpressFacts, skipsOutput: Bool
    ) -> (reason: OuterReason, detail: String)? {
        let rules = facts.rules.filter { !$0.isDefault }
        if let rule = rules.first { return (.routingRules, "routing rule \(rule.priority)\(more(rules.count))") }
        if facts.ipsecPolicies > 0 {
            return (.ipsecPolicies, "\(facts.ipsecPolicies) IPsec policies for what this host sends")
        }
        if skipsOutput { return nil }
        let chains = facts.chains.filter { $0.seesSentPackets && $0.isEffective && !$0.isOurs }
        if let chain = chains.first { return (.outputRules, "\(chain)\(more(chains.count))") }
        if let table = facts.legacyTables.first { return (.outputRules, "iptables-legacy table \(table)") }
        return nil
    }

    private static func more(_ count: Int) -> String { count > 1 ? " and \(count - 1) more" : "" }

    /// What else than plain queues sent packets meet, by device.
    private static func shaping(_ facts: ExpressFacts) -> [Int32: String] {
        let programs = facts.linksWithPrograms.map { ($0, "a BPF program") }
        let filters = facts.linksWithFilters.map { ($0, "a traffic filter") }
        let qdiscs = facts.qdiscs.filter { !isPlain($0) }.map { ($0.link, $0.kind) }
        return Dictionary(programs + filters + qdiscs, uniquingKeysWith: { first, _ in first })
    }

    private static func isPlain(_ qdisc: QdiscMessage) -> Bool {
        // These two queue nothing; what they hold for sent packets is asked for by itself.
        plainQdiscs.contains(qdisc.kind) || qdisc.kind == "ingress" || qdisc.kind == clsact
    }

    /// How outer packets to the peer with this outer address leave.
    public func decide(_ peer: IPv4Address) -> OuterDecision {
        if let obstacle { return .socket(obstacle.reason, obstacle.detail) }
        guard let path = underlay.path(to: peer) else { return .socket(.noPath, "no route to \(peer)") }
        guard !path.hasDetail, !path.hasOtherGateway else {
            return .socket(.routeDetail, "the route to \(peer) has several next hops or special attributes")
        }
        guard let link = links[path.link], link.isUp, link.isLowerUp else {
            return .socket(.linkDown, "\(links[path.link]?.name ?? "device \(path.link)") is down")
        }
        guard link.isEthernet, let source = EthernetAddress(octets: link.hardwareAddress), source.isUnicast else {
            return .socket(.notEthernet, "\(link.name) is no Ethernet device")
        }
        if let kind = shaping[link.index] { return .socket(.queueingDiscipline, "\(kind) on \(link.name)") }
        let nextHop = OuterDecision.NextHop(link: link.index, address: path.gateway ?? peer)
        let place = "\(nextHop.address) on \(link.name)"
        guard let neighbour = neighbours[nextHop], let reason = OuterDecider.confidence(neighbour.state),
            let destination = EthernetAddress(octets: neighbour.hardwareAddress), destination.isUnicast
        else { return .socket(.noNeighbour, place, nextHop: nextHop) }
        // What is longer takes the socket, where the kernel says so as ever.
        let mtu = min(link.mtu, underlay.pathMTU(to: peer) ?? link.mtu)
        let way = EthernetWay(
            link: link.index, source: source, destination: destination, mtu: mtu,
            needsConfirmation: reason == .neighbourStale)
        return OuterDecision(way: .frame(way), reason: reason, detail: "\(place), \(destination)", nextHop: nextHop)
    }

    /// Nil where the kernel itself would not send to such a neighbour.
    private static func confidence(_ state: NeighbourMessage.State) -> OuterReason? {
        switch state {
        case .reachable, .permanent, .noARP: .neighbourReachable
        case .stale: .neighbourStale
        case .delay, .probe: .neighbourProbed
        default: nil
        }
    }
}

extension FilterChain {
    /// Poplin's own table counts tunnel packets and masquerades what leaves the pools: neither changes an outer packet.
    fileprivate var isOurs: Bool { family == .ip && table == HostFilter.tableName }
}
