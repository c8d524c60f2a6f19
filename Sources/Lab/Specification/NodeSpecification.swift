// One node of a lab with its blocks and its workload hosts.

public import Net

/// A workload host behind a node.
public struct WorkloadSpecification: Hashable, Sendable {
    /// At most 10 bytes; the node's end of the cable is `caliNAME`.
    public var name: String
    public var address: IPv4Address

    /// A workload.
    public init(name: String, address: IPv4Address) {
        self.name = name
        self.address = address
    }
}

/// A node.
public struct NodeSpecification: Hashable, Sendable {
    /// At most 12 bytes.
    public var name: String
    /// The name of its subnet.
    public var subnet: String
    /// Its underlay address; the prefix length may be any, also 32.
    public var address: IPv4InterfaceAddress
    /// The address in its Node resource, where that differs.
    public var resourceAddress: IPv4InterfaceAddress?
    public var blocks: [IPv4Prefix]
    public var workloads: [WorkloadSpecification]
    /// The address of its tunnel device (`spec.bgp.ipv4IPIPTunnelAddr`).
    public var tunnelAddress: IPv4Address?
    /// The node's own say in its config; nil leaves it to the pools.
    public var ipipMode: LabMode?
    /// `auto`, `kernel`, `bpf` or `userspace`.
    public var dataplane: String
    /// Further lines for the node's config, as they are.
    public var extraConfig: String
    /// Whether the cluster knows it; a node that is not registered is a stranger in the subnet.
    public var isRegistered: Bool

    /// A node; without a list of workloads it has one, named like the node with `w` for `n`, at the third address
    /// of its first block.
    public init(
        name: String, subnet: String, address: IPv4InterfaceAddress, resourceAddress: IPv4InterfaceAddress? = nil,
        blocks: [IPv4Prefix] = [], workloads: [WorkloadSpecification]? = nil, tunnelAddress: IPv4Address? = nil,
        ipipMode: LabMode? = nil, dataplane: String = "auto", extraConfig: String = "", isRegistered: Bool = true
    ) {
        self.name = name
        self.subnet = subnet
        self.address = address
        self.resourceAddress = resourceAddress
        self.blocks = blocks
        self.workloads = workloads ?? Self.defaultWorkloads(name, blocks)
        self.tunnelAddress = tunnelAddress
        self.ipipMode = ipipMode
        self.dataplane = dataplane
        self.extraConfig = extraConfig
        self.isRegistered = isRegistered
    }

    private static func defaultWorkloads(_ name: String, _ blocks: [IPv4Prefix]) -> [WorkloadSpecification] {
        guard let block = blocks.first, block.length <= 30 else { return [] }
        let workload = "w" + (name.hasPrefix("n") ? name.dropFirst() : name[...])
        return [WorkloadSpecification(name: workload, address: IPv4Address(rawValue: block.address.rawValue + 2))]
    }

    /// - Throws: ``LabError/invalid(_:)``.
    func validate(subnets: [SubnetSpecification]) throws(LabError) {
        for (name, limit) in [(name, 12)] + workloads.map({ ($0.name, 11) }) {
            let isPlain = name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "/") }
            guard isPlain, (1...limit).contains(name.utf8.count) else {
                throw .invalid("\(name): a host's name has 1 to \(limit) bytes and no blank or slash")
            }
        }
        guard subnets.contains(where: { $0.name == subnet }) else {
            throw .invalid("\(name): there is no subnet \(subnet)")
        }
    }
}
