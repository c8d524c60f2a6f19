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
            localAddress: localAddress, timeToLive: tunnelTTL.ofPackets,
            dscp: tunnelDSCP.map { .fixed($0) } ?? .copy, acceptsForeignSources: acceptForeignSources,
            takesShortcut: shortcut, offloads: offload, queues: queues, cpus: cpus, busyPollMicroseconds: busyPoll)
    }

    /// This node as the verdicts see it, with the kind of device that a tier carries; nil for no tier yet.
    ///
    /// - Throws: as ``localNode(facts:)``.
    public func localNode(facts: HostFacts, tier: Tier?) throws(AddressDetectionError) -> LocalNode {
        var local = try localNode(facts: facts)
        local.inheritsTimeToLive = tunnelTTL == .inherit
        local.usesPrograms = tier == .bpf
        guard tier == .kernel else { return local }
        local.tunnelKind = KernelTunnel.linkKind
        local.tunnelParameters = IPIPParameters(
            local: local.address.address, timeToLive: tunnelTTL.ofDevice,
            // The lowest bit has the driver copy the inner DSCP; the ECN bits are the driver's own.
            typeOfService: tunnelDSCP.map { $0 << 2 } ?? 1,
            // The driver knows no fixed TTL without DF (`ip_tunnel_netlink_parms`).
            alwaysDF: tunnelTTL.ofDevice != 0)
        return local
    }
}

extension OuterTTL {
    /// Where every packet is ours to write, a TTL of its own is what a tunnel should have.
    fileprivate var ofPackets: Encapsulator.TimeToLive {
        switch self {
        case .auto: .fixed(64)
        case .inherit: .inherit
        case .fixed(let value): .fixed(value)
        }
    }

    /// As the ipip driver is told, 0 for the inner one. A fixed one would bring DF on every outer packet, and with it the
    /// loss of what is too big wherever routers do not tell.
    fileprivate var ofDevice: UInt8 {
        switch self {
        case .auto, .inherit: 0
        case .fixed(let value): value
        }
    }
}
