// What the host filter has counted of tunnel packets: by peer, and those that it has dropped.

public import Net
public import Nftables
internal import Overlay
internal import Packet
public import Rtnetlink

/// Counts of `table ip poplin`; of the table's whole life, whoever made it.
public struct AdmissionCounters: Hashable, Sendable {
    /// Let in, by the peer's outer address; bytes are those of the inner packets.
    public var received: [IPv4Address: PacketCount] = [:]
    /// Sent, by the peer's outer address; bytes are those of the inner packets.
    public var sent: [IPv4Address: PacketCount] = [:]
    /// Dropped: the outer source is no peer (D3).
    public var unknownOuterSource: UInt64 = 0
    /// Dropped: the inner source is not the peer's (D4).
    public var innerSourceNotOfPeer: UInt64 = 0

    /// Nothing counted.
    public init() {}

    /// What was counted after `before`.
    public func since(_ before: AdmissionCounters) -> AdmissionCounters {
        var difference = AdmissionCounters()
        difference.received = received.since(before.received)
        difference.sent = sent.since(before.sent)
        difference.unknownOuterSource = unknownOuterSource.since(before.unknownOuterSource)
        difference.innerSourceNotOfPeer = innerSourceNotOfPeer.since(before.innerSourceNotOfPeer)
        return difference
    }

    /// Adds the counts to those of a tier, for its peers.
    func add(to counters: inout TunnelCounters) {
        for (index, address) in counters.addresses.enumerated() {
            if let count = received[address] {
                counters.countReceived(peer: index, packets: Int(count.packets), bytes: Int(count.bytes))
            }
            if let count = sent[address] {
                counters.countSent(peer: index, packets: Int(count.packets), bytes: Int(count.bytes))
            }
        }
        counters.countDrop(.unknownOuterSource, packets: unknownOuterSource)
        counters.countDrop(.innerSourceNotOfPeer, packets: innerSourceNotOfPeer)
    }
}

extension TableSocket {
    /// What the host filter has counted; all zero where there is no table.
    ///
    /// - Throws: ``NetlinkError`` where it cannot be read.
    public mutating func admissionCounters() throws(NetlinkError) -> AdmissionCounters {
        var counters = AdmissionCounters()
        let drops = try counts(in: HostFilter.tableName)
        guard !drops.isEmpty else { return counters }
        counters.unknownOuterSource = drops[FilterLayout.unknownOuterSource]?.packets ?? 0
        counters.innerSourceNotOfPeer = drops[FilterLayout.innerSourceNotOfPeer]?.packets ?? 0
        counters.received = try innerCounts(ofSet: FilterLayout.peers)
        counters.sent = try innerCounts(ofSet: FilterLayout.sent)
        return counters
    }

    /// The table counts whole datagrams; their outer headers, which have no options, are taken off.
    private mutating func innerCounts(ofSet set: String) throws(NetlinkError) -> [IPv4Address: PacketCount] {
        try counts(ofSet: set, in: HostFilter.tableName).mapValues { count in
            PacketCount(packets: count.packets, bytes: count.bytes - min(count.bytes, count.packets * 20))
        }
    }
}

extension [IPv4Address: PacketCount] {
    fileprivate func since(_ before: Self) -> Self {
        reduce(into: [:]) { result, entry in
            let former = before[entry.key] ?? PacketCount()
            result[entry.key] = PacketCount(
                packets: entry.value.packets.since(former.packets), bytes: entry.value.bytes.since(former.bytes))
        }
    }
}

extension UInt64 {
    /// A counter that was made anew begins at zero.
    fileprivate func since(_ before: UInt64) -> UInt64 { self >= before ? self - before : self }
}
