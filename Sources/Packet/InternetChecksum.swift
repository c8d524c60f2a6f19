// The Internet checksum (RFC 1071, 1624): sums 32 bytes a step in the host's byte order and swaps once at the end.

public import Net

/// The ones' complement sum that IPv4, ICMP, TCP and UDP share.
///
/// A *sum* is folded to 16 bits and not complemented, in host order; a *checksum* is its complement, as it
/// stands in a header.
public enum InternetChecksum {
    /// The sum over `bytes`, an odd last byte padded with zero, on top of `initial`.
    ///
    /// A span of odd length can only be the last of several that are summed together.
    public static func sum(_ bytes: RawSpan, adding initial: UInt16 = 0) -> UInt16 {
        let count = bytes.byteCount
        var offset = 0
        // Whole words are added with their carries lost, and their high halves once more on their own: the low halves
        // are the difference. That is one operation less a word than masking both, and no loop carries a carry.
        var wordLanes = SIMD4<UInt64>.zero
        var highLanes = SIMD4<UInt64>.zero
        while count &- offset >= 32 {
            let lanes = unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: SIMD4<UInt64>.self)
            wordLanes &+= lanes
            highLanes &+= lanes &>> 32
            offset &+= 32
        }
        var words = wordLanes.wrappedSum()
        var highs = highLanes.wrappedSum()
        while count &- offset >= 8 {
            let word = unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self)
            words &+= word
            highs &+= word &>> 32
            offset &+= 8
        }
        var total = (words &- highs &<< 32) &+ highs &+ UInt64(initial.bigEndian)
        if count &- offset >= 4 {
            let word = unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt32.self)
            total &+= UInt64(word)
            offset &+= 4
        }
        if count &- offset >= 2 {
            let word = unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt16.self)
            total &+= UInt64(word)
            offset &+= 2
        }
        if offset < count {
            total &+= UInt64((UInt16(bytes.uint8(at: offset)) &<< 8).bigEndian)
        }
        return UInt16(bigEndian: fold(total))
    }

    /// The checksum over `bytes`: what a header field holds when the field itself was zero.
    ///
    /// Over bytes that include a right checksum it is 0.
    public static func checksum(_ bytes: RawSpan, adding initial: UInt16 = 0) -> UInt16 {
        ~sum(bytes, adding: initial)
    }

    /// The sum of the pseudo-header of TCP and UDP (RFC 9293 section 3.1, RFC 768).
    ///
    /// This is also what a `CHECKSUM_PARTIAL` packet holds in its checksum field.
    ///
    /// - Parameter length: bytes of transport header and data.
    public static func pseudoHeaderSum(
        source: IPv4Address, destination: IPv4Address, protocolNumber: UInt8, length: UInt16
    ) -> UInt16 {
        fold(
            UInt64(source.rawValue) &+ UInt64(destination.rawValue) &+ UInt64(protocolNumber) &+ UInt64(length))
    }

    /// The checksum after one 16-bit word changed from `old` to `new` (RFC 1624 equation 3).
    ///
    /// A checksum that was wrong stays wrong by the same amount.
    public static func update(_ checksum: UInt16, from old: UInt16, to new: UInt16) -> UInt16 {
        ~fold(UInt64(~checksum) &+ UInt64(~old) &+ UInt64(new))
    }

    /// Folds the carries of a sum of 16-bit or wider words into 16 bits (byte order does not matter, RFC 1071).
    static func fold(_ total: UInt64) -> UInt16 {
        var folded = (total & 0xFFFF_FFFF) &+ (total &>> 32)
        folded = (folded & 0xFFFF) &+ (folded &>> 16)
        folded = (folded & 0xFFFF) &+ (folded &>> 16)
        folded = (folded & 0xFFFF) &+ (folded &>> 16)
        return UInt16(truncatingIfNeeded: folded)
    }
}
