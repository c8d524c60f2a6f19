// Who gets which inner destination and who may speak for which inner source; immutable, swapped whole.

public import Net

/// The addresses of a peer that matter to the packet path.
public struct TunnelEndpoint: Hashable, Sendable {
    /// The outer address: destination when sending, source when receiving.
    public var outerAddress: IPv4Address
    /// The peer's own address in the underlay; the outer address unless the two differ.
    public var nodeAddress: IPv4Address
    /// The address of the peer's tunnel device, where it has one.
    public var tunnelAddress: IPv4Address?

    /// An endpoint; `nodeAddress` is the outer address when nil.
    public init(outerAddress: IPv4Address, tunnelAddress: IPv4Address? = nil, nodeAddress: IPv4Address? = nil) {
        self.outerAddress = outerAddress
        self.nodeAddress = nodeAddress ?? outerAddress
        self.tunnelAddress = tunnelAddress
    }
}

/// The peers and their prefixes, as one generation of the desired state has them.
///
/// A read from a TUN device does not say which gateway the kernel's route chose, so the table answers that
/// question again from the inner destination.
public final class ForwardingTable: Sendable {
    /// The peers; their positions are the peer indices of every decision and counter.
    public let peers: [TunnelEndpoint]
    /// Inner prefix to peer index.
    private let prefixes: IPv4PrefixTable
    /// Open addressing, at most half full: outer address in the high half, peer index in the low half.
    private let slots: [UInt64]
    private let shift: UInt32

    private static let empty = UInt64.max

    /// A table. Where two peers have the same outer address, the first is found.
    ///
    /// - Parameter prefixes: each inner prefix with the index of its peer in `peers`; one whose index is no peer's
    ///   leads nowhere, and shadows the wider prefixes around it.
    public init(peers: [TunnelEndpoint], prefixes: [(prefix: IPv4Prefix, peer: Int)]) {
        self.peers = peers
        self.prefixes = IPv4PrefixTable(
            prefixes.lazy.map { (prefix: $0.prefix, value: UInt32(clamping: $0.peer)) })
        var bits: UInt32 = 3
        while 1 << bits < peers.count * 2 { bits += 1 }
        shift = 32 - bits
        var slots = [UInt64](repeating: Self.empty, count: 1 << bits)
        for (index, peer) in peers.enumerated() {
            let address = peer.outerAddress.rawValue
            var slot = Self.slot(of: address, shift: shift)
            while slots[slot] != Self.empty, UInt32(slots[slot] >> 32) != address {
                slot = (slot + 1) & (slots.count - 1)
            }
            if slots[slot] == Self.empty {
                slots[slot] = UInt64(address) << 32 | UInt64(index)
            }
        }
        self.slots = slots
    }

    /// The peer whose prefix is the longest match of an inner address.
    public func peer(forInner address: IPv4Address) -> Int? {
        guard let index = prefixes.lookup(address), Int(index) < peers.count else { return nil }
        return Int(index)
    }

    /// The peer that sends from an outer address (D3).
    public func peer(forOuter address: IPv4Address) -> Int? {
        var slot = Self.slot(of: address.rawValue, shift: shift)
        while true {
            let entry = slots[slot]
            if entry == Self.empty { return nil }
            if UInt32(truncatingIfNeeded: entry &>> 32) == address.rawValue {
                return Int(entry & 0xFFFF_FFFF)
            }
            slot = (slot &+ 1) & (slots.count &- 1)
        }
    }

    /// Whether an inner source may come from this peer (D4).
    public func owns(peer: Int, innerSource address: IPv4Address) -> Bool {
        // The longest match decides first, so that a block inside another peer's prefix stays its owner's.
        if self.peer(forInner: address) == peer { return true }
        let endpoint = peers[peer]
        return address == endpoint.nodeAddress || address == endpoint.tunnelAddress
    }

    /// Fibonacci hashing: neighbouring addresses of one subnet spread over the slots.
    private static func slot(of address: UInt32, shift: UInt32) -> Int {
        Int((address &* 0x9E37_79B1) &>> shift)
    }
}
