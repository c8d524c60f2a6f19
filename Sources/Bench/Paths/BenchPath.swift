// The ways that packets go from one workload to the other, side by side; all have the same hosts and cables.

public import Report

/// One way, as a value. Another is one more line in ``all``.
public struct BenchPath: Hashable, Sendable {
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

    public let name: String
    public let about: String
    let carrier: Carrier
    /// No device of the path, the workloads' included, may hold more than one packet's worth in one buffer.
    var isWithoutOffloads = false
    /// The nodes' underlay devices put received packets together, as most network cards' drivers have it.
    var hasReceiveOffload = false
    /// Whether it is measured when nobody names paths.
    public private(set) var isUsual = true

    /// Every way there is, the usual ones first; the first is what others are compared with.
    public static let all: [BenchPath] =
        [
            BenchPath(name: "native", about: "plain routing", carrier: .native),
            BenchPath(
                name: "native-nogso", about: "plain routing, GSO, TSO and GRO off: every buffer one packet",
                carrier: .native, isWithoutOffloads: true),
            BenchPath(name: "vxlan", about: "the kernel's VXLAN, without learning", carrier: .vxlan),
            BenchPath(
                name: "kernel", about: "Poplin, kernel tier: the ipip driver",
                carrier: .poplin(tier: "kernel", config: "")),
            BenchPath(
                name: "bpf", about: "Poplin, bpf tier: programs on the same devices",
                carrier: .poplin(tier: "bpf", config: "")),
            BenchPath(
                name: "bpf-shortcut", about: "Poplin, bpf tier, past the host's own IP (tunnel.shortcut)",
                carrier: .poplin(tier: "bpf", config: "tunnel:\n  shortcut: true")),
            BenchPath(
                name: "userspace", about: "Poplin, userspace tier: TUN and frames or raw socket", carrier: agent("")),
            BenchPath(name: "fastd", about: "fastd, method null, mode tun", carrier: .fastd),
        ] + variants

    /// What takes the userspace tier apart; for those who work on it.
    private static let variants: [BenchPath] = [
        BenchPath(
            name: "one", about: "userspace tier, a system call a packet", carrier: agent("offload: false"),
            isUsual: false),
        BenchPath(
            name: "raw", about: "userspace tier, raw socket", carrier: agent("express: never"), isUsual: false),
        BenchPath(
            name: "express", about: "userspace tier, frames whatever else would see them",
            carrier: agent("express: always"), isUsual: false),
        BenchPath(
            name: "raw-gro", about: "userspace tier, raw socket, GRO on the nodes' underlay",
            carrier: agent("express: never"), hasReceiveOffload: true, isUsual: false),
        BenchPath(
            name: "userspace-gro", about: "userspace tier, GRO on the nodes' underlay", carrier: agent(""),
            hasReceiveOffload: true, isUsual: false),
    ]

    /// The userspace tier, with a line below `tunnel`.
    private static func agent(_ line: String) -> Carrier {
        .poplin(tier: "userspace", config: line.isEmpty ? "" : "tunnel:\n  \(line)")
    }

    /// What it adds to every packet of a workload, in bytes of IP.
    var overhead: Int {
        switch carrier {
        case .native: 0
        case .fastd: FastdTunnel.overhead
        case .vxlan: VXLANTunnel.overhead
        case .poplin: 20
        }
    }

    /// As the report names it.
    public var item: BenchReport.Path { BenchReport.Path(name: name, about: about) }
}
