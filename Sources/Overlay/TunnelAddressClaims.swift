// A tunnel address in another node's block is a block of its own node: answers to what that host sends must find back.

internal import Net

/// The tunnel addresses that need a block of their own, and those that somebody else has.
struct TunnelAddressClaims {
    /// One `/32` for each, in no order.
    private(set) var blocks: [Topology.SettledBlock] = []
    private(set) var warnings: [Warning] = []

    /// Looks up the tunnel address of each node.
    ///
    /// Of two nodes with one address it belongs to the one in whose block it lies, else to that of the smaller name;
    /// a `BlockAffinity` for the very address goes before both. An address in no block is left alone.
    ///
    /// - Parameters:
    ///   - nodes: by name.
    ///   - shadowed: nodes that get no routes at all.
    ///   - settled: ascending.
    ///   - pools: of the pools' prefixes, in the order of ``Topology/pools``.
    init(nodes: [Node], shadowed: Set<Int32>, settled: [Topology.SettledBlock], pools: PrefixSearch) {
        let search = NarrowestBlock(settled)
        var holders: [IPv4Address: Int] = [:]
        var homeless: [(node: Int, address: IPv4Address, pool: Int)] = []
        for (index, node) in nodes.enumerated() where !shadowed.contains(Int32(index)) {
            guard let address = node.tunnelAddress, address != node.address.address,
                let block = search.block(containing: address), let pool = pools.lookup(address)
            else { continue }
            if block.prefix.length == 32 || block.node == Int32(index) {
                if block.node >= 0 { holders[address] = Int(block.node) }
                if block.node == Int32(index) { continue }
            }
            homeless.append((index, address, pool))
        }
        for claim in homeless {
            if let holder = holders[claim.address] {
                warnings.append(
                    .tunnelAddressTaken(claim.address, kept: nodes[holder].name, refused: nodes[claim.node].name))
            } else {
                holders[claim.address] = claim.node
                blocks.append(
                    Topology.SettledBlock(
                        prefix: IPv4Prefix(host: claim.address), node: Int32(claim.node), pool: Int32(claim.pool)))
            }
        }
    }
}

/// Longest match among all blocks, by one search for each prefix length that occurs: for the few addresses asked for,
/// an index of 65,536 blocks would cost more than it saves.
private struct NarrowestBlock {
    private let blocks: [Topology.SettledBlock]
    /// Longest first.
    private let lengths: [UInt8]

    init(_ blocks: [Topology.SettledBlock]) {
        self.blocks = blocks
        var present: UInt64 = 0
        for block in blocks { present |= 1 << UInt64(block.prefix.length) }
        lengths = (0...32).reversed().filter { present & 1 << UInt64($0) != 0 }
    }

    func block(containing address: IPv4Address) -> Topology.SettledBlock? {
        for length in lengths {
            let wanted = IPv4Prefix(containing: address, length: length)
            var low = 0
            var high = blocks.count
            while low < high {
                let middle = (low + high) / 2
                if blocks[middle].prefix < wanted { low = middle + 1 } else { high = middle }
            }
            if low < blocks.count && blocks[low].prefix == wanted { return blocks[low] }
        }
        return nil
    }
}
