// What the dataplane needs of the node config, in the dataplane's own types.

public import Dataplane
public import Net
public import Overlay
internal import Packet

extension NodeConfig {
    /// The tier asked for; nil for the first that is available.
    public var tier: Tier? {
        switch dataplane {
        case .auto: nil
        case .kernel: .kernel
        case .bpf: .bpf
        case .userspace: .userspace
        }
    }

    /// Settings of a tunnel that sends from `localAddress`; the device's MTU follows with the first walk.
    public func tunnelSettings(localAddress: IPv4Address) -> TunnelSettings {
        TunnelSettings(
            localAddress: localAddress, timeToLive: tunnelTTL.map { .fixed($0) } ?? .inherit,
            dscp: tunnelDSCP.map { .fixed($0) } ?? .copy, acceptsForeignSources: acceptForeignSources,
            offloads: offload, queues: queues, cpus: cpus, busyPollMicroseconds: busyPoll)
    }

    /// This node as the verdicts see it, with the kind of device that a tier carries; nil for no tier yet.
    ///
    /// - Throws: as ``localNode(facts:)``.
    public func localNode(facts: HostFacts, tier: Tier?) throws(AddressDetectionError) -> LocalNode {
        var local = try localNode(facts: facts)
        guard tier == .kernel else { return local }
        local.tunnelKind = KernelTunnel.linkKind
        local.tunnelParameters = IPIPParameters(
            local: local.address.address, timeToLive: tunnelTTL ?? 0,
            // The lowest bit has the driver copy the inner DSCP; the ECN bits are the driver's own.
            typeOfService: tunnelDSCP.map { $0 << 2 } ?? 1,
            // The driver knows no fixed TTL without DF (`ip_tunnel_netlink_parms`).
            alwaysDF: tunnelTTL != nil)
        return local
    }
}
