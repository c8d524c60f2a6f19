// What the dataplane needs of the node config, in the dataplane's own types.

public import Dataplane
public import Net
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
}
