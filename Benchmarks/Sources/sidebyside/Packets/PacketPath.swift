// The ways that packets go from one workload to the other, side by side; all have the same hosts and cables.

/// One way, as a value.
struct PacketPath: Hashable, Sendable {
    /// What carries the packets between the nodes.
    enum Carrier: Hashable, Sendable {
        /// Plain routing, without a tunnel.
        case native
        /// fastd with method `null`: no encryption, no authentication.
        case fastd
        /// The kernel's VXLAN.
        case vxlan
        /// Agents of a tier, with further lines in their config.
        case poplin(tier: String, config: String)
    }

    let name: String
    let about: String
    let carrier: Carrier
    /// No device of the path, the workloads' included, may hold more than one packet's worth in one buffer.
    var isWithoutOffloads = false
    /// The nodes' underlay devices put received packets together, as most network cards' drivers have it.
    var hasReceiveOffload = false

    static let all: [PacketPath] = [
        PacketPath(name: "native", about: "plain routing with all offloads, for scale", carrier: .native),
        PacketPath(
            name: "native-mtu", about: "plain routing, every buffer one packet", carrier: .native,
            isWithoutOffloads: true),
        PacketPath(name: "vxlan", about: "the kernel's VXLAN", carrier: .vxlan),
        PacketPath(name: "bpf", about: "Poplin, bpf tier", carrier: .poplin(tier: "bpf", config: "")),
        PacketPath(
            name: "bpf-shortcut", about: "Poplin, bpf tier, past the host's own IP",
            carrier: .poplin(tier: "bpf", config: "tunnel:\n  shortcut: true")),
        PacketPath(name: "fastd", about: "fastd, method null, mode tun", carrier: .fastd),
        PacketPath(name: "one", about: "Poplin, a system call a packet", carrier: poplin("offload: false")),
        PacketPath(name: "raw", about: "Poplin, raw socket", carrier: poplin("express: never")),
        PacketPath(name: "express", about: "Poplin, express path", carrier: poplin("express: always")),
        PacketPath(name: "poplin", about: "Poplin as it comes", carrier: poplin("")),
        PacketPath(
            name: "raw-gro", about: "raw socket, GRO on the nodes' underlay", carrier: poplin("express: never"),
            hasReceiveOffload: true),
        PacketPath(
            name: "poplin-gro", about: "as it comes, GRO on the nodes' underlay", carrier: poplin(""),
            hasReceiveOffload: true),
    ]

    /// The userspace tier, with a line below `tunnel`.
    private static func poplin(_ line: String) -> Carrier {
        .poplin(tier: "userspace", config: line.isEmpty ? "" : "tunnel:\n  \(line)")
    }
}
