// Two nodes with a workload each and a router between them, up and proven to carry packets one certain way.

public import Lab
internal import LinuxSystem
internal import Net

/// The network of one path; it goes when the value goes.
public final class PathNetwork {
    /// Linux's own default. A host's may be another one, and then paths differ by how that one paces.
    public static let usualCongestionControl = "cubic"

    let path: BenchPath
    public let lab: Lab
    let underlayMTU: Int
    /// Of the workloads: the underlay's without what the path adds.
    let workloadMTU: Int

    /// Builds it, starts what carries the packets, and sees a ping come back both ways.
    ///
    /// - Parameters:
    ///   - underlayMTU: in bytes.
    ///   - congestionControl: of the workloads' TCP, as `net.ipv4.tcp_congestion_control` names it.
    ///   - agentBinary: the `poplin` program; nil looks for one.
    /// - Throws: why this path is not to be had here, in one line.
    public init(
        _ path: BenchPath, underlayMTU: Int, congestionControl: String = usualCongestionControl,
        agentBinary: String? = nil, interruption: Interruption = Interruption()
    ) throws {
        self.path = path
        self.underlayMTU = underlayMTU
        workloadMTU = underlayMTU - path.overhead
        lab = try Lab.up(
            Self.specification(path, underlayMTU: underlayMTU), agentBinary: agentBinary, interruption: interruption)
        for workload in ["w1", "w2"] {
            try lab.host(workload).sysctl("net/ipv4/tcp_congestion_control", congestionControl)
        }
        if path.isWithoutOffloads { try turnOffloadsOff() }
        if path.hasReceiveOffload {
            for node in ["n1", "n2"] {
                try lab.host(node).run { try LinkOffload.genericReceive.set("eth0", isOn: true) }
            }
        }
        switch path.carrier {
        case .native: break
        case .vxlan: try VXLANTunnel.make(lab, mtu: workloadMTU)
        case .fastd: try FastdTunnel.start(lab, mtu: workloadMTU)
        case .poplin:
            try lab.startAgents()
            for node in ["n1", "n2"] { try lab.waitReady(node) }
        }
        try expectPackets()
    }

    deinit { lab.down() }

    private static func specification(_ path: BenchPath, underlayMTU: Int) throws -> LabSpecification {
        var specification = LabSpecification.standard(name: Lab.uniqueName("bench"))
        // Each node on a cable of its own to the router: no bridge, whose cost would be the same for all.
        for index in specification.subnets.indices { specification.subnets[index].wiring = .gatewayOnly }
        let subnets = specification.subnets
        specification.nodes = zip([UInt8(1), 2], subnets).map { number, subnet in
            // The first address of the gateway's subnet.
            let address = IPv4Address(rawValue: subnet.gateway.prefix.address.rawValue + 1)
            return LabSpecification.standardNode(
                number, subnet: subnet.name, address: IPv4InterfaceAddress(address: address, prefixLength: 24))
        }
        specification.underlayMTU = underlayMTU
        specification.hasSniffer = false
        // Each way may use all that fits: the workloads' packets fill the underlay's with what the way adds.
        specification.workloadMTU = underlayMTU - path.overhead
        switch path.carrier {
        case .native:
            specification.routerKnowsBlocks = true
            specification.nodesForward = true
        case .fastd, .vxlan:
            specification.nodesForward = true
        case .poplin(let tier, let config):
            for index in specification.nodes.indices {
                specification.nodes[index].dataplane = tier
                specification.nodes[index].extraConfig = config
            }
        }
        return specification
    }

    /// Without a way of its own the router would not know where to: whatever arrives has gone through the tunnel.
    private func expectPackets() throws {
        for (source, destination) in [("w1", "w2"), ("w2", "w1")] {
            let deadline = Monotonic.now + 15_000_000_000
            while try lab.ping(from: source, to: destination, count: 2, lateReplyMilliseconds: 1000).received == 0 {
                guard Monotonic.now < deadline else {
                    throw BenchFailure("no packet gets from \(source) to \(destination)")
                }
            }
        }
    }

    /// From now on every buffer along the path is one packet, and devices count what would be on a wire.
    func turnOffloadsOff() throws {
        let devices = [
            ("w1", ["eth0"]), ("n1", ["caliw1", "eth0"]), ("router", ["to-n1", "to-n2"]), ("n2", ["eth0", "caliw2"]),
            ("w2", ["eth0"]),
        ]
        for (name, devices) in devices {
            try lab.host(name).run {
                for device in devices {
                    for offload in [LinkOffload.tcpSegmentation, .genericSegmentation, .genericReceive] {
                        try offload.set(device, isOn: false)
                    }
                }
            }
        }
    }
}
