// From an ICMP error about an outer packet to what it says of the path and what the inner sender is told (RFC 2003
// section 4). A value without sockets or clocks; whatever cannot be about a packet of ours changes nothing.

internal import Dataplane
internal import Net
internal import Overlay
internal import Packet

/// Reads ICMP errors from the underlay for one node.
struct ICMPRelay {
    /// What an error that is believed comes to.
    struct Finding: Equatable {
        /// The outer address of the peer that the packet was for.
        var peer: IPv4Address
        /// Bytes of the largest outer packet that comes through to the peer; nil where the error is none of size.
        var pathMTU: UInt16?
        /// What the inner sender is to be told; nil for nothing.
        var reply: Reply?
        /// Whether it says that the far end does not know the protocol: only to be told where it is silent as well.
        var isProtocolUnreachable = false
    }

    /// A message for an inner sender.
    struct Reply: Equatable {
        var receiver: IPv4Address
        /// A whole IPv4 packet; the kernel fills in the identification.
        var packet: [UInt8]
    }

    private let localAddress: IPv4Address
    /// Whether outer packets bear the inner TTL: then it is the inner packet whose time is up in the tunnel.
    var inheritsTimeToLive = false
    private var peers: [TunnelPeer] = []
    /// Made when it is first asked for: most nodes never hear an error.
    private var table: ForwardingTable?

    /// A relay for the node whose outer packets have this source.
    init(localAddress: IPv4Address) {
        self.localAddress = localAddress
    }

    /// Takes the peers in force. Costs nothing where they are those of the last call.
    mutating func use(_ peers: [TunnelPeer]) {
        guard peers != self.peers else { return }
        self.peers = peers
        table = nil
    }

    /// Judges a received IPv4 packet with an ICMP message; nil where it is not believed, or says nothing.
    ///
    /// Believed is what quotes a packet of protocol 4 from this node to a peer, and of its inner packet, where that is
    /// quoted, a destination that belongs to this peer: who has not seen the packet must guess all of these (RFC 5927).
    ///
    /// - Parameter source: this node's address for inner senders.
    mutating func judge(_ packet: RawSpan, source: IPv4Address) -> Finding? {
        guard case .success(let header) = IPv4Header.parse(packet), header.protocolNumber == IPProtocol.icmp else {
            return nil
        }
        let message = packet.extracting(header.headerLength..<header.totalLength)
        guard InternetChecksum.checksum(message) == 0, let error = ICMPv4Error.parse(message),
            error.outer.source == localAddress
        else { return nil }
        let table = table ?? makeTable()
        guard let peer = table.peer(forOuter: error.outer.destination) else { return nil }
        if let inner = error.inner, table.peer(forInner: inner.destination) != peer { return nil }

        let pathMTU = error.outerPathMTU
        // A packet without DF would have been cut, and one that fits would have passed.
        if let pathMTU, !error.outer.dontFragment || pathMTU >= error.outer.totalLength { return nil }
        let reply = reply(to: error, quoting: message.extracting(error.innerOffset...), source: source)
        guard pathMTU != nil || reply != nil else { return nil }
        return Finding(
            peer: error.outer.destination, pathMTU: pathMTU, reply: reply,
            isProtocolUnreachable: error.type == ICMPv4.destinationUnreachable
                && error.code == ICMPv4.Unreachable.protocolNumber.rawValue)
    }

    private func reply(to error: ICMPv4Error, quoting quotation: RawSpan, source: IPv4Address) -> Reply? {
        guard let relay = error.relay(), let inner = error.inner else { return nil }
        // The outer packet can bear DF though the inner one does not (kernel tier): it is not the sender's to cut, but
        // this host's, by the MTU of the peer's routes.
        if error.outerPathMTU != nil && !inner.dontFragment { return nil }
        var packet = [UInt8](repeating: 0, count: ICMPv4.maximumMessageLength)
        var span = packet.mutableSpan
        var bytes = span.mutableBytes
        let length =
            inheritsTimeToLive && error.type == ICMPv4.timeExceeded && error.code == 0
            ? ICMPv4.writeTimeExceeded(source: source, about: quotation, to: &bytes)
            : ICMPv4.writeUnreachable(
                relay.code, nextHopMTU: relay.nextHopMTU, source: source, about: quotation, to: &bytes)
        return length.map { Reply(receiver: inner.source, packet: Array(packet[..<$0])) }
    }

    private mutating func makeTable() -> ForwardingTable {
        let made = ForwardingTable(peers)
        table = made
        return made
    }
}
