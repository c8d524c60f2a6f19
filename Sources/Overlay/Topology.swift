// The cluster in the order the verdicts walk it: blocks ascending, one owner each, nodes and pools by index.
// A pure function of the snapshot, so it is built once per change of the datastore and not at every netlink event.

public import Net

/// A snapshot of the cluster, settled and indexed.
public struct Topology: Sendable {
    /// A block after competing claims were settled.
    public struct SettledBlock: Hashable, Sendable, BitwiseCopyable {
        public var prefix: IPv4Prefix
        /// Index in ``Topology/nodes``; -1 where no such node is registered.
        public var node: Int32
        /// Index in ``Topology/pools``; -1 where no pool contains the block.
        public var pool: Int32
    }

    /// All nodes, by name.
    public let nodes: [Node]
    /// All pools, by prefix.
    public let pools: [Pool]
    /// One entry per prefix, ascending; with a `/32` for each tunnel address in another node's block.
    public let blocks: [SettledBlock]
    /// Contested claims, claims by unknown nodes, blocks outside all pools, addresses that two nodes hold, tunnel
    /// addresses that another node has.
    public let warnings: [Warning]
    /// Nodes whose underlay address another node of a smaller name holds already.
    public let shadowedNodes: Set<Int32>
    /// Blocks that contain the underlay address of a node, with that node; none in a sound cluster.
    let occupants: [IPv4Prefix: Int32]
    private let ownerNames: [IPv4Prefix: String]
    private let poolSearch: PrefixSearch

    /// Settles and indexes a snapshot.
    ///
    /// Of two nodes that claim one prefix the older claim wins, then the smaller node name.
    public init(_ state: ClusterState) {
        let nodes = state.nodes.sorted { left, right in
            // The address breaks a tie that a sound datastore never has, so that the input's order never shows.
            left.name == right.name ? left.address.address < right.address.address : left.name < right.name
        }
        let pools = state.pools.sorted { ($0.prefix, $0.name) < ($1.prefix, $1.name) }
        self.nodes = nodes
        self.pools = pools
        let poolPrefixes = pools.map(\.prefix)
        poolSearch = PrefixSearch(poolPrefixes)
        var warnings: [Warning] = []
        var byName: [String: Int32] = [:]
        byName.reserveCapacity(nodes.count)
        var holders: [IPv4Address: Int32] = [:]
        var shadowed: Set<Int32> = []
        for (index, node) in nodes.enumerated() {
            byName[node.name] = Int32(index)
            if let holder = holders[node.address.address] {
                shadowed.insert(Int32(index))
                warnings.append(
                    .duplicateAddress(node.address.address, kept: nodes[Int(holder)].name, refused: node.name))
            } else {
                holders[node.address.address] = Int32(index)
            }
        }
        shadowedNodes = shadowed

        var settled: [SettledBlock] = []
        settled.reserveCapacity(state.blocks.count)
        var ownerNames: [IPv4Prefix: String] = [:]
        var ownerless: [String: (first: IPv4Prefix, count: Int)] = [:]
        var outside = 0
        // In the input's order, in which the names lie in memory.
        let owners = state.blocks.map { byName[$0.node] ?? -1 }
        var lastIndex = 0
        var refused: Set<String> = []
        for index in Topology.order(of: state.blocks) {
            let prefix = state.blocks[Int(index)].prefix
            if settled.last?.prefix == prefix {
                let (winner, loser) = (state.blocks[lastIndex].node, state.blocks[Int(index)].node)
                if winner != loser, refused.insert(loser).inserted {
                    warnings.append(.contestedBlock(prefix, kept: winner, refused: loser))
                }
                continue
            }
            lastIndex = Int(index)
            if !refused.isEmpty { refused = [] }
            let owner = owners[Int(index)]
            if owner < 0 {
                let name = state.blocks[Int(index)].node
                ownerless[name, default: (prefix, 0)].count += 1
                ownerNames[prefix] = name
            }
            let pool = poolSearch.lookup(prefix.address).flatMap { index in
                poolPrefixes[index].contains(prefix)
                    ? Int32(index) : Topology.narrowest(of: poolPrefixes, containing: prefix)
            }
            if pool == nil { outside += 1 }
            settled.append(SettledBlock(prefix: prefix, node: owner, pool: pool ?? -1))
        }
        for (node, claims) in ownerless.sorted(by: { $0.key < $1.key }) {
            warnings.append(.unknownNode(node, first: claims.first, count: claims.count))
        }
        if outside > 0 { warnings.append(.blocksOutsidePools(outside)) }
        let claims = TunnelAddressClaims(nodes: nodes, shadowed: shadowed, settled: settled, pools: poolSearch)
        if !claims.blocks.isEmpty {
            // A block of somebody unknown for the very address gives way.
            let claimed = Set(claims.blocks.map(\.prefix))
            settled = settled.filter { !claimed.contains($0.prefix) } + claims.blocks
            settled.sort { $0.prefix < $1.prefix }
        }
        warnings += claims.warnings
        blocks = settled
        occupants = Topology.occupants(of: settled, nodes: nodes)
        self.ownerNames = ownerNames
        self.warnings = warnings
    }

    /// The pool that contains `address`.
    public func pool(containing address: IPv4Address) -> Pool? {
        poolSearch.lookup(address).map { pools[$0] }
    }

    /// The most specific block that contains `address`, as an index in ``blocks``.
    public func block(containing address: IPv4Address) -> Int? {
        var best: Int?
        for (index, block) in blocks.enumerated() where block.prefix.contains(address) {
            if best.map({ blocks[$0].prefix.length < block.prefix.length }) ?? true { best = index }
        }
        return best
    }

    /// The claiming node's name, registered or not.
    public func owner(of block: SettledBlock) -> String {
        block.node >= 0 ? nodes[Int(block.node)].name : ownerNames[block.prefix] ?? ""
    }

    /// For pools inside pools: the narrowest that holds all of `block`.
    private static func narrowest(of pools: [IPv4Prefix], containing block: IPv4Prefix) -> Int32? {
        pools.indices.filter { pools[$0].contains(block) }.max { pools[$0].length < pools[$1].length }.map { Int32($0) }
    }

    /// Merges the blocks with the nodes' addresses: both ascend, so that this costs one pass.
    private static func occupants(of blocks: [SettledBlock], nodes: [Node]) -> [IPv4Prefix: Int32] {
        let addresses = nodes.indices.map { UInt64(nodes[$0].address.address.rawValue) << 32 | UInt64($0) }.sorted()
        var occupants: [IPv4Prefix: Int32] = [:]
        var next = 0
        for block in blocks {
            while next < addresses.count && addresses[next] >> 32 < UInt64(block.prefix.address.rawValue) { next += 1 }
            guard next < addresses.count else { break }
            if addresses[next] >> 32 <= UInt64(block.prefix.last.rawValue) {
                occupants[block.prefix] = Int32(addresses[next] & 0xFFFF_FFFF)
            }
        }
        return occupants
    }

    /// The claims' indices by prefix, then age, then node name; sorts flat keys, because moving claims with
    /// their names about costs a reference count each.
    private static func order(of blocks: [Block]) -> [UInt32] {
        let indexBits: UInt64 = 26
        precondition(blocks.count < 1 << indexBits, "a cluster holds fewer than 2^26 claims")
        var keys: [UInt64] = []
        keys.reserveCapacity(blocks.count)
        var ascending = true
        var contested = false
        for block in blocks {
            let order = UInt64(block.prefix.address.rawValue) << 6 | UInt64(block.prefix.length)
            if let previous = keys.last, previous >> indexBits >= order { ascending = false }
            keys.append(order << indexBits | UInt64(keys.count))
        }
        if !ascending {
            RadixSort.sort(&keys, fromBit: indexBits)
            contested = zip(keys, keys.dropFirst()).contains { $0 >> indexBits == $1 >> indexBits }
        }
        if contested {
            keys.sort { left, right in
                if left >> indexBits != right >> indexBits { return left < right }
                let (one, other) = (blocks[Int(left & (1 << indexBits - 1))], blocks[Int(right & (1 << indexBits - 1))])
                return (one.created, one.node) < (other.created, other.node)
            }
        }
        return keys.map { UInt32(truncatingIfNeeded: $0 & (1 << indexBits - 1)) }
    }
}
