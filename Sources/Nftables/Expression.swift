// The parts of a rule, as the kernel's own small machine runs them: one after the other, until one does not match.

/// An expression of nf_tables (`net/netfilter/nft_*.c`).
public enum Expression: Hashable, Sendable {
    /// From which header bytes are counted.
    public enum Header: UInt32, Hashable, Sendable {
        /// `NFT_PAYLOAD_NETWORK_HEADER`.
        case network = 1
        /// `NFT_PAYLOAD_TRANSPORT_HEADER`: whatever follows the IP header, of a packet that is no later fragment.
        case transport = 2
    }

    /// What becomes of the packet.
    public enum Verdict: Hashable, Sendable {
        case accept, drop
        case jump(String)
        case goto(String)
    }

    /// A register of four bytes or more; the second begins four bytes after the first, so that both together hold a pair.
    public enum Register: UInt32, Hashable, Sendable {
        /// `NFT_REG_1`.
        case first = 1
        /// `NFT_REG32_01`.
        case second = 9
    }

    /// Loads bytes of the packet.
    case load(Header, offset: UInt32, count: UInt32, into: Register = .first)
    /// Keeps the bits of a mask, in host byte order.
    case mask(Register, UInt32)
    /// Goes on where the bytes are these.
    case isEqual([UInt8])
    /// Goes on where the bytes are not these.
    case isNotEqual([UInt8])
    /// Goes on where the first register's content is in the set, and counts there.
    case isIn(String)
    case isNotIn(String)
    /// Counts with a named counter.
    case count(String)
    case decide(Verdict)
    /// Takes the outgoing device's address as the source.
    case masquerade
    /// One that is not used here, by its name.
    case other(String)
}
