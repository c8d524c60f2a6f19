// A tunnel between n1 and n2 by fastd without encryption: what others offer where the kernel has no tunnel of its own.

internal import Lab
internal import LinuxSystem
internal import Net
internal import Rtnetlink

/// Two instances that run as long as the lab is up.
enum FastdTunnel {
    /// Outer IPv4 header, UDP header, and the byte that begins each of fastd's packets, in mode tun.
    static let overhead = 20 + 8 + 1
    private static let device = "fastd0"

    /// Starts both and sends each node's blocks through them.
    static func start(_ lab: Lab, mtu: Int) throws {
        let keys = try ["n1": Self.makeKey(lab), "n2": Self.makeKey(lab)]
        for (own, other) in [("n1", "n2"), ("n2", "n1")] {
            guard let ownKey = keys[own], let otherKey = keys[other] else { continue }
            let config = """
                mode tun;
                interface "\(Self.device)";
                mtu \(mtu);
                method "null";
                bind \(try lab.node(own).address.address):10000;
                secret "\(ownKey.secret)";
                peer "\(other)" {
                    key "\(otherKey.open)";
                    remote \(try lab.node(other).address.address):10000;
                }

                """
            let path = "\(lab.path)/fastd-\(own).conf"
            try TextFile.replace(path, with: config, mode: 0o600)
            let process = try lab.startProgram(
                "fastd", ["--config", path, "--log-level", "warn"], on: own, log: "\(lab.path)/fastd.log")
            try route(lab, from: own, to: other, while: process)
        }
    }

    /// Waits for the device and sends the other node's block through it.
    private static func route(_ lab: Lab, from own: String, to other: String, while process: ChildProcess) throws {
        let host = try lab.host(own)
        for _ in 0..<500 {
            try lab.interruption.check()
            if let status = try process.wait(timeoutMilliseconds: 10) {
                let log = (try? TextFile.read("\(lab.path)/fastd.log")) ?? ""
                throw BenchFailure("fastd ended (\(status)): \(log)")
            }
            guard try host.netlink({ try $0.link(named: Self.device) }) != nil else { continue }
            try host.setLink(Self.device, isUp: true)
            for block in try lab.node(other).blocks { try host.setRoute(block, device: Self.device) }
            return
        }
        throw BenchFailure("fastd makes no device within 5 s")
    }

    private static func makeKey(_ lab: Lab) throws -> (secret: Substring, open: Substring) {
        let secret = try run(["--generate-key", "--machine-readable"])
        let path = "\(lab.path)/fastd-key.conf"
        try TextFile.replace(path, with: "secret \"\(secret)\";\n", mode: 0o600)
        return (secret, try run(["--config", path, "--show-key", "--machine-readable"]))
    }

    private static func run(_ arguments: [String]) throws -> Substring {
        guard let result = try? ChildProcess.run("fastd", arguments) else {
            throw BenchFailure("fastd does not start: is it installed?")
        }
        guard result.status.isSuccess else { throw BenchFailure("fastd: \(result.errors)") }
        return result.output.prefix { $0 != "\n" }
    }
}
