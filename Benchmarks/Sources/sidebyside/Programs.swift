// The bpf tier's programs with few prefixes and with very many: what a packet costs, and what a change of the table does.

import BPF
import BenchmarkSupport
import CTunnelProgram
import Dataplane
import Net
import Overlay
import Packet

enum Programs {
    /// So many that neither packets nor what they look up stay in the caches.
    private static let packets = 20_000

    static func run(_ options: Options) throws {
        let rounds = options.rounds ?? 11
        let clusters = [
            try Tables("10 prefixes", SyntheticCluster(nodes: 10, blocks: 10)),
            try Tables("65,536 prefixes", SyntheticCluster.full),
        ]
        var costs = clusters.map { Series("poplin_in, \($0.name)", unit: "ns") }
        var changes = clusters.map { Series("a new table, \($0.name)") }
        for round in 0...rounds {
            // In turns, so that neither always comes after the other.
            for index in round % 2 == 0 ? [0, 1] : [1, 0] {
                let cluster = clusters[index]
                let (cost, change) = try cluster.measure()
                guard round > 0 else { continue }
                costs[index].add(cost)
                changes[index].add(change)
            }
        }
        let ratio = costs[1].ratio(to: costs[0], "poplin_in: 65,536 prefixes / 10")
        try Figures("programs", costs + [ratio] + changes).report(
            to: options.jsonDirectory, printing: costs + [ratio] + changes)
    }

    /// One cluster's table in programs of its own, and packets from all over it.
    private final class Tables {
        let name: String
        private let peers: [ProgramTable.Peer]
        private let prefixes: [(prefix: IPv4Prefix, peer: Int)]
        private let program: Program
        private let table: TableMap
        private let frames: [[UInt8]]

        init(_ name: String, _ cluster: SyntheticCluster) throws {
            let wanted = DesiredState(
                local: cluster.local, topology: Topology(cluster.state), facts: cluster.facts
            ).peers
            var settings = tunnel_settings()
            settings.local_address = cluster.local.address.address.rawValue.bigEndian
            settings.tunnel_link = 1
            var object = try ProgramObject.tunnel()
            try object.setReadOnlyData(settings)
            try object.load()
            let program = try object.program(named: "poplin_in")
            let table = try object.table(named: "tables")
            self.name = name
            peers = wanted.map { ProgramTable.Peer(TunnelEndpoint(outerAddress: $0.address)) }
            let prefixes = wanted.enumerated().flatMap { index, peer in
                peer.prefixes.map { (prefix: $0, peer: index) }
            }
            var random = SplitMix64(seed: 7)
            frames = (0..<packets).map { _ in
                let (prefix, peer) = prefixes[Int.random(in: 0..<prefixes.count, using: &random)]
                let source = IPv4Address(rawValue: prefix.address.rawValue + .random(in: 0..<64, using: &random))
                return Self.frame(from: wanted[peer].address, inner: source, to: cluster.local.address.address)
            }
            self.prefixes = prefixes
            self.program = program
            self.table = table
        }

        /// - Returns: nanoseconds a packet, as the kernel measures them; milliseconds for a table made and put in force.
        func measure() throws -> (cost: Double, change: Double) {
            var change = Series("")
            try change.time {
                try table.replace(with: ProgramTable(peers: peers, prefixes: prefixes).words)
            }
            var sum = 0.0
            for frame in frames {
                let run = try program.run(on: frame)
                // TC_ACT_REDIRECT: decapsulated, and sent on.
                guard run.result == 7 else { throw BenchmarkFailure("\(name): a packet ends as \(run.result)") }
                sum += run.nanoseconds
            }
            return (sum / Double(frames.count), change.median)
        }

        private static func frame(from outer: IPv4Address, inner: IPv4Address, to local: IPv4Address) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: 14 + 20 + 84)
            bytes[12] = 0x08
            var elements = bytes.mutableSpan
            var span = elements.mutableBytes
            IPv4Header(
                source: outer, destination: local, protocolNumber: IPProtocol.ipip, totalLength: 104,
                identification: 0, dontFragment: true, timeToLive: 64, typeOfService: 0
            ).write(to: &span, at: 14)
            IPv4Header(
                source: inner, destination: local, protocolNumber: IPProtocol.udp, totalLength: 84,
                identification: 0, dontFragment: true, timeToLive: 64, typeOfService: 0
            ).write(to: &span, at: 34)
            return bytes
        }
    }
}
