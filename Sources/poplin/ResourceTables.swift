// Resources as tables for people: one for each kind, with the place of each resource.

internal import Datastore
internal import Net

enum ResourceTables {
    /// The resources, which are in the order of their kinds.
    static func render(_ resources: [ResourceObject], of directory: ResourceDirectory) -> String {
        var tables: [String] = []
        for kind in ResourceKind.allCases {
            let rows = resources.filter { $0.identity.kind == kind }
            if rows.isEmpty { continue }
            switch kind {
            case .pool: tables.append(pools(rows))
            case .node: tables.append(nodes(rows, directory))
            case .block: tables.append(blocks(rows, directory))
            }
        }
        return tables.joined(separator: "\n")
    }

    private static func pools(_ pools: [ResourceObject]) -> String {
        var table = Table(
            header: ["NAME", "CIDR", "IPIP MODE", "VXLAN MODE", "BLOCK SIZE", "NAT", "DISABLED", "PLACE"], numeric: [4])
        for pool in pools {
            table.add(
                [
                    pool.identity.name, pool.shown("cidr"), pool.shown("ipipMode", or: "Never"),
                    pool.shown("vxlanMode", or: "Never"), pool.shown("blockSize", or: "26"),
                    pool.yesOrNo("natOutgoing"),
                    pool.yesOrNo("disabled"), pool.place,
                ].map { Table.Cell($0) })
        }
        return table.text()
    }

    private static func nodes(_ nodes: [ResourceObject], _ directory: ResourceDirectory) -> String {
        var blocks: [String: Int] = [:]
        for block in directory.inOrder(.block) where block.isConfirmed { blocks[block.shown("node"), default: 0] += 1 }
        var table = Table(header: ["NAME", "ADDRESS", "TUNNEL", "BLOCKS", "PLACE"], numeric: [3])
        for node in nodes {
            let bgp = { (key: String) in node.fields["spec", "bgp", key]?.line ?? "-" }
            table.add(
                [
                    node.identity.name, bgp("ipv4Address"), bgp("ipv4IPIPTunnelAddr"),
                    "\(blocks[node.identity.name] ?? 0)", node.place,
                ].map { Table.Cell($0) })
        }
        return table.text()
    }

    private static func blocks(_ blocks: [ResourceObject], _ directory: ResourceDirectory) -> String {
        let pools = directory.inOrder(.pool).compactMap { pool in
            pool.prefix.map { (prefix: $0, name: pool.identity.name) }
        }
        var table = Table(header: ["NAME", "CIDR", "NODE", "STATE", "POOL", "PLACE"])
        for block in blocks {
            let pool = block.prefix.flatMap { prefix in pools.first { $0.prefix.contains(prefix) }?.name }
            table.add(
                [
                    block.identity.name, block.shown("cidr"), block.shown("node"),
                    block.shown("state", or: "confirmed"),
                    pool ?? "-", block.place,
                ].map { Table.Cell($0) })
        }
        return table.text()
    }
}

extension ResourceDirectory {
    /// The resources of a kind: by name, blocks by their range.
    func inOrder(_ kind: ResourceKind) -> [ResourceObject] {
        let all = resources.filter { $0.identity.kind == kind }
        guard kind == .block else { return all.sorted { $0.identity.name < $1.identity.name } }
        return all.map { (prefix: $0.prefix, block: $0) }.sorted { left, right in
            switch (left.prefix, right.prefix) {
            case (let left?, let right?) where left != right: left < right
            case (nil, _?): false
            case (_?, nil): true
            default: left.block.identity.name < right.block.identity.name
            }
        }.map(\.block)
    }
}

extension ResourceObject {
    /// A field of the spec as it stands there.
    fileprivate func shown(_ key: String, or missing: String = "-") -> String {
        fields["spec", key]?.line ?? missing
    }

    fileprivate func yesOrNo(_ key: String) -> String {
        switch fields["spec", key] {
        case .boolean(true): "yes"
        case .boolean(false), nil: "no"
        case .some(let other): other.line
        }
    }

    fileprivate var prefix: IPv4Prefix? { IPv4Prefix(shown("cidr")) }

    fileprivate var isConfirmed: Bool { ["confirmed", ""].contains(shown("state", or: "")) }
}
