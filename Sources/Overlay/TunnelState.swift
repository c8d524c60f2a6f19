// The tunnel as a value: the device, and the peers that may send through it.

public import Net

/// The tunnel device as it should be.
public struct TunnelDevice: Hashable, Sendable {
    public var name: String
    /// The driver, as rtnetlink names it.
    public var kind: String
    public var mtu: Int
    /// For the `ipip` driver; nil for a device of another kind.
    public var parameters: IPIPParameters?
    /// The address this host sends from into the tunnel; nil for none.
    public var address: IPv4Address?

    /// A tunnel device.
    public init(
        name: String, kind: String = "tun", mtu: Int, parameters: IPIPParameters? = nil, address: IPv4Address? = nil
    ) {
        self.name = name
        self.kind = kind
        self.mtu = mtu
        self.parameters = parameters
        self.address = address
    }
}

/// A node that may send to us through the tunnel, and that we may send to.
public struct TunnelPeer: Hashable, Sendable {
    public var name: String
    /// The outer address.
    public var address: IPv4Address
    public var tunnelAddress: IPv4Address?
    /// The prefixes whose longest match says that an inner source belongs to this peer; ascending.
    public var prefixes: [IPv4Prefix]

    /// A peer.
    public init(name: String, address: IPv4Address, tunnelAddress: IPv4Address? = nil, prefixes: [IPv4Prefix] = []) {
        self.name = name
        self.address = address
        self.tunnelAddress = tunnelAddress
        self.prefixes = prefixes
    }
}
