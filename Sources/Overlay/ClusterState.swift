// What the datastore says about the cluster, as plain values: the first input of every verdict.

public import Net

/// How packets for a pool's addresses reach another node.
public enum IPIPMode: String, Hashable, Sendable, CaseIterable {
    /// Plain routing; the underlay must know the blocks.
    case never = "Never"
    /// IP-in-IP to every other node.
    case always = "Always"
    /// IP-in-IP only where the underlay cannot carry the packet on one link.
    case crossSubnet = "CrossSubnet"
}

/// Another host of the cluster, or this one.
public struct Node: Hashable, Sendable {
    /// The name, unique in the cluster.
    public var name: String
    /// The underlay address with its prefix length (`spec.bgp.ipv4Address`).
    public var address: IPv4InterfaceAddress
    /// The address of the node's tunnel device (`spec.bgp.ipv4IPIPTunnelAddr`), where it has one.
    public var tunnelAddress: IPv4Address?

    /// A node with its addresses.
    public init(name: String, address: IPv4InterfaceAddress, tunnelAddress: IPv4Address? = nil) {
        self.name = name
        self.address = address
        self.tunnelAddress = tunnelAddress
    }
}

/// An address range for workloads (Calico's `IPPool`).
public struct Pool: Hashable, Sendable {
    /// The name, unique in the cluster.
    public var name: String
    /// The range (`spec.cidr`).
    public var prefix: IPv4Prefix
    /// `spec.ipipMode`; Calico's default is `Never`.
    public var ipipMode: IPIPMode
    /// The prefix length of the blocks cut from the pool (`spec.blockSize`).
    public var blockSize: UInt8
    /// Whether traffic that leaves the pools is masqueraded (`spec.natOutgoing`).
    public var natOutgoing: Bool
    /// A disabled pool keeps its routes and gives out nothing new (`spec.disabled`).
    public var disabled: Bool

    /// A pool.
    public init(
        name: String, prefix: IPv4Prefix, ipipMode: IPIPMode = .never, blockSize: UInt8 = 26,
        natOutgoing: Bool = false, disabled: Bool = false
    ) {
        self.name = name
        self.prefix = prefix
        self.ipipMode = ipipMode
        self.blockSize = blockSize
        self.natOutgoing = natOutgoing
        self.disabled = disabled
    }
}

/// A piece of a pool that a node claims (Calico's `BlockAffinity`); a `/32` is a borrowed address.
public struct Block: Hashable, Sendable {
    /// The range (`spec.cidr`).
    public var prefix: IPv4Prefix
    /// The claiming node's name (`spec.node`).
    public var node: String
    /// `metadata.creationTimestamp` in seconds since 1970; `Int64.max` where the resource has none,
    /// so that a claim without an age is younger than any with one.
    public var created: Int64

    /// A claim.
    public init(prefix: IPv4Prefix, node: String, created: Int64 = .max) {
        self.prefix = prefix
        self.node = node
        self.created = created
    }
}

/// A complete snapshot of the cluster's resources, in any order.
public struct ClusterState: Hashable, Sendable {
    /// All nodes, this one included where it is registered.
    public var nodes: [Node]
    /// All pools.
    public var pools: [Pool]
    /// All confirmed claims; several nodes may claim one prefix, which the verdict settles.
    public var blocks: [Block]

    /// A snapshot.
    public init(nodes: [Node] = [], pools: [Pool] = [], blocks: [Block] = []) {
        self.nodes = nodes
        self.pools = pools
        self.blocks = blocks
    }
}
