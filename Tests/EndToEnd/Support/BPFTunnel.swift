// A node's tunnel without any agent: two tc programs that hand on superframes whole, as the bpf tier of a peer does.

import Lab
import LinuxSystem
import Net
import TestSupport
import Testing

/// What the far end of a mixed network needs.
enum BPFTunnel {
    /// Gives a node without an agent a tunnel device that leads to one peer and to the peer's block.
    static func make(on name: String, to peer: String, in lab: Lab) throws {
        let (node, here) = (try lab.host(name), try lab.node(name))
        let device = "tunl0"
        // No process ever attaches: the programs take every packet before the device's queue.
        try execute("ip", ["tuntap", "add", "dev", device, "mode", "tun"], on: node)
        try node.setMTU(device, 1480)
        try execute("ip", ["address", "add", "\(here.tunnelAddress ?? .any)/32", "dev", device], on: node)
        try node.setLink(device, isUp: true)
        // One end's packets come from a device that its route does not lead to.
        for device in ["all", device] { try node.sysctl("net/ipv4/conf/\(device)/rp_filter", "0") }

        let scratch = ScratchDirectory()
        let object = scratch.path + "/tunnel.o"
        try compile(
            to: object,
            [
                "LOCAL": Int(here.address.address.rawValue), "PEER": Int(try lab.underlay(peer).rawValue),
                "UNDERLAY": Int(try node.linkIndex("eth0")), "TUNNEL": Int(try node.linkIndex(device)),
            ])
        for (device, direction, section) in [(device, "egress", "outward"), ("eth0", "ingress", "inward")] {
            try execute("tc", ["qdisc", "add", "dev", device, "clsact"], on: node)
            try execute(
                "tc", ["filter", "add", "dev", device, direction, "bpf", "da", "obj", object, "sec", section], on: node)
        }
        try node.setRoute(try lab.block(of: peer), device: device)
    }

    /// What such a tunnel takes, beside namespaces.
    static let requirement = Requirement(name: "bpf", missing: whyNone)

    private static var whyNone: String? {
        if !File.exists("/sys/fs/bpf") { return "the kernel has no BPF" }
        if Clang.path == nil { return "there is no clang beside swift" }
        if !File.exists("/usr/include/bpf/bpf_helpers.h") { return "libbpf-dev is not installed" }
        return nil
    }

    private static func compile(to object: String, _ constants: [String: Int]) throws {
        // Where Debian keeps the headers that differ between processors: the bpf target looks for none of its own.
        try Clang.compile(
            "BPF/tunnel.c", to: object,
            ["--target=bpf", "-g", "-I/usr/include/\(try Clang.processor())-linux-gnu"]
                + constants.map { "-D\($0.key)=\($0.value)" } + ["-c"])
    }

    private static func execute(_ program: String, _ arguments: [String], on host: LabHost) throws {
        let result = try host.execute(program, arguments)
        try #require(
            result.status.isSuccess, "\(program) \(arguments.joined(separator: " ")): \(result.errors)\(result.output)")
    }
}
