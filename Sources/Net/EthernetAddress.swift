// An Ethernet address as one integer, so that neighbours compare and copy like other numbers.

/// A 48-bit Ethernet (MAC) address.
public struct EthernetAddress: Hashable, Sendable, BitwiseCopyable {
    /// The address in the low 48 bits, its first octet highest: `02:00:00:00:00:01` is `0x0200_0000_0001`.
    public var rawValue: UInt64

    /// Makes an address from the low 48 bits of an integer.
    public init(rawValue: UInt64) {
        self.rawValue = rawValue & 0xFFFF_FFFF_FFFF
    }

    /// Makes an address from six octets in the order of the wire; nil for another number of them.
    public init?(octets: some Collection<UInt8>) {
        guard octets.count == 6 else { return nil }
        rawValue = octets.reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Whether it names one station: not a group (first octet odd), and not all zero.
    public var isUnicast: Bool { rawValue != 0 && rawValue >> 40 & 1 == 0 }
}

extension EthernetAddress: CustomStringConvertible {
    /// As `ip link` writes it: `02:00:00:00:00:01`.
    public var description: String {
        stride(from: 40, through: 0, by: -8).map { shift in
            let octet = String(rawValue >> UInt64(shift) & 0xFF, radix: 16)
            return octet.count == 1 ? "0" + octet : octet
        }.joined(separator: ":")
    }
}
