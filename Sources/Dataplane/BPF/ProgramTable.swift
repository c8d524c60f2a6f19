// The peers as the tunnel's programs read them: one run of words, made aside and swapped in whole.

internal import CTunnelProgram
public import Net
public import Packet

/// The words of `struct tunnel_table` (Sources/CTunnelProgram/include/tunnel_program.h): the header, a record for each
/// peer, a prefix table of the peers' prefixes and one of their outer addresses.
///
/// It answers as a ``ForwardingTable`` of the same peers does.
public struct ProgramTable: Sendable {
    /// A peer.
    public struct Peer: Hashable, Sendable {
        /// Its addresses; the one in the underlay is the outer one.
        public var endpoint: TunnelEndpoint
        /// What is for it must pass the host's own IP output, so the agent sends it.
        public var isLeftToAgent: Bool

        /// A peer.
        public init(_ endpoint: TunnelEndpoint, isLeftToAgent: Bool = false) {
            self.endpoint = endpoint
            self.isLeftToAgent = isLeftToAgent
        }
    }

    /// In the byte order of the host, two for each element of the map, the first in its lower half.
    public private(set) var words: [UInt32]

    private static let headerWords = MemoryLayout<tunnel_table>.size / 4
    private static let peerWords = MemoryLayout<tunnel_peer>.size / 4

    /// A table. Where two peers have the same outer address, the first is found.
    ///
    /// - Parameter prefixes: each inner prefix with the index of its peer in `peers`.
    /// - Precondition: every index is a peer's.
    public init(peers: [Peer], prefixes: [(prefix: IPv4Prefix, peer: Int)]) {
        words = [UInt32](repeating: 0, count: Self.headerWords)
        for peer in peers {
            words.append(peer.endpoint.outerAddress.rawValue)
            words.append(peer.endpoint.tunnelAddress?.rawValue ?? 0)
            words.append(Self.flags(isLeftToAgent: peer.isLeftToAgent))
        }
        words[0] = append(
            IPv4PrefixTable(
                prefixes.lazy.map { entry in
                    precondition(peers.indices.contains(entry.peer), "a prefix is a peer's")
                    return (prefix: entry.prefix, value: UInt32(Self.place(ofPeer: entry.peer)))
                }))
        words[1] = append(
            // The last one counts, and so the first peer.
            IPv4PrefixTable(
                peers.indices.reversed().lazy.map { index in
                    (
                        prefix: IPv4Prefix(containing: peers[index].endpoint.outerAddress, length: 32),
                        value: UInt32(Self.place(ofPeer: index))
                    )
                }))
        if words.count & 1 != 0 { words.append(0) }
    }

    private static func place(ofPeer peer: Int) -> Int { headerWords + peer * peerWords }

    private static func flags(isLeftToAgent: Bool) -> UInt32 {
        isLeftToAgent ? UInt32(TUNNEL_PEER_LEFT_TO_AGENT) : 0
    }

    private mutating func append(_ table: IPv4PrefixTable) -> UInt32 {
        let place = UInt32(words.count)
        unsafe table.withWords { unsafe words.append(contentsOf: $0) }
        return place
    }
}
