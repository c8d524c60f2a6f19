// What a lab consists of, as a value: tests describe odd networks with it, the demo the ordinary one.

public import Net

/// How packets for a pool's addresses reach another node, as the resources spell it.
public enum LabMode: String, Hashable, Sendable, CaseIterable {
    case never = "Never"
    case always = "Always"
    case crossSubnet = "CrossSubnet"
}

/// An underlay subnet, with the router's address in it.
public struct SubnetSpecification: Hashable, Sendable {
    /// How its nodes are connected.
    public enum Wiring: Hashable, Sendable {
        /// One bridge on the router: nodes reach each other directly.
        case bridge
        /// Each node has its own cable to the router and no on-link route: nodes reach each other, also those of
        /// the same prefix, only through the router.
        case gatewayOnly
    }

    /// At most 12 bytes; the router's bridge is `br-NAME`.
    public var name: String
    /// The router's address, with the subnet's prefix length.
    public var gateway: IPv4InterfaceAddress
    public var wiring: Wiring
    /// The router answers ARP for other subnets: for nodes whose prefix is wider than the subnet.
    public var proxyARP: Bool

    /// A subnet.
    public init(
        name: String, gateway: IPv4InterfaceAddress, wiring: Wiring = .bridge, proxyARP: Bool = false
    ) {
        self.name = name
        self.gateway = gateway
        self.wiring = wiring
        self.proxyARP = proxyARP
    }
}

/// A pool of workload addresses.
public struct PoolSpecification: Hashable, Sendable {
    public var name: String
    public var prefix: IPv4Prefix
    public var ipipMode: LabMode
    public var blockSize: UInt8
    public var natOutgoing: Bool

    /// A pool.
    public init(
        name: String, prefix: IPv4Prefix, ipipMode: LabMode = .crossSubnet, blockSize: UInt8 = 26,
        natOutgoing: Bool = false
    ) {
        self.name = name
        self.prefix = prefix
        self.ipipMode = ipipMode
        self.blockSize = blockSize
        self.natOutgoing = natOutgoing
    }
}

/// A whole lab: a router, subnets, nodes with their workloads, and the cluster's pools.
public struct LabSpecification: Hashable, Sendable {
    /// Letters and digits, at most 24; part of all names on the host.
    public var name: String
    public var subnets: [SubnetSpecification]
    public var nodes: [NodeSpecification]
    public var pools: [PoolSpecification]
    /// Bytes of an IP packet on the underlay.
    public var underlayMTU: Int
    /// Bytes of an IP packet on the workloads' cables, as a CNI plugin would set it.
    public var workloadMTU: Int
    /// The router has a static route to each block, so that mode `Never` works between subnets.
    public var routerKnowsBlocks: Bool
    /// Nodes forward from the start, instead of when their agent sees to it: for networks without agents.
    public var nodesForward: Bool
    /// Whether the router counts packets; it costs time under load.
    public var hasSniffer: Bool

    /// A lab.
    public init(
        name: String, subnets: [SubnetSpecification], nodes: [NodeSpecification], pools: [PoolSpecification],
        underlayMTU: Int = 1500, workloadMTU: Int = 1480, routerKnowsBlocks: Bool = false,
        nodesForward: Bool = false, hasSniffer: Bool = true
    ) {
        self.name = name
        self.subnets = subnets
        self.nodes = nodes
        self.pools = pools
        self.underlayMTU = underlayMTU
        self.workloadMTU = workloadMTU
        self.routerKnowsBlocks = routerKnowsBlocks
        self.nodesForward = nodesForward
        self.hasSniffer = hasSniffer
    }

    /// - Throws: ``LabError/invalid(_:)`` for names that would not fit, or that occur twice.
    func validate() throws(LabError) {
        let isPlain = name.utf8.allSatisfy { ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7a || $0 >= 0x30 && $0 <= 0x39 }
        guard isPlain, (1...24).contains(name.utf8.count) else {
            throw .invalid("\(name): a lab's name is 1 to 24 letters and digits")
        }
        for subnet in subnets where subnet.name.isEmpty || subnet.name.utf8.count > 12 {
            throw .invalid("\(subnet.name): a subnet's name has 1 to 12 bytes")
        }
        var names: Set<String> = ["router"]
        for node in nodes {
            try node.validate(subnets: subnets)
            for name in [node.name] + node.workloads.map(\.name) where !names.insert(name).inserted {
                throw .invalid("\(name): two hosts of one name")
            }
        }
    }
}
