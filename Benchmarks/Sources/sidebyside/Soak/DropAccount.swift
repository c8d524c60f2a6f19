// Every packet on its way to a node's tunnel, counted where it can end: cable, IP, socket, agent, or carried.

import BenchmarkSupport
import Lab
import LinuxSystem

/// Counters at one moment; what counts is the difference of two.
struct DropAccount {
    /// What n1 handed to its cable, and the router could not forward.
    private(set) var fromPeer = 0
    /// Places where packets end, by name.
    private(set) var ends: [String: Int] = [:]

    /// Counters that stand for one IPv4 packet each (`/proc/net/snmp`, `/proc/net/netstat`).
    private static let kernelCounters = [
        "IpInHdrErrors", "IpInAddrErrors", "IpInDiscards", "IpInUnknownProtos", "IpReasmReqds",
        "TcpExtIPReversePathFilter", "IpExtInTruncatedPkts", "IpExtInNoRoutes",
    ]

    /// Reads all of them.
    init(_ lab: Lab) throws {
        fromPeer = try Self.device("eth0", on: lab.host("n1")).sent
        ends["cable to n2 full"] = try Self.device("to-n2", on: lab.router).dropped
        for (name, value) in try Self.kernel(on: lab.host("n2")) { ends["kernel: \(name)"] = value }
        let full = try Self.socketDrops(on: lab.host("n2"))
        ends["kernel: socket full"] = full
        // Later kernels (raw_v4_input) count what a full socket does not take as an unknown protocol as well.
        ends["kernel: IpInUnknownProtos", default: 0] -= min(full, ends["kernel: IpInUnknownProtos", default: 0])
        guard let status = try lab.status("n2") else { throw BenchmarkFailure("the agent of n2 does not answer") }
        // What the agent tells of the socket is read off the kernel above.
        for (reason, count) in status.drops ?? [:] where reason != "receiveQueueFull" {
            ends["agent: \(reason)"] = Int(count)
        }
        ends["carried"] = Int(status.peer("n1")?.rxPackets ?? 0)
    }

    private init() {}

    func since(_ earlier: DropAccount) -> DropAccount {
        var difference = DropAccount()
        difference.fromPeer = fromPeer - earlier.fromPeer
        for (name, value) in ends { difference.ends[name] = value - (earlier.ends[name] ?? 0) }
        return difference
    }

    var ended: Int { ends.values.reduce(0, +) }

    /// Packets that a device's driver took and could not deliver (`/proc/net/dev`).
    private static func device(_ name: String, on host: LabHost) throws -> (sent: Int, dropped: Int) {
        for line in try read("dev", on: host).split(separator: "\n") {
            let parts = line.split(separator: ":")
            guard parts.count == 2, parts[0].split(separator: " ").first.map({ $0 == name }) == true else { continue }
            let fields = parts[1].split(separator: " ").map { Int($0) ?? 0 }
            if fields.count > 11 { return (fields[9], fields[11]) }
        }
        throw BenchmarkFailure("\(host.name) has no device \(name)")
    }

    /// Two lines a group: names, then values.
    private static func kernel(on host: LabHost) throws -> [String: Int] {
        var found: [String: Int] = [:]
        for file in ["snmp", "netstat"] {
            let lines = try read(file, on: host).split(separator: "\n")
            for (names, values) in zip(lines, lines.dropFirst()) {
                let (left, right) = (names.split(separator: " "), values.split(separator: " "))
                guard let group = left.first, group == right.first else { continue }
                for (name, value) in zip(left, right).dropFirst() {
                    let whole = group.dropLast() + name
                    if kernelCounters.contains(String(whole)) { found[String(whole)] = Int(value) }
                }
            }
        }
        return found
    }

    /// The last column of `/proc/net/raw`, of the sockets for protocol 4.
    private static func socketDrops(on host: LabHost) throws -> Int {
        try read("raw", on: host).split(separator: "\n").dropFirst().reduce(0) { sum, line in
            let fields = line.split(separator: " ")
            guard fields.count > 2, fields[1].hasSuffix(":0004") else { return sum }
            return sum + (Int(fields[fields.count - 1]) ?? 0)
        }
    }

    /// Of the calling thread: `/proc/net` is that of the process's first thread.
    private static func read(_ file: String, on host: LabHost) throws -> String {
        try host.run { try TextFile.read("/proc/thread-self/net/\(file)") }
    }
}
