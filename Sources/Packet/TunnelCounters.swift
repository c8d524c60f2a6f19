// What one thread has counted; storage is made with the table, so that counting never allocates.

public import Net

/// Packets and bytes of one peer; bytes are those of inner packets, as the ipip driver counts them.
public struct PeerCounters: Hashable, Sendable {
    /// Packets sent to the peer.
    public var txPackets: UInt64 = 0
    /// Bytes sent to the peer.
    public var txBytes: UInt64 = 0
    /// Packets received from the peer.
    public var rxPackets: UInt64 = 0
    /// Bytes received from the peer.
    public var rxBytes: UInt64 = 0

    /// All zero.
    public init() {}
}

/// The counters of one thread, for the peers of one forwarding table.
///
/// A thread that hands out a copy pays for one copy of the storage at its next count, not at each.
public struct TunnelCounters: Hashable, Sendable {
    /// The outer addresses, so that counts survive a new table with other indices.
    public let addresses: [IPv4Address]
    /// By peer index.
    public private(set) var peers: [PeerCounters]
    private var drops: [UInt64]

    /// Zeroes for the peers of `table`.
    public init(table: ForwardingTable) {
        addresses = table.peers.map(\.outerAddress)
        peers = [PeerCounters](repeating: PeerCounters(), count: table.peers.count)
        drops = [UInt64](repeating: 0, count: DropReason.allCases.count)
    }

    /// Counts packets sent to a peer, with their bytes together.
    public mutating func countSent(peer: Int, packets: Int = 1, bytes: Int) {
        peers[peer].txPackets &+= UInt64(packets)
        peers[peer].txBytes &+= UInt64(bytes)
    }

    /// Counts packets received from a peer, with their bytes together.
    public mutating func countReceived(peer: Int, packets: Int = 1, bytes: Int) {
        peers[peer].rxPackets &+= UInt64(packets)
        peers[peer].rxBytes &+= UInt64(bytes)
    }

    /// Counts a packet dropped, or `packets` of them.
    public mutating func countDrop(_ reason: DropReason, packets: UInt64 = 1) {
        drops[Int(reason.rawValue)] &+= packets
    }

    /// How many packets have come from the peer with an outer address; 0 where it is no peer.
    public func received(from address: IPv4Address) -> UInt64 {
        addresses.firstIndex(of: address).map { peers[$0].rxPackets } ?? 0
    }

    /// How many packets were dropped for a reason.
    public func dropped(_ reason: DropReason) -> UInt64 {
        drops[Int(reason.rawValue)]
    }

    /// These counts for the peers of another table: matched by outer address, zero for new peers, drops kept.
    public func carried(to table: ForwardingTable) -> TunnelCounters {
        var result = TunnelCounters(table: table)
        result.add(self)
        return result
    }

    /// Adds another thread's counts, matched by outer address; counts of peers that are not here are left out.
    public mutating func add(_ other: TunnelCounters) {
        for index in drops.indices { drops[index] &+= other.drops[index] }
        let positions = Dictionary(zip(addresses, addresses.indices), uniquingKeysWith: { first, _ in first })
        for (address, counts) in zip(other.addresses, other.peers) {
            guard let index = positions[address] else { continue }
            peers[index].txPackets &+= counts.txPackets
            peers[index].txBytes &+= counts.txBytes
            peers[index].rxPackets &+= counts.rxPackets
            peers[index].rxBytes &+= counts.rxBytes
        }
    }
}
