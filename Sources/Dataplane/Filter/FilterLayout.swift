// The host filter as a table of nf_tables and back: every set and rule of `table ip poplin` is named here.

internal import Net
public import Nftables
public import Overlay

/// How `table ip poplin` is laid out.
public enum FilterLayout {
    /// Outer sources that may send to us; each counts what was let in.
    static let peers = "peers"
    /// The same addresses as destinations; each counts what was sent.
    static let sent = "sent"
    /// Packets of protocol 4 whose outer source is no peer (D3).
    static let unknownOuterSource = "unknownOuterSource"
    /// Packets of a peer whose inner source is not the peer's (D4).
    static let innerSourceNotOfPeer = "innerSourceNotOfPeer"

    private static let sourcesPrefix = "sources"
    private static let claimedPrefix = "claimed"
    private static let masqueraded = "masqueraded"
    private static let pools = "pools"
    private static let input = "input"
    private static let admission = "admission"
    private static let admitted = "admitted"
    private static let output = "output"
    private static let postrouting = "postrouting"

    /// Before the host's own filter, so that what it lets through has been looked at.
    private static let filterPriority: Int32 = -10
    /// `srcnat` of nft (`NF_IP_PRI_NAT_SRC`).
    private static let natPriority: Int32 = 100
    private static let ipip: UInt8 = 4

    /// The table for a filter; nil where nothing is to be done.
    public static func render(_ filter: HostFilter) -> Table? {
        guard !filter.isEmpty else { return nil }
        var table = Table()
        if let admission = filter.admission { add(admission, to: &table) }
        if let masquerade = filter.masquerade { add(masquerade, to: &table) }
        return Table(counters: table.counters, sets: table.sets, chains: table.chains)
    }

    /// What a table does, as far as it is one of ours; rendered anew, the answer is the same table only if nothing in it
    /// is missing, added or different.
    public static func parse(_ table: Table) -> HostFilter {
        HostFilter(admission: admission(of: table), masquerade: masquerade(of: table))
    }

    // MARK: Admission

    private static func add(_ admission: Admission, to table: inout Table) {
        let peers = admission.peers.map { UInt64($0.rawValue) }
        table.counters += [unknownOuterSource, innerSourceNotOfPeer]
        table.sets += [ElementSet(Self.peers, .addresses, peers), ElementSet(sent, .addresses, peers)]
        let levels = Level.all(of: admission)
        for level in levels {
            table.sets.append(ElementSet(level.sourcesName, .addressPairs, level.sources))
            if !level.claimed.isEmpty { table.sets.append(ElementSet(level.claimedName, .addresses, level.claimed)) }
        }
        table.chains += [
            Chain(
                input, hook: Chain.Hook(type: "filter", number: Chain.Hook.input, priority: filterPriority),
                rules: [isTunnelled + isTo(admission.local) + [.decide(.jump(Self.admission))]]),
            Chain(Self.admission, rules: rules(admission, levels)),
            Chain(admitted, rules: [[outerSource, .isIn(Self.peers), .decide(.accept)]]),
            Chain(
                output, hook: Chain.Hook(type: "filter", number: Chain.Hook.output, priority: filterPriority),
                rules: [isTunnelled + isFrom(admission.local) + [outerDestination, .isIn(sent)]]),
        ]
    }

    private static func rules(_ admission: Admission, _ levels: [Level]) -> [[Expression]] {
        let drop: [Expression] = [.count(innerSourceNotOfPeer), .decide(.drop)]
        var rules = admission.others.map { ends in
            (ends.remote == .any ? [] : isFrom(ends.remote)) + (ends.local == .any ? [] : isTo(ends.local))
                + [.decide(.accept)]
        }
        rules.append([outerSource, .isNotIn(Self.peers), .count(unknownOuterSource), .decide(.drop)])
        if !admission.checksSources {
            // A packet for another tunnel must name its peer all the same, or it could pass for anybody's once it comes
            // round.
            rules.append([innerProtocol, .isNotEqual([ipip]), .decide(.goto(admitted))])
        }
        for level in levels {
            rules.append(
                [outerSource, innerSource(into: .second)] + mask(.second, level.length)
                    + [.isIn(level.sourcesName), .decide(.goto(admitted))])
            guard !level.claimed.isEmpty else { continue }
            rules.append(
                [innerSource(into: .first)] + mask(.first, level.length) + [.isIn(level.claimedName)] + drop)
        }
        return rules + [drop]
    }

    private static func admission(of table: Table) -> Admission? {
        guard let rule = table.chain(input)?.rules.first ?? table.chain(output)?.rules.first else {
            return table.set(peers).flatMap { _ in admission(of: table, local: nil) }
        }
        return admission(of: table, local: rule.address(behind: outerDestination) ?? rule.address(behind: outerSource))
    }

    private static func admission(of table: Table, local: IPv4Address?) -> Admission? {
        guard let peers = table.set(peers) else { return nil }
        var sources: [Admission.Source] = []
        for set in table.sets where set.kind == .addressPairs && set.name.hasPrefix(sourcesPrefix) {
            guard let length = UInt8(set.name.dropFirst(sourcesPrefix.count)), length <= 32 else { continue }
            sources += set.elements.map { Admission.Source($0, length: length) }
        }
        let singles = table.set(claimedPrefix + "32")?.elements ?? []
        let rules = table.chain(admission)?.rules ?? []
        let first = rules.firstIndex { $0.contains(.isNotIn(Self.peers)) } ?? 0
        return Admission(
            local: local, peers: peers.elements.map { IPv4Address($0) }, sources: sources,
            singleAddresses: singles.map { IPv4Address($0) },
            others: rules[..<first].map { rule in
                TunnelEnds(
                    remote: rule.address(behind: outerSource) ?? .any,
                    local: rule.address(behind: outerDestination) ?? .any)
            },
            checksSources: !rules.contains { $0.first == innerProtocol })
    }

    // MARK: Masquerade

    private static func add(_ masquerade: Masquerade, to table: inout Table) {
        table.sets += [
            ElementSet(masqueraded, .ranges, masquerade.sources.map(\.element)),
            ElementSet(pools, .ranges, masquerade.pools.map(\.element)),
        ]
        table.chains.append(
            Chain(
                postrouting, hook: Chain.Hook(type: "nat", number: Chain.Hook.postrouting, priority: natPriority),
                rules: [
                    [outerSource, .isIn(masqueraded), outerDestination, .isNotIn(pools), .masquerade]
                ]))
    }

    private static func masquerade(of table: Table) -> Masquerade? {
        guard let sources = table.set(masqueraded), !sources.elements.isEmpty else { return nil }
        return Masquerade(
            sources: sources.elements.map { AddressRange($0) },
            pools: (table.set(pools)?.elements ?? []).map { AddressRange($0) })
    }

    // MARK: Expressions

    private static let isTunnelled: [Expression] = [
        .load(.network, offset: 9, count: 1), .isEqual([ipip]),
    ]
    fileprivate static let outerSource = Expression.load(.network, offset: 12, count: 4)
    fileprivate static let outerDestination = Expression.load(.network, offset: 16, count: 4)
    private static let innerProtocol = Expression.load(.transport, offset: 9, count: 1)

    /// The inner header stands where another protocol's would.
    private static func innerSource(into register: Expression.Register) -> Expression {
        .load(.transport, offset: 12, count: 4, into: register)
    }

    private static func mask(_ register: Expression.Register, _ length: UInt8) -> [Expression] {
        length == 32 ? [] : [.mask(register, length == 0 ? 0 : UInt32.max << (32 - UInt32(length)))]
    }

    private static func isTo(_ address: IPv4Address?) -> [Expression] {
        address.map { [outerDestination, .isEqual($0.octets)] } ?? []
    }

    private static func isFrom(_ address: IPv4Address?) -> [Expression] {
        address.map { [outerSource, .isEqual($0.octets)] } ?? []
    }

    /// The prefixes of one length: longer ones are asked first, and what is claimed there is not asked for again.
    private struct Level {
        var length: UInt8
        /// Outer source and inner prefix.
        var sources: [UInt64] = []
        /// Only where shorter prefixes follow, or single addresses are claimed.
        var claimed: [UInt64] = []

        var sourcesName: String { "\(sourcesPrefix)\(length)" }
        var claimedName: String { "\(claimedPrefix)\(length)" }

        static func all(of admission: Admission) -> [Level] {
            var levels = (0...32).map { Level(length: UInt8($0)) }
            for source in admission.sources {
                levels[Int(source.prefix.length)].sources.append(source.element)
            }
            let shortest = levels.first { !$0.sources.isEmpty }?.length ?? 32
            for index in levels.indices {
                if index < 32 && index > shortest {
                    let addresses = levels[index].sources.map { $0 & 0xFFFF_FFFF }
                    levels[index].claimed = Set(addresses).sorted()
                }
                levels[index].sources.sort()
            }
            levels[32].claimed = admission.singleAddresses.map { UInt64($0.rawValue) }
            return levels.reversed().filter { !$0.sources.isEmpty || !$0.claimed.isEmpty }
        }
    }
}

extension [Expression] {
    /// The address that the packet is compared with right after an expression.
    fileprivate func address(behind load: Expression) -> IPv4Address? {
        for (expression, next) in zip(self, dropFirst()) where expression == load {
            if case .isEqual(let octets) = next, octets.count == 4 {
                return IPv4Address(octets.reduce(0) { $0 << 8 | UInt64($1) })
            }
        }
        return nil
    }
}

extension IPv4Address {
    fileprivate init(_ element: UInt64) {
        self.init(rawValue: UInt32(truncatingIfNeeded: element))
    }

    /// In network byte order.
    fileprivate var octets: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: rawValue >> (24 - 8 * $0)) } }
}

extension Admission.Source {
    fileprivate init(_ element: UInt64, length: UInt8) {
        self.init(
            prefix: IPv4Prefix(containing: IPv4Address(element), length: length), peer: IPv4Address(element >> 32))
    }

    fileprivate var element: UInt64 { UInt64(peer.rawValue) << 32 | UInt64(prefix.address.rawValue) }
}

extension AddressRange {
    fileprivate init(_ element: UInt64) {
        self.init(first: IPv4Address(element >> 32), last: IPv4Address(element))
    }

    fileprivate var element: UInt64 { UInt64(first.rawValue) << 32 | UInt64(last.rawValue) }
}
