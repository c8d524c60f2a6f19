// The packets of the check: of every kind that the packet thread treats in its own way, in both directions.

import Lab
import LinuxSystem
import Net

struct Load {
    let lab: Lab
    private static let datagrams = 5000
    private static let streamBytes = 200 << 20
    private static let hostile = 1000

    /// Sends all of it through n1's agent.
    func run() throws {
        for (source, target) in [("w1", "w3"), ("w3", "w1")] {
            let echo = try lab.echo(.udp, from: source, to: target, count: Self.datagrams)
            // Under load one may be lost; nothing is said here about that.
            guard echo.received > Self.datagrams / 2 else { throw Failure("UDP from \(source): \(echo)") }
            let stream = try lab.transfer(from: source, to: target, bytes: Self.streamBytes)
            guard stream.isIntact else { throw Failure("TCP from \(source): \(stream)") }
        }
        try sendHostile()
    }

    /// Packets that are dropped, each for its own reason: a drop must not cost more than a delivery.
    private func sendHostile() throws {
        let (here, there) = (try lab.address(of: "n3"), try lab.address(of: "n1"))
        let (inside, workload) = (try lab.address(of: "w3"), try lab.address(of: "w1"))
        let good = ForgedPacket.udp(source: inside, destination: workload, port: 9, payload: [1])
        let foreign = ForgedPacket.udp(source: there, destination: workload, port: 9, payload: [1])
        let packets = [
            ForgedPacket.ipip(source: IPv4Address(rawValue: here.rawValue + 9), destination: there, inner: good),
            ForgedPacket.ipip(source: here, destination: there, inner: foreign),
            ForgedPacket.ipip(source: here, destination: there, inner: Array(good.dropLast(4))),
        ]
        try lab.host("n3").run {
            // IPPROTO_RAW: a socket that only sends.
            let socket = try RawIPv4Socket(proto: 255)
            for _ in 0..<Self.hostile {
                for packet in packets { _ = try packet.withUnsafeBytes { try socket.send($0, to: there.rawValue) } }
            }
        }
    }
}
