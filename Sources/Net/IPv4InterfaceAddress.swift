// An address as it stands on an interface: the host's own bits and the prefix length together.

/// An address with the prefix length of its subnet, such as `10.0.1.1/24`.
public struct IPv4InterfaceAddress: Hashable, Sendable, BitwiseCopyable {
    /// The address itself, host bits included.
    public let address: IPv4Address
    /// The subnet's prefix length, 0 to 32.
    public let prefixLength: UInt8

    /// Joins an address and a prefix length.
    ///
    /// - Precondition: `prefixLength` is at most 32.
    public init(address: IPv4Address, prefixLength: UInt8) {
        precondition(prefixLength <= 32, "a prefix length is 0 to 32")
        self.address = address
        self.prefixLength = prefixLength
    }

    /// Parses `A.B.C.D/LEN`, or `A.B.C.D` as a `/32`: Calico reads an address without a length so.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first, parts.count <= 2, let address = IPv4Address(first) else { return nil }
        var length: UInt8 = 32
        if parts.count == 2 {
            let digits = parts[1]
            guard digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
                let value = UInt8(digits), value <= 32, digits.utf8.count == (value < 10 ? 1 : 2)
            else { return nil }
            length = value
        }
        self.init(address: address, prefixLength: length)
    }

    /// The subnet.
    public var prefix: IPv4Prefix { IPv4Prefix(containing: address, length: prefixLength) }
}

extension IPv4InterfaceAddress: CustomStringConvertible {
    /// `A.B.C.D/LEN`, also for a `/32`.
    public var description: String { "\(address)/\(prefixLength)" }
}
