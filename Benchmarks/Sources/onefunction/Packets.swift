// What becomes of one packet: the steps of the userspace tier, without its system calls.

import BenchmarkSupport
import Dataplane
import Net
import Packet

extension MeasuredFunction {
    static var packets: [MeasuredFunction] {
        [
            checksum("checksum-header", bytes: 20), checksum("checksum-packet", bytes: 1480),
            segmentation, coalescing("coalescing", flows: 1), coalescing("coalescing-4-flows", flows: 4),
            encapsulate("encapsulate", nodes: 5000, blocks: 65_536),
            encapsulate("encapsulate-10", nodes: 10, blocks: 10),
            decapsulate("decapsulate", nodes: 5000, blocks: 65_536),
            decapsulate("decapsulate-10", nodes: 10, blocks: 10),
        ]
    }

    private static func checksum(_ name: String, bytes: Int) -> MeasuredFunction {
        MeasuredFunction(name: name, unit: "\(bytes) bytes", operations: 64, calls: 1000) {
            let inputs = PacketInputs.noise(64, bytes: bytes)
            return {
                var sum: UInt64 = 0
                for packet in inputs.all { sum &+= UInt64(InternetChecksum.checksum(packet.bytes)) }
                return sum
            }
        }
    }

    private static var segmentation: MeasuredFunction {
        MeasuredFunction(
            name: "segmentation", unit: "segment of 1480 bytes", operations: 45, calls: 100
        ) {
            let inputs = PacketInputs.superframe()
            let scratch = PacketInputs([[UInt8](repeating: 0, count: PacketInputs.headerLength)])
            let request = VirtioNetHeader(
                .tcpSegments(
                    size: UInt16(PacketInputs.segmentSize), headerLength: UInt16(PacketInputs.headerLength),
                    checksumStart: 20, congestionWindowReduced: false))
            return {
                let packet = inputs.all[0].bytes
                guard case .success(let header) = IPv4Header.parse(packet),
                    case .success(let plan) = TCPSegmentation.plan(packet, header, request), plan.count == 45
                else { throw BenchmarkFailure("the superframe is not cut into 45") }
                var sum: UInt64 = 0
                var bytes = MutableRawSpan(_unsafeBytes: scratch.all[0])
                for index in 0..<plan.count {
                    plan.writeHeader(index, of: packet, to: &bytes, at: 0)
                    sum &+= UInt64(scratch.all[0].loadUnaligned(fromByteOffset: 36, as: UInt16.self))
                }
                return sum
            }
        }
    }

    private static func coalescing(_ name: String, flows: Int) -> MeasuredFunction {
        let count = 44
        return MeasuredFunction(
            name: name, unit: "segment of 1480 bytes, \(flows == 1 ? "one flow" : "\(flows) in turns")",
            operations: count, calls: 100
        ) {
            let turn = CoalescingTurn(PacketInputs.segments(count, flows: flows))
            return {
                guard turn.run() == flows else { throw BenchmarkFailure("not one write a flow") }
                return UInt64(flows)
            }
        }
    }

    private static func encapsulate(_ name: String, nodes: Int, blocks: Int) -> MeasuredFunction {
        MeasuredFunction(
            name: name, unit: "packet, \(blocks) prefixes", operations: 256, calls: 200
        ) {
            let settled = try SettledCluster(SyntheticCluster(nodes: nodes, blocks: blocks))
            let table = ForwardingTable(settled.desired.peers)
            let inputs = PacketInputs.acrossCluster(settled, 256, outer: false)
            let scratch = PacketInputs([[UInt8](repeating: 0, count: Encapsulator.overhead)])
            let encapsulator = Encapsulator(
                settings: Encapsulator.Settings(localAddress: settled.cluster.local.address.address))
            return {
                var sum: UInt64 = 0
                var bytes = MutableRawSpan(_unsafeBytes: scratch.all[0])
                // A copy of the step, or every access to it would be checked for exclusivity.
                var step = encapsulator
                for packet in inputs.all {
                    guard case .success(let header) = IPv4Header.parse(packet.bytes),
                        case .success(let peer) = step.peer(for: header, table: table)
                    else { throw BenchmarkFailure("a packet has no peer") }
                    step.outerHeader(
                        for: header, innerLength: header.totalLength, to: table.peers[peer].outerAddress
                    ).write(to: &bytes)
                    sum &+= UInt64(scratch.all[0].loadUnaligned(fromByteOffset: 16, as: UInt32.self))
                }
                return sum
            }
        }
    }

    private static func decapsulate(_ name: String, nodes: Int, blocks: Int) -> MeasuredFunction {
        MeasuredFunction(
            name: name, unit: "packet, \(blocks) prefixes", operations: 256, calls: 200
        ) {
            let settled = try SettledCluster(SyntheticCluster(nodes: nodes, blocks: blocks))
            let table = ForwardingTable(settled.desired.peers)
            let inputs = PacketInputs.acrossCluster(settled, 256, outer: true)
            let decapsulator = Decapsulator(
                settings: Decapsulator.Settings(localAddress: settled.cluster.local.address.address, deviceMTU: 1480))
            return {
                var sum: UInt64 = 0
                for packet in inputs.all {
                    var datagram = MutableRawSpan(_unsafeBytes: packet)
                    guard case .deliver(_, _, let peer, .none) = decapsulator.decapsulate(&datagram, table: table)
                    else { throw BenchmarkFailure("a packet is not delivered") }
                    sum &+= UInt64(peer)
                }
                return sum
            }
        }
    }
}

/// One turn's packets, added and finished as the inward path does, and put back as they were.
private final class CoalescingTurn {
    private let inputs: PacketInputs
    private let headers: PacketInputs
    private var coalescer: TCPCoalescer

    init(_ inputs: PacketInputs) {
        self.inputs = inputs
        headers = PacketInputs(inputs.all.map { Array($0.prefix(PacketInputs.headerLength)) })
        coalescer = TCPCoalescer(capacity: inputs.all.count)
    }

    /// - Returns: how many groups it made.
    func run() -> Int {
        coalescer.reset()
        for (index, packet) in inputs.all.enumerated() {
            coalescer.add(packet.bytes, offload: .none, peer: 0, at: index)
        }
        for index in 0..<coalescer.groupCount {
            let first = coalescer.group(index).first
            var packet = MutableRawSpan(_unsafeBytes: inputs.all[first])
            _ = coalescer.finish(index, first: &packet)
            inputs.all[first].copyMemory(from: UnsafeRawBufferPointer(headers.all[first]))
        }
        return coalescer.groupCount
    }
}
