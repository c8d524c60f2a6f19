// What of ours is there now: the second input of the plan.

public import Net

/// What of Poplin's stands on this host.
public struct Observed: Sendable {
    /// The tunnel device, whoever made it.
    public var device: Link?
    /// Whether a tier carries the device's packets right now.
    public var isCarried: Bool
    public var deviceAddresses: [IPv4InterfaceAddress]
    /// Whom the tier accepts packets from; nil where no tier runs.
    public var peers: [TunnelPeer]?
    /// Values of ``HostSetting/inputs``, by path; a missing one does not exist in this kernel.
    public var settings: [String: String]
    /// What our table of the packet filter does, as far as it can be understood; empty where there is none.
    public var filter: HostFilter
    /// Whether the table is exactly as we make it for ``filter``: nothing missing, nothing added.
    public var filterIsIntact: Bool
    /// Our routes of the main table, ascending by ``Route/key(_:)``; those on the tunnel device bear
    /// ``Route/tunnelLink``.
    public var routes: [Route]

    /// An observation.
    public init(
        device: Link? = nil, isCarried: Bool = false, deviceAddresses: [IPv4InterfaceAddress] = [],
        peers: [TunnelPeer]? = nil,
        settings: [String: String] = [:], filter: HostFilter = HostFilter(), filterIsIntact: Bool = true,
        routes: [Route] = []
    ) {
        self.device = device
        self.isCarried = isCarried
        self.deviceAddresses = deviceAddresses
        self.peers = peers
        self.settings = settings
        self.filter = filter
        self.filterIsIntact = filterIsIntact
        self.routes = routes
    }
}
