// The kernel's own VXLAN between n1 and n2, as overlays set it up: no learning, addresses known beforehand.

internal import Lab
internal import LinuxSystem
internal import Net

enum VXLANTunnel {
    /// Outer IPv4, UDP, VXLAN and inner Ethernet header.
    static let overhead = 20 + 8 + 8 + 14
    private static let device = "vxlan.bench"
    private static let ends = [
        (node: "n1", peer: "n2", address: "192.0.2.1", hardware: "02:00:00:00:00:01"),
        (node: "n2", peer: "n1", address: "192.0.2.2", hardware: "02:00:00:00:00:02"),
    ]

    /// Makes the devices and sends each node's blocks through them; they go with their namespaces.
    static func make(_ lab: Lab, mtu: Int) throws {
        for (own, other) in [(ends[0], ends[1]), (ends[1], ends[0])] {
            let (local, remote) = (try lab.node(own.node).address.address, try lab.node(own.peer).address.address)
            let commands =
                [
                    "ip link add \(device) address \(own.hardware) type vxlan id 1 dstport 4789 local \(local) nolearning",
                    "ip address add \(own.address)/32 dev \(device)",
                    "ip link set \(device) mtu \(mtu) up",
                    "bridge fdb append \(other.hardware) dev \(device) dst \(remote)",
                    "ip neighbour add \(other.address) lladdr \(other.hardware) dev \(device) nud permanent",
                ]
                + (try lab.node(own.peer).blocks).map { "ip route add \($0) via \(other.address) dev \(device) onlink" }
            let host = try lab.host(own.node)
            for command in commands {
                let words = command.split(separator: " ").map(String.init)
                let result = try host.execute(words[0], Array(words.dropFirst()))
                guard result.status.isSuccess else {
                    throw BenchFailure("\(command) in \(host.name): \(result.errors)")
                }
            }
        }
    }
}
