// A prefix keeps its host bits zero, so that two equal prefixes are always equal values.

/// An IPv4 prefix in CIDR notation.
public struct IPv4Prefix: Hashable, Sendable, BitwiseCopyable {
    /// The network address; all bits after `length` are zero.
    public let address: IPv4Address
    /// The number of leading bits that count, 0 to 32.
    public let length: UInt8

    /// The prefix of `length` bits that contains `address`; host bits are cleared.
    ///
    /// - Precondition: `length` is at most 32.
    @inlinable
    public init(containing address: IPv4Address, length: UInt8) {
        precondition(length <= 32, "a prefix length is 0 to 32")
        self.address = IPv4Address(rawValue: address.rawValue & IPv4Prefix.mask(length))
        self.length = length
    }

    /// The `/32` of one address.
    @inlinable
    public init(host address: IPv4Address) {
        self.init(containing: address, length: 32)
    }

    /// Parses `A.B.C.D/LEN`; text with host bits set (`10.0.0.1/24`) is not a prefix.
    public init?(_ text: some StringProtocol) {
        guard let interface = IPv4InterfaceAddress(text), text.utf8.contains(UInt8(ascii: "/")),
            interface.prefix.address == interface.address
        else { return nil }
        self = interface.prefix
    }

    /// The netmask of `length` bits, host byte order.
    @inlinable
    public static func mask(_ length: UInt8) -> UInt32 {
        length == 0 ? 0 : ~UInt32(0) << UInt32(32 - length)
    }

    /// Whether `candidate` lies inside this prefix.
    @inlinable
    public func contains(_ candidate: IPv4Address) -> Bool {
        candidate.rawValue & IPv4Prefix.mask(length) == address.rawValue
    }

    /// Whether every address of `other` lies inside this prefix.
    @inlinable
    public func contains(_ other: IPv4Prefix) -> Bool {
        other.length >= length && contains(other.address)
    }

    /// Whether the two prefixes share an address.
    @inlinable
    public func overlaps(_ other: IPv4Prefix) -> Bool {
        contains(other) || other.contains(self)
    }

    /// The highest address inside this prefix.
    @inlinable public var last: IPv4Address {
        IPv4Address(rawValue: address.rawValue | ~IPv4Prefix.mask(length))
    }
}

extension IPv4Prefix: Comparable {
    /// By address, and the wider prefix first: the order of a routing table's listing.
    @inlinable
    public static func < (left: IPv4Prefix, right: IPv4Prefix) -> Bool {
        left.address == right.address ? left.length < right.length : left.address < right.address
    }
}

extension IPv4Prefix: CustomStringConvertible {
    /// `A.B.C.D/LEN`.
    public var description: String { "\(address)/\(length)" }
}
