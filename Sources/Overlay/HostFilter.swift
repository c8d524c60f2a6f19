// What the host's packet filter does for us, as a value in one canonical form: what the kernel has can be compared.

public import Net

/// Everything that the one table holds; with neither part there is no table.
public struct HostFilter: Hashable, Sendable {
    /// The name of the table, of family `ip`.
    public static let tableName = "poplin"

    /// Who may send to us, where the kernel decapsulates.
    public var admission: Admission?
    /// Which packets leave with this host's address.
    public var masquerade: Masquerade?

    /// A filter.
    public init(admission: Admission? = nil, masquerade: Masquerade? = nil) {
        self.admission = admission
        self.masquerade = masquerade
    }

    /// Whether there is nothing to do.
    public var isEmpty: Bool { admission == nil && masquerade == nil }

    /// Both at once, for the time in which the one takes the other's place: nobody is kept out who may come in before
    /// or after.
    func union(_ former: HostFilter) -> HostFilter {
        HostFilter(
            admission: admission.map { present in former.admission.map { present.union($0) } ?? present }
                ?? former.admission,
            masquerade: masquerade.map { present in former.masquerade.map { present.union($0) } ?? present }
                ?? former.masquerade)
    }
}

/// The outer ends of a tunnel; `0.0.0.0` for any.
public struct TunnelEnds: Hashable, Sendable, BitwiseCopyable, Comparable {
    public var remote: IPv4Address
    public var local: IPv4Address

    /// Two ends.
    public init(remote: IPv4Address, local: IPv4Address) {
        self.remote = remote
        self.local = local
    }

    public static func < (left: TunnelEnds, right: TunnelEnds) -> Bool {
        (left.remote, left.local) < (right.remote, right.local)
    }
}

/// Who may send to us through the kernel's own tunnel driver, which takes packets of protocol 4 from anybody.
public struct Admission: Hashable, Sendable {
    /// A prefix of inner sources and the outer address that may bring them.
    public struct Source: Hashable, Sendable, BitwiseCopyable, Comparable {
        public var prefix: IPv4Prefix
        public var peer: IPv4Address

        /// A prefix of a peer.
        public init(prefix: IPv4Prefix, peer: IPv4Address) {
            self.prefix = prefix
            self.peer = peer
        }

        public static func < (left: Source, right: Source) -> Bool {
            (left.prefix, left.peer) < (right.prefix, right.peer)
        }
    }

    /// The outer destination that is ours; nil where our device takes those of all addresses of the host.
    public var local: IPv4Address?
    /// The outer addresses that may send; ascending.
    public var peers: [IPv4Address]
    /// What each may send; ascending. The node's own address and that of its tunnel are `/32`s here.
    public var sources: [Source]
    /// The addresses that a peer has as a block of their own, so that a wider block of another peer does not cover them;
    /// ascending. Wider blocks cover their own part in any case.
    public var singleAddresses: [IPv4Address]
    /// Tunnels of others on this host, whose packets are not for us; ascending.
    public var others: [TunnelEnds]
    /// Whether inner sources are looked at (D4); those of a tunnel inside the tunnel always are.
    public var checksSources: Bool

    /// The canonical form of these lists.
    public init(
        local: IPv4Address?, peers: [IPv4Address], sources: [Source], singleAddresses: [IPv4Address],
        others: [TunnelEnds] = [], checksSources: Bool = true
    ) {
        self.local = local
        self.peers = peers.ascending()
        self.sources = sources.ascending()
        self.singleAddresses = singleAddresses.ascending()
        self.others = others.ascending()
        self.checksSources = checksSources
    }

    /// What a list of peers may send.
    public init(
        local: IPv4Address?, peers: [TunnelPeer], others: [TunnelEnds] = [], checksSources: Bool = true
    ) {
        var sources: [Source] = []
        var singles: [IPv4Address] = []
        sources.reserveCapacity(peers.reduce(0) { $0 + $1.prefixes.count + 2 })
        for peer in peers {
            for prefix in peer.prefixes {
                sources.append(Source(prefix: prefix, peer: peer.address))
                if prefix.length == 32 { singles.append(prefix.address) }
            }
            for address in [peer.address, peer.tunnelAddress] {
                guard let address else { continue }
                sources.append(Source(prefix: IPv4Prefix(host: address), peer: peer.address))
            }
        }
        self.init(
            local: local, peers: peers.map(\.address), sources: sources, singleAddresses: singles, others: others,
            checksSources: checksSources)
    }

    fileprivate func union(_ former: Admission) -> Admission {
        if self == former { return self }
        return Admission(
            local: local, peers: peers + former.peers, sources: sources + former.sources,
            singleAddresses: singleAddresses, others: others + former.others,
            checksSources: checksSources && former.checksSources)
    }
}

/// Packets from these addresses that leave the pools go out with this host's address.
public struct Masquerade: Hashable, Sendable {
    /// The addresses whose packets are masqueraded; ascending, never empty.
    public var sources: [AddressRange]
    /// Where packets stay as they are; ascending.
    public var pools: [AddressRange]

    /// The canonical form of these ranges.
    public init(sources: [AddressRange], pools: [AddressRange]) {
        self.sources = AddressRange.merged(sources)
        self.pools = AddressRange.merged(pools)
    }

    /// What the pools ask for; nil where none does. A disabled pool gives out nothing new, but its workloads still send,
    /// and it is still a place where packets stay as they are.
    public init?(pools: [Pool]) {
        let sources = pools.filter(\.natOutgoing).map { AddressRange($0.prefix) }
        guard !sources.isEmpty else { return nil }
        self.init(sources: sources, pools: pools.map { AddressRange($0.prefix) })
    }

    fileprivate func union(_ former: Masquerade) -> Masquerade {
        Masquerade(sources: sources + former.sources, pools: pools + former.pools)
    }
}

extension Array where Element: Comparable {
    /// Sorted, each once.
    fileprivate func ascending() -> [Element] {
        var sorted = self
        let isSorted = zip(self, dropFirst()).allSatisfy { $0 < $1 }
        if isSorted { return self }
        sorted.sort()
        var unique: [Element] = []
        unique.reserveCapacity(sorted.count)
        for element in sorted where unique.last != element { unique.append(element) }
        return unique
    }
}

extension Admission {
    /// What this host needs; nil where the kernel does not decapsulate for us.
    init?(local: LocalNode, peers: [TunnelPeer], facts: HostFacts) {
        guard local.tunnelKind == "ipip" else { return nil }
        // The driver's own device takes packets to every address, whatever ours would be told.
        let parameters = facts.links.first { $0.name == local.tunnelDevice }?.ipip ?? local.tunnelParameters
        let pinned = parameters?.isUnpinned == false ? local.address.address : nil
        let others = facts.links.compactMap { link -> TunnelEnds? in
            guard link.name != local.tunnelDevice, link.isUp, let ends = link.ipip,
                // The driver asks a device without ends last, when none of ours has taken the packet.
                ends.remote != .any || ends.local != .any,
                pinned == nil || ends.local == .any || ends.local == pinned
            else { return nil }
            return TunnelEnds(remote: ends.remote, local: ends.local)
        }
        self.init(local: pinned, peers: peers, others: others, checksSources: local.checksSources)
    }
}
