// Packets lost while a running agent is replaced: by one that takes over, and by one that starts when it has ended.

import BenchmarkSupport
import Lab
import LinuxSystem
import Net

enum Handover {
    private static let packetsPerSecond = 10_000
    /// Packets each way before and after a replacement.
    private static let margin = 2_000
    private static let manyBlocks = 65_536

    /// The two ways to replace an agent.
    private enum Way: String, CaseIterable {
        case takeOver = "--take-over"
        case restart = "SIGTERM and start"
    }

    static func run(_ options: Options) throws {
        var series: [Series] = []
        var aims: [Aim] = []
        let rounds = options.rounds ?? 25
        for (blocks, rounds) in [(0, rounds), (manyBlocks, max(1, rounds / 5))] {
            let found = try measure(options.agent, blocks: blocks, rounds: rounds)
            series += found
            aims += [Aim(found[0], atMost: 5), Aim(found[1], atMost: 5)]
        }
        try Figures("handover", series, aims: aims).report(to: options.jsonDirectory)
    }

    private static func measure(_ binary: String, blocks: Int, rounds: Int) throws -> [Series] {
        var specification = LabSpecification.standard(name: Lab.uniqueName("bench"))
        specification.nodes.remove(at: 1)
        specification.hasSniffer = false
        let lab = try Lab.up(specification, agentBinary: binary)
        let cleanup = Cleanup.note { lab.down() }
        defer { Cleanup.undo(cleanup) }
        if blocks > 0 { try addBlocks(blocks, lab) }
        try lab.startAgents()
        for node in ["n1", "n3"] { try lab.waitReady(node, timeoutMilliseconds: 120_000) }
        guard try lab.ping(from: "w1", to: "w3").isComplete else { throw BenchmarkFailure("the tunnel does not work") }

        let suffix = blocks > 0 ? ", \(blocks) blocks" : ""
        var result: [Series] = []
        for way in Way.allCases {
            var outward = Series("lost outward, \(way.rawValue)\(suffix)", unit: "packets")
            var inward = Series("lost inward, \(way.rawValue)\(suffix)", unit: "packets")
            var silence = Series("longest silence, \(way.rawValue)\(suffix)")
            var rate = Series("packets a second each way, \(way.rawValue)\(suffix)", unit: "/s")
            for _ in 0..<rounds {
                let (there, back) = try replace(lab, way)
                outward.add(Double(there.lost))
                inward.add(Double(back.lost))
                silence.add(Double(max(there.longestSilence, back.longestSilence)) / 1e6)
                rate.add((there.packetsPerSecond + back.packetsPerSecond) / 2)
            }
            result += [outward, inward, silence, rate]
        }
        return result
    }

    /// One replacement of n1's agent under traffic both ways.
    private static func replace(_ lab: Lab, _ way: Way) throws -> (there: PacketTrain.Report, back: PacketTrain.Report)
    {
        let there = try PacketTrain(
            from: try lab.host("w1"), to: try lab.host("w3"), address: try lab.address(of: "w3"),
            packetsPerSecond: packetsPerSecond)
        let back = try PacketTrain(
            from: try lab.host("w3"), to: try lab.host("w1"), address: try lab.address(of: "w1"),
            packetsPerSecond: packetsPerSecond)
        try wait(there, back)
        let status: ExitStatus?
        switch way {
        case .takeOver: status = try lab.replaceAgent(on: "n1", timeoutMilliseconds: 60_000)
        case .restart:
            status = try lab.stopAgent(on: "n1")
            try lab.startAgent(on: "n1")
        }
        guard status?.isSuccess == true else { throw BenchmarkFailure("the former agent did not end well") }
        try lab.waitReady("n1", timeoutMilliseconds: 60_000)
        try wait(there, back)
        return (there.stop(), back.stop())
    }

    /// Waits for a margin of packets both ways.
    private static func wait(_ there: PacketTrain, _ back: PacketTrain) throws {
        let (first, second) = (there.received + margin, back.received + margin)
        for _ in 0..<10_000 where there.received < first || back.received < second {
            Monotonic.sleep(milliseconds: 1)
        }
        guard there.received >= first, back.received >= second else { throw BenchmarkFailure("no packets arrive") }
    }

    /// Gives n3 many blocks more, in a pool of their own.
    private static func addBlocks(_ count: Int, _ lab: Lab) throws {
        let pool = IPv4Prefix(containing: IPv4Address(rawValue: 0x0A40_0000), length: 10)
        let blocks = (0..<count).map { index in
            let address = IPv4Address(rawValue: 0x0A40_0000 + UInt32(index) << 6)
            return LabResource.block(IPv4Prefix(containing: address, length: 26), node: "n3").text
        }
        let resources = [LabResource.pool(PoolSpecification(name: "many", prefix: pool, ipipMode: .crossSubnet)).text]
        try TextFile.replace(
            "\(lab.clusterDirectory)/many.yaml", with: (resources + blocks).joined(separator: "---\n"))
    }
}
