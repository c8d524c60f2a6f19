// Two nodes with a workload each and a router between them, up and proven to carry packets one certain way.

import BenchmarkSupport
import Lab
import LinuxSystem
import Net

/// The network of one path; it goes when the value goes, or the process ends.
final class PathNetwork {
    let path: PacketPath
    let lab: Lab
    private let cleanup: Int
    private var tunnel: FastdTunnel?

    /// - Throws: ``LabError/agentEnded(node:status:log:)`` where the agent does not know the path's config.
    init(_ path: PacketPath, underlayMTU: Int, agent: String) throws {
        self.path = path
        let lab = try Lab.up(Self.specification(path, underlayMTU: underlayMTU), agentBinary: agent)
        self.lab = lab
        cleanup = Cleanup.note { lab.down() }
        if path.isWithoutOffloads { try turnOffloadsOff() }
        if path.hasReceiveOffload {
            for node in ["n1", "n2"] { try Self.setFeatures(lab.host(node), "eth0", ["gro", "on"]) }
        }
        switch path.carrier {
        case .native: break
        case .vxlan: try VXLANTunnel.make(lab, mtu: underlayMTU - VXLANTunnel.overhead)
        case .fastd: tunnel = try FastdTunnel(lab, mtu: underlayMTU - FastdTunnel.overhead)
        case .poplin:
            try lab.startAgents()
            for node in ["n1", "n2"] { try lab.waitReady(node) }
        }
        try expectPackets()
    }

    deinit {
        tunnel = nil
        Cleanup.undo(cleanup)
    }

    private static func specification(_ path: PacketPath, underlayMTU: Int) throws -> LabSpecification {
        var specification = LabSpecification.standard(name: Lab.uniqueName("pk"))
        // Each node on a cable of its own to the router: no bridge, whose cost would be the same for all.
        for index in specification.subnets.indices { specification.subnets[index].wiring = .gatewayOnly }
        let nodes = [(UInt8(1), "net1", "10.0.1.1/24"), (2, "net2", "10.0.2.1/24")]
        specification.nodes = try nodes.map { number, subnet, text in
            guard let address = IPv4InterfaceAddress(text) else { throw BenchmarkFailure("\(text) is no address") }
            return LabSpecification.standardNode(number, subnet: subnet, address: address)
        }
        specification.underlayMTU = underlayMTU
        specification.hasSniffer = false
        // Each way may use all that fits: the workloads' packets fill the underlay's with what the way adds.
        switch path.carrier {
        case .native:
            specification.workloadMTU = underlayMTU
            specification.routerKnowsBlocks = true
            specification.nodesForward = true
        case .fastd:
            specification.workloadMTU = underlayMTU - FastdTunnel.overhead
            specification.nodesForward = true
        case .vxlan:
            specification.workloadMTU = underlayMTU - VXLANTunnel.overhead
            specification.nodesForward = true
        case .poplin(let tier, let config):
            specification.workloadMTU = underlayMTU - 20
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
            while try lab.ping(from: source, to: destination, count: 2).received == 0 {
                guard Monotonic.now < deadline else {
                    throw BenchmarkFailure("\(path.name): no packet gets from \(source) to \(destination)")
                }
            }
        }
    }

    private func turnOffloadsOff() throws {
        let devices = [
            ("w1", ["eth0"]), ("n1", ["caliw1", "eth0"]), ("router", ["to-n1", "to-n2"]), ("n2", ["eth0", "caliw2"]),
            ("w2", ["eth0"]),
        ]
        for (name, devices) in devices {
            for device in devices {
                try Self.setFeatures(lab.host(name), device, ["tso", "off", "gso", "off", "gro", "off"])
            }
        }
    }

    private static func setFeatures(_ host: LabHost, _ device: String, _ features: [String]) throws {
        let result = try host.execute("ethtool", ["-K", device] + features)
        guard result.status.isSuccess else {
            throw BenchmarkFailure("ethtool -K \(device) in \(host.name): \(result.errors)")
        }
    }
}
