// The network that the documentation draws: three nodes, two subnets, a router between.

public import Net

extension LabSpecification {
    /// n1 and n2 in 10.0.1.0/24, n3 in 10.0.2.0/24; each has a block 10.244.N.0/26 of the pool `pods`, its tunnel
    /// address at .1 and a workload at .2.
    public static func standard(name: String, mode: LabMode? = nil, poolMode: LabMode = .crossSubnet) -> Self {
        LabSpecification(
            name: name,
            subnets: [
                SubnetSpecification(name: "net1", gateway: address(10, 0, 1, 254, prefixLength: 24)),
                SubnetSpecification(name: "net2", gateway: address(10, 0, 2, 254, prefixLength: 24)),
            ],
            nodes: [
                standardNode(1, subnet: "net1", address: address(10, 0, 1, 1, prefixLength: 24), mode: mode),
                standardNode(2, subnet: "net1", address: address(10, 0, 1, 2, prefixLength: 24), mode: mode),
                standardNode(3, subnet: "net2", address: address(10, 0, 2, 1, prefixLength: 24), mode: mode),
            ],
            pools: [
                PoolSpecification(
                    name: "pods",
                    prefix: IPv4Prefix(containing: address(10, 244, 0, 0, prefixLength: 16).address, length: 16),
                    ipipMode: poolMode)
            ])
    }

    /// Node `nNUMBER` with the block 10.244.NUMBER.0/26, for networks like the standard one.
    public static func standardNode(
        _ number: UInt8, subnet: String, address: IPv4InterfaceAddress, mode: LabMode? = nil
    ) -> NodeSpecification {
        let block = Self.address(10, 244, number, 0, prefixLength: 26).prefix
        return NodeSpecification(
            name: "n\(number)", subnet: subnet, address: address, blocks: [block],
            tunnelAddress: IPv4Address(rawValue: block.address.rawValue + 1), ipipMode: mode)
    }

    private static func address(
        _ first: UInt8, _ second: UInt8, _ third: UInt8, _ fourth: UInt8, prefixLength: UInt8
    ) -> IPv4InterfaceAddress {
        let value = UInt32(first) << 24 | UInt32(second) << 16 | UInt32(third) << 8 | UInt32(fourth)
        return IPv4InterfaceAddress(address: IPv4Address(rawValue: value), prefixLength: prefixLength)
    }
}
