// From the peers in force to the table that answers for them: the one way for the packet path and for ICMP about it.

public import Overlay
public import Packet

extension ForwardingTable {
    /// The table of these peers; their positions are the peer indices.
    public convenience init(_ peers: [TunnelPeer]) {
        self.init(
            peers: peers.map { TunnelEndpoint(outerAddress: $0.address, tunnelAddress: $0.tunnelAddress) },
            prefixes: peers.enumerated().flatMap { index, peer in
                peer.prefixes.map { (prefix: $0, peer: index) }
            })
    }
}
