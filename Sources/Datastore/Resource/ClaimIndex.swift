// Claims in the order of their addresses, so that thousands are checked against thousands in one look each.

internal import Net
internal import Overlay

/// Claims by address, to find those that share addresses with a block.
struct ClaimIndex {
    private struct Claim {
        var block: Block
        var index: Int
    }

    /// By prefix, then by index.
    private var claims: [Claim] = []
    private var lengths: Set<UInt8> = []

    init(_ objects: [ResourceObject]) {
        for (index, object) in objects.enumerated() {
            guard case .block(let block)? = object.value else { continue }
            claims.append(Claim(block: block, index: index))
            lengths.insert(block.prefix.length)
        }
        claims.sort { ($0.block.prefix, $0.index) < ($1.block.prefix, $1.index) }
    }

    /// An earlier claim of another node that excludes this one; a single address within another's block is borrowed,
    /// and no conflict.
    func conflict(with block: Block, of index: Int) -> (index: Int, block: Block)? {
        for length in lengths.sorted() where length <= block.prefix.length {
            let wide = IPv4Prefix(containing: block.prefix.address, length: length)
            var next = start(of: wide)
            while next < claims.count, claims[next].block.prefix == wide {
                if excludes(claims[next], block, index) { return (claims[next].index, claims[next].block) }
                next += 1
            }
        }
        var next = start(of: block.prefix)
        while next < claims.count, claims[next].block.prefix.address <= block.prefix.last {
            if excludes(claims[next], block, index) { return (claims[next].index, claims[next].block) }
            next += 1
        }
        return nil
    }

    private func excludes(_ claim: Claim, _ block: Block, _ index: Int) -> Bool {
        guard claim.index < index, claim.block.node != block.node else { return false }
        if claim.block.prefix == block.prefix { return true }
        return claim.block.prefix.length < 32 && block.prefix.length < 32
    }

    /// The first claim at or after a prefix.
    private func start(of prefix: IPv4Prefix) -> Int {
        var low = 0
        var high = claims.count
        while low < high {
            let middle = (low + high) / 2
            if claims[middle].block.prefix < prefix { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
