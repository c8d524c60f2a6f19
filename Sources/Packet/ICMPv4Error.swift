// An ICMP error about our own outer packets: what it quotes, and what the inner sender is told of it.

/// An ICMP error whose quotation is one of the tunnel's own packets.
public struct ICMPv4Error: Hashable, Sendable {
    /// One of the error types of ``ICMPv4``.
    public var type: UInt8
    /// Its meaning depends on the type.
    public var code: UInt8
    /// The next-hop MTU field of "fragmentation needed", 0 where the router left it out (RFC 1191 section 5) and for
    /// every other message.
    public var nextHopMTU: UInt16
    /// The quoted outer header; its total length is that of the whole packet, not of the quotation.
    public var outer: IPv4Header
    /// Where the quoted inner packet starts, counted from the message's first byte; it can be at the message's end.
    public var innerOffset: Int
    /// The inner header; nil where too little is quoted to know the inner sender (E4).
    public var inner: IPv4Header?

    /// What to tell the inner sender.
    public struct Relay: Hashable, Sendable {
        /// The code of the destination unreachable to send.
        public var code: ICMPv4.Unreachable
        /// In bytes, of the inner packet; 0 unless the code is `.fragmentationNeeded`.
        public var nextHopMTU: UInt16
    }

    /// The smallest MTU that is believed: RFC 1191 section 3.
    public static let minimumMTU: UInt16 = 68
    /// RFC 1191 table 7-1, for routers that do not say.
    private static let plateaus: [UInt16] = [32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296]

    /// Reads an ICMP message, its own header first; nil where it is no error about an IP-in-IP packet.
    ///
    /// The message's checksum is for the caller to check: a raw socket gets the message before the kernel does so
    /// (`raw_local_deliver`). So is whether the quoted packet went to a peer of ours.
    public static func parse(_ message: RawSpan) -> ICMPv4Error? {
        let quotation = ICMPv4.headerLength
        guard message.byteCount >= quotation &+ IPv4Header.minimumLength else { return nil }
        let type = message.uint8(at: 0)
        let code = message.uint8(at: 1)
        let outer = IPv4Header(unchecked: message, at: quotation)
        let innerOffset = quotation &+ outer.headerLength
        guard ICMPv4.isError(type: type), outer.version == 4, outer.headerLength >= IPv4Header.minimumLength,
            outer.protocolNumber == IPProtocol.ipip, outer.fragmentOffset == 0, innerOffset <= message.byteCount
        else { return nil }

        var inner: IPv4Header?
        if message.byteCount &- innerOffset >= IPv4Header.minimumLength {
            let quoted = IPv4Header(unchecked: message, at: innerOffset)
            if quoted.version == 4, quoted.headerLength >= IPv4Header.minimumLength { inner = quoted }
        }
        let isTooBig =
            type == ICMPv4.destinationUnreachable && code == ICMPv4.Unreachable.fragmentationNeeded.rawValue
        return ICMPv4Error(
            type: type, code: code, nextHopMTU: isTooBig ? message.uint16(at: 6) : 0, outer: outer,
            innerOffset: innerOffset, inner: inner)
    }

    /// The outer path MTU that the message proves, in bytes; nil unless it is "fragmentation needed".
    ///
    /// Where the router names none, the next plateau below the packet's length. Never below 68.
    public var outerPathMTU: UInt16? {
        guard type == ICMPv4.destinationUnreachable, code == ICMPv4.Unreachable.fragmentationNeeded.rawValue else {
            return nil
        }
        if nextHopMTU > 0 { return max(nextHopMTU, Self.minimumMTU) }
        return Self.plateaus.first { Int($0) < outer.totalLength } ?? Self.minimumMTU
    }

    /// What the inner sender is told, nil for nothing: RFC 2003 sections 4.1 to 4.5 (E4, E5, E6).
    ///
    /// A protocol unreachable is relayed as host unreachable, because the sender never asked for protocol 4. The codes
    /// that are younger than RFC 792 (RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1) say of a network or a host
    /// why it cannot be reached, so they become that network or host unreachable.
    public func relay() -> Relay? {
        switch (type, code) {
        case (ICMPv4.destinationUnreachable, ICMPv4.Unreachable.fragmentationNeeded.rawValue):
            outerPathMTU.map { mtu in
                Relay(
                    code: .fragmentationNeeded,
                    nextHopMTU: max(mtu &- UInt16(Encapsulator.overhead), Self.minimumMTU))
            }
        case (ICMPv4.destinationUnreachable, ICMPv4.Unreachable.network.rawValue),
            // Network unknown, prohibited, and unreachable for the type of service.
            (ICMPv4.destinationUnreachable, 6), (ICMPv4.destinationUnreachable, 9),
            (ICMPv4.destinationUnreachable, 11):
            Relay(code: .network, nextHopMTU: 0)
        case (ICMPv4.destinationUnreachable, ICMPv4.Unreachable.host.rawValue),
            (ICMPv4.destinationUnreachable, ICMPv4.Unreachable.protocolNumber.rawValue),
            // Host unknown, prohibited, unreachable for the type of service, and filtered.
            (ICMPv4.destinationUnreachable, 7), (ICMPv4.destinationUnreachable, 10),
            (ICMPv4.destinationUnreachable, 12), (ICMPv4.destinationUnreachable, 13),
            (ICMPv4.timeExceeded, _):
            Relay(code: .host, nextHopMTU: 0)
        default:
            nil
        }
    }
}
