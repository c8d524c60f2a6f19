// Why a packet went no further: packets are never thrown over, they end in exactly one of these.

/// The reason for which a packet was dropped; each has its own counter.
///
/// The names are part of the status output: they grow and are never renamed. The type is an `Error` only
/// so that it can be the failure of a `Result`.
public enum DropReason: UInt8, CaseIterable, Hashable, Sendable, Error {
    /// Fewer bytes than a header needs or than a total length promises.
    case truncated
    /// The version of the inner or outer header is not 4; IPv6 that strays into the tunnel device ends here.
    case notIPv4
    /// The header length is below 20 bytes, or beyond the total length.
    case badHeaderLength
    /// The total length does not hold what the packet must hold.
    case badTotalLength
    /// The outer protocol is not 4.
    case notIPIP
    /// The outer destination is not this node's address.
    case notForUs
    /// An outer fragment that nobody has reassembled.
    case outerFragment
    /// The outer source is no peer's address (D3).
    case unknownOuterSource
    /// The inner source belongs to somebody other than the sending peer (D4).
    case innerSourceNotOfPeer
    /// The inner TTL is 0 (E2, D2).
    case ttlZero
    /// Outer CE with inner Not-ECT: the mark would be lost (D6, RFC 6040 section 4.2).
    case ecnIllegalCombination
    /// Encapsulating it, or taking it in, would nest the tunnel in itself (E3, D9).
    case recursion
    /// No peer's prefix holds the inner destination.
    case noPeer
    /// With the outer header it exceeds what the path, or IPv4 itself, can carry.
    case tooBig
    /// The tunnel device handed over an offload request that does not fit its packet.
    case badOffload
    /// The socket's or device's queue is full.
    case socketFull
    /// The kernel refused the packet for another reason.
    case ioError
    /// The kernel had no room left in the socket's receive queue.
    case receiveQueueFull

    /// The stable name, in camel case, for JSON and metrics.
    public var name: String { "\(self)" }
}
