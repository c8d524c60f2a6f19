// A large cluster made from a few numbers: 250 nodes a subnet, and blocks spread over the nodes at random.

public import Net
public import Overlay

/// A cluster of which the first node is this host.
public struct SyntheticCluster: Sendable {
    /// The size that all figures without another one are taken at.
    public static let full = SyntheticCluster(nodes: 5_000, blocks: 65_536)

    /// Nodes on one underlay link.
    private static let nodesASubnet = 250
    private static let blockLength: UInt8 = 26

    public let state: ClusterState
    public let local: LocalNode
    /// The router of this host's subnet.
    public let gateway = IPv4Address(rawValue: 0x0A00_0001)

    /// A cluster; its nodes lie in 10.0.0.0/10, its blocks fill 10.64.0.0/10 from below.
    ///
    /// - Parameter blocks: at most 65,536.
    public init(nodes count: Int, blocks: Int, ipipMode: IPIPMode = .crossSubnet) {
        let nodes = (0..<count).map { index in
            Node(name: SyntheticCluster.name(index), address: SyntheticCluster.address(index))
        }
        var random = SplitMix64(seed: 42)
        let owners = (0..<blocks).map { _ in Int.random(in: 0..<count, using: &random) }
        // In the order in which a datastore lists them: by node.
        let order = (0..<blocks).sorted { (owners[$0], $0) < (owners[$1], $1) }
        state = ClusterState(
            nodes: nodes,
            pools: [
                Pool(
                    name: "pods", prefix: IPv4Prefix(containing: IPv4Address(rawValue: 0x0A40_0000), length: 10),
                    ipipMode: ipipMode)
            ],
            blocks: order.map { index in
                let address = IPv4Address(rawValue: 0x0A40_0000 + UInt32(index) << 6)
                return Block(
                    prefix: IPv4Prefix(containing: address, length: SyntheticCluster.blockLength),
                    node: nodes[owners[index]].name, created: 1_700_000_000)
            })
        local = LocalNode(name: SyntheticCluster.name(0), address: SyntheticCluster.address(0))
    }

    /// What this host's kernel would say of an underlay with one device.
    public var facts: HostFacts {
        HostFacts(
            links: [
                Link(index: 1, name: "lo", mtu: 65536, isUp: true),
                Link(index: 2, name: "eth0", mtu: 1500, isUp: true, kind: "veth"),
                Link(index: 3, name: local.tunnelDevice, mtu: 1480, isUp: true, kind: "tun"),
            ],
            addresses: [LinkAddress(link: 2, address: local.address)],
            underlayRoutes: [
                UnderlayRoute(destination: IPv4Prefix(containing: .any, length: 0), gateway: gateway, link: 2),
                UnderlayRoute(destination: local.address.prefix, link: 2),
            ])
    }

    private static func name(_ index: Int) -> String {
        let digits = String(index)
        return "node-" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    private static func address(_ index: Int) -> IPv4InterfaceAddress {
        let (subnet, host) = (index / nodesASubnet, index % nodesASubnet + 2)
        return IPv4InterfaceAddress(
            address: IPv4Address(rawValue: 0x0A00_0000 | UInt32(subnet) << 8 | UInt32(host)), prefixLength: 24)
    }
}

extension SyntheticCluster {
    /// The nodes and the pool, as a file of the datastore.
    public var nodesYAML: String {
        let nodes = state.nodes.map { node in
            """
            apiVersion: projectcalico.org/v3
            kind: Node
            metadata:
              name: \(node.name)
            spec:
              bgp:
                ipv4Address: \(node.address)

            """
        }
        let pools = state.pools.map { pool in
            """
            apiVersion: projectcalico.org/v3
            kind: IPPool
            metadata:
              name: \(pool.name)
            spec:
              cidr: \(pool.prefix)
              ipipMode: \(pool.ipipMode.rawValue)
              blockSize: \(SyntheticCluster.blockLength)

            """
        }
        return (pools + nodes).joined(separator: "---\n")
    }

    /// One document a block, named as Calico names them.
    public var blocksYAML: String {
        state.blocks.map { block in
            let octets = block.prefix.address.description.split(separator: ".").joined(separator: "-")
            return """
                apiVersion: projectcalico.org/v3
                kind: BlockAffinity
                metadata:
                  name: \(block.node)-\(octets)-\(block.prefix.length)
                  creationTimestamp: "2023-11-14T22:13:20Z"
                spec:
                  cidr: \(block.prefix)
                  deleted: "false"
                  node: \(block.node)
                  state: confirmed

                """
        }.joined(separator: "---\n")
    }
}
