// What the express path depends on beyond the routes, read in one go.

internal import LinuxSystem
public import Rtnetlink

/// Links, neighbours and everything that may want to see sent packets.
public struct ExpressFacts: Hashable, Sendable {
    public var links: [LinkMessage]
    public var neighbours: [NeighbourMessage]
    public var qdiscs: [QdiscMessage]
    public var rules: [RuleMessage]
    /// The base chains of the packet filter.
    public var chains: [FilterChain]
    /// The tables of the older iptables that this namespace has.
    public var legacyTables: [String]
    /// The devices on whose egress BPF programs are linked beside traffic control.
    public var linksWithPrograms: Set<Int32>
    /// The devices that have filters of traffic control for what they send.
    public var linksWithFilters: Set<Int32>
    /// How many IPsec policies for sent packets there are.
    public var ipsecPolicies: Int

    /// Facts.
    public init(
        links: [LinkMessage] = [], neighbours: [NeighbourMessage] = [], qdiscs: [QdiscMessage] = [],
        rules: [RuleMessage] = [], chains: [FilterChain] = [], legacyTables: [String] = [],
        linksWithPrograms: Set<Int32> = [], linksWithFilters: Set<Int32> = [], ipsecPolicies: Int = 0
    ) {
        self.links = links
        self.neighbours = neighbours
        self.qdiscs = qdiscs
        self.rules = rules
        self.chains = chains
        self.legacyTables = legacyTables
        self.linksWithPrograms = linksWithPrograms
        self.linksWithFilters = linksWithFilters
        self.ipsecPolicies = ipsecPolicies
    }

    /// Reads all of it, in the socket's network namespace, which must be the calling thread's.
    ///
    /// - Parameters:
    ///   - carriers: the devices that outer packets may leave by.
    ///   - chains: what is known of the packet filter; nil has it read. There may be tens of thousands of chains.
    public static func read(
        _ netlink: inout NetlinkSocket, carriers: Set<Int32>, chains: [FilterChain]? = nil
    ) throws(NetlinkError) -> ExpressFacts {
        let known: [FilterChain]
        if let chains { known = chains } else { known = try FilterChain.list() }
        let qdiscs = try netlink.qdiscs()
        var linksWithFilters: Set<Int32> = []
        for qdisc in qdiscs where qdisc.kind == OuterDecider.clsact && carriers.contains(qdisc.link) {
            let filters = try netlink.trafficFilters(link: qdisc.link, side: .egress)
            if !filters.isEmpty { linksWithFilters.insert(qdisc.link) }
        }
        return ExpressFacts(
            links: try netlink.links(), neighbours: try netlink.neighbours(), qdiscs: qdiscs,
            rules: try netlink.rules(), chains: known, legacyTables: legacyTables,
            linksWithPrograms: carriers.filter { EgressPrograms.count(link: $0) > 0 },
            linksWithFilters: linksWithFilters, ipsecPolicies: try IPsecPolicy.outgoingCount())
    }

    /// Reads what matters where programs send.
    public static func readForPrograms(_ netlink: inout NetlinkSocket) throws(NetlinkError) -> ExpressFacts {
        ExpressFacts(links: try netlink.links(), ipsecPolicies: try IPsecPolicy.outgoingCount())
    }

    /// The file is there only with the older iptables.
    private static var legacyTables: [String] {
        let text = (try? TextFile.read("/proc/thread-self/net/ip_tables_names", limit: 4096)) ?? ""
        return text.split(separator: "\n").map(String.init)
    }
}
