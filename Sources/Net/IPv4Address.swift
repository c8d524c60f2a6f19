// An IPv4 address as one integer, so that tables and records of many routes stay flat.

/// An IPv4 address.
public struct IPv4Address: Hashable, Sendable, BitwiseCopyable {
    /// The address in host byte order: `10.0.0.1` is `0x0A00_0001`.
    public var rawValue: UInt32

    /// Makes an address from an integer in host byte order.
    @inlinable
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// Parses the dotted decimal form; nothing else (no octal, no shorthand, no blanks) is an address.
    public init?(_ text: some StringProtocol) {
        var value: UInt32 = 0
        var octet: UInt32?
        var dots = 0
        var digits = 0
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                digits += 1
                // A leading zero would be octal to inet_aton and decimal to others: refused.
                guard octet != 0 || digits == 1, digits <= 3 else { return nil }
                octet = (octet ?? 0) * 10 + UInt32(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "."):
                guard let complete = octet, complete <= 255, dots < 3 else { return nil }
                value = value << 8 | complete
                octet = nil
                digits = 0
                dots += 1
            default:
                return nil
            }
        }
        guard let last = octet, last <= 255, dots == 3 else { return nil }
        self.rawValue = value << 8 | last
    }

    /// `0.0.0.0`.
    @inlinable public static var any: IPv4Address { IPv4Address(rawValue: 0) }
}

extension IPv4Address: Comparable {
    /// By numeric value.
    @inlinable
    public static func < (left: IPv4Address, right: IPv4Address) -> Bool {
        left.rawValue < right.rawValue
    }
}

extension IPv4Address: CustomStringConvertible {
    /// The dotted decimal form.
    public var description: String {
        "\(rawValue >> 24).\(rawValue >> 16 & 255).\(rawValue >> 8 & 255).\(rawValue & 255)"
    }
}
