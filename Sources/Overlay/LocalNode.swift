// What this node's own configuration says, reduced to what a verdict and the desired state need.

public import Net

/// This node, as its configuration describes it.
public struct LocalNode: Hashable, Sendable {
    /// The node's name.
    public var name: String
    /// The underlay address with its prefix length.
    public var address: IPv4InterfaceAddress
    /// This node's say, which wins over each pool's; nil leaves it to the pools.
    public var ipipMode: IPIPMode?
    /// The tunnel device's name.
    public var tunnelDevice: String
    /// The driver of a tunnel device that the tier makes, as rtnetlink names it; one of another kind is not ours.
    public var tunnelKind: String
    /// What a device of kind `ipip` should be told; nil for another kind.
    public var tunnelParameters: IPIPParameters?
    /// Whether programs in the kernel carry the tunnel device's packets, with or without a process.
    public var usesPrograms = false
    /// Whether an inner source must be the sending peer's (D4), where the packet filter looks.
    public var checksSources: Bool
    /// Whether outer packets bear the inner TTL, where no device of kind `ipip` says so itself.
    public var inheritsTimeToLive = false
    /// The tunnel device's MTU in bytes; nil means the smallest MTU of the underlay devices less 20.
    public var tunnelMTU: Int?

    /// A local node.
    public init(
        name: String, address: IPv4InterfaceAddress, ipipMode: IPIPMode? = nil,
        tunnelDevice: String = "tunl0", tunnelKind: String = "tun",
        tunnelParameters: IPIPParameters? = nil, checksSources: Bool = true, tunnelMTU: Int? = nil
    ) {
        self.name = name
        self.address = address
        self.ipipMode = ipipMode
        self.tunnelDevice = tunnelDevice
        self.tunnelKind = tunnelKind
        self.tunnelParameters = tunnelParameters
        self.checksSources = checksSources
        self.tunnelMTU = tunnelMTU
    }
}
