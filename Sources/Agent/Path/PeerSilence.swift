// A far end that takes no tunnel packets, told apart from one that is only overloaded: both answer alike.

internal import Net

/// What protocol unreachable from a peer means.
///
/// A Linux kernel answers so where no raw socket has taken a packet of the protocol, and later ones also where the
/// socket's queue was full (`raw_v4_input`, `ip_protocol_deliver_rcu`). Only the former means that nobody is there, and
/// then nothing comes from there either.
struct PeerSilence {
    /// How many packets had come from each peer when it last answered so.
    private var received: [IPv4Address: UInt64] = [:]

    /// Whether the peer has answered so before, and has sent nothing since then.
    ///
    /// - Parameter received: how many packets have come from the peer by now.
    mutating func confirms(_ peer: IPv4Address, received: UInt64) -> Bool {
        let before = self.received.updateValue(received, forKey: peer)
        return before == received
    }

    /// Forgets everybody who is no peer any more.
    mutating func keep(where isPeer: (IPv4Address) -> Bool) {
        guard !received.isEmpty else { return }
        received = received.filter { isPeer($0.key) }
    }
}
