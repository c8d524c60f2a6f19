// Inputs for the fuzz targets: packets that are right or were captured, then broken in a few places or put together anew.

import Net
import Packet
import TestSupport

struct FuzzGenerator {
    var random: SeededGenerator
    private let corpus: [[UInt8]]
    /// Values that stand on a border somewhere in a header.
    private static let borders: [UInt8] = [
        0, 1, 2, 3, 4, 6, 17, 19, 20, 21, 40, 0x40, 0x43, 0x45, 0x46, 0x4F, 0x50, 0x7F, 0x80, 0xFF,
    ]
    private static let sources = [
        "10.244.2.5", "10.244.2.17", "10.244.3.9", "10.244.9.1", "10.0.0.2", "10.0.0.1", "192.0.2.3", "8.8.8.8",
        "224.0.0.1", "127.0.0.1",
    ]
    private static let peers = [Cluster.first, Cluster.first, Cluster.first, Cluster.second, ip("10.0.0.4")]

    init(seed: UInt64) throws {
        random = SeededGenerator(seed: seed)
        corpus = try Captures.all()
    }

    mutating func input(for target: FuzzTarget) -> [UInt8] {
        switch target {
        case .header:
            let offset = number(0...3) * 20
            return [UInt8(offset)] + bytes(0...offset) + mutated(packet())
        case .icmpError:
            return mutated(message())
        case .unreachable:
            return [byte(), byte(), byte(), random.oneIn(4) ? byte() : 0xFF] + mutated(packet())
        case .checksum:
            let packet = packet()
            return request(for: packet) + mutated(packet)
        case .outward:
            let packet = mutated(random.oneIn(3) ? segment().bytes : outgoing())
            return [byte()] + request(for: packet) + packet
        case .inward:
            return InwardModel.Batch.encode(settings: random.oneIn(2) ? 0 : byte(), batch())
        }
    }

    // MARK: Packets

    /// An inner packet.
    private mutating func packet() -> [UInt8] {
        switch number(0...6) {
        case 0: return segment().bytes
        case 1:
            return transportPacket(
                protocolNumber: random.oneIn(2) ? 6 : 17, dataLength: number(0...300), isPartial: random.oneIn(2))
        case 2: return tunnelled(PacketSpec().bytes, from: Cluster.first, to: Cluster.local)
        case 3, 4: return Array((corpus.randomElement(using: &random) ?? []).dropFirst(20))
        default:
            return PacketSpec(
                source: ip(Self.sources.randomElement(using: &random) ?? ""), destination: destination(),
                protocolNumber: random.oneIn(3) ? 1 : byte(), timeToLive: UInt8(number(0...3)),
                typeOfService: byte(),
                flagsAndOffset: random.oneIn(4) ? UInt16.random(in: 0...0xFFFF, using: &random) : 0,
                options: [UInt8](repeating: 1, count: 4 * number(0...2)), payload: bytes(0...60)
            ).bytes
        }
    }

    /// An inner packet that has a peer.
    private mutating func outgoing() -> [UInt8] {
        var packet = packet()
        if packet.count >= 20, !random.oneIn(8) {
            packet.replaceSubrange(16..<20, with: bigEndian(destination().rawValue))
        }
        return packet
    }

    private mutating func destination() -> IPv4Address {
        let others = ["10.244.2.5", "10.244.3.9", "10.244.7.7", "10.0.0.1", "192.0.2.3", "192.0.2.77", "239.1.1.1"]
        return ip(others.randomElement(using: &random) ?? "")
    }

    /// An ICMP message about a datagram, or a captured one.
    private mutating func message() -> [UInt8] {
        if random.oneIn(4) { return Array((corpus.randomElement(using: &random) ?? []).dropFirst(20)) }
        let datagram = tunnelled(packet(), options: [UInt8](repeating: 1, count: random.oneIn(4) ? 8 : 0))
        let mtu = UInt16.random(in: 0...(random.oneIn(2) ? 100 : 0xFFFF), using: &random)
        return [[3, 4, 5, 11, 12, 8].randomElement(using: &random) ?? 3, UInt8(number(0...5)), 0, 0, 0, 0]
            + (random.oneIn(3) ? [0, 0] : bigEndian(mtu)) + datagram.prefix(number(0...100))
    }

    /// The device's 10 bytes: nothing, or a request that fits, or one that nearly does.
    private mutating func request(for packet: [UInt8]) -> [UInt8] {
        let start = packet.isEmpty ? 20 : Int(packet[0] % 16) * 4
        let isTCP = packet.count > 9 && packet[9] == 6
        var header: [UInt8] = [
            1, isTCP && random.oneIn(2) ? 1 : 0, 0, 0, UInt8(number(1...255)), UInt8(random.oneIn(4) ? 1 : 0),
            UInt8(start), 0,
            isTCP ? 16 : 6, 0,
        ]
        if random.oneIn(4) { header = [UInt8](repeating: 0, count: 10) }
        if header[1] == 1, random.oneIn(3) { header[1] = 0x81 }
        if random.oneIn(6) { header[number(0...9)] = border() }
        return header
    }

    // MARK: Batches

    /// Trains of segments of some flows, and other datagrams among them.
    private mutating func batch() -> [[UInt8]] {
        if random.oneIn(3) { return (0..<number(1...6)).map { _ in mutatedDatagram() } }
        var trains: [[[UInt8]]] = []
        for _ in 0..<(random.oneIn(20) ? 40 : number(1...3)) { trains.append(train(of: number(1...6))) }
        var batch: [[UInt8]] = []
        while let index = trains.indices.randomElement(using: &random), batch.count < InwardModel.Batch.limit {
            if random.oneIn(10) { batch.append(mutatedDatagram()) }
            batch.append(trains[index].removeFirst())
            if trains[index].isEmpty { trains.remove(at: index) }
        }
        return batch
    }

    /// Consecutive segments of one flow, some of them changed, lost, repeated or out of order.
    private mutating func train(of count: Int) -> [[UInt8]] {
        var first = segment()
        first.payload = bytes(1...(random.oneIn(6) ? 700 : 40))
        let fixedIdentification = random.oneIn(3)
        var segments = [first]
        while segments.count < count {
            // One of another length, from whose end the flow goes on.
            var next = segments[segments.count - 1].next
            if random.oneIn(6) { next.payload = bytes(1...first.payload.count + 2) }
            segments.append(next)
        }
        for index in segments.indices {
            if fixedIdentification { segments[index].identification = first.identification }
            guard random.oneIn(5) else { continue }
            switch number(0...9) {
            case 0: segments[index].flags |= [0x01, 0x08, 0x09, 0x02, 0x04, 0x20, 0x40, 0x80][number(0...7)]
            case 1: segments[index].acknowledgement &+= 1
            case 2: segments[index].window &+= 1
            case 3: segments[index].typeOfService = byte()
            case 4: segments[index].timeToLive = UInt8(number(0...255))
            case 5: segments[index].options = segments[index].options.map { $0 ^ 8 }
            case 6: segments[index].identification &+= 1
            case 7: segments[index].payload.removeLast(number(0...segments[index].payload.count))
            case 8: segments[index].sequence &+= UInt32(number(0...3))
            default: segments[index].flagsAndOffset = [0, 0x4000, 0x8000, 0x2000, 0x0001][number(0...4)]
            }
        }
        if random.oneIn(6) { segments.swapAt(number(0...count - 1), number(0...count - 1)) }
        if random.oneIn(8), count > 1 { segments.remove(at: number(0...count - 1)) }
        if random.oneIn(8) { segments.append(segments[number(0...segments.count - 1)]) }
        return segments.map { segment in
            let outer = random.oneIn(8) ? byte() : segment.typeOfService
            let datagram = tunnelled(segment.bytes, typeOfService: outer)
            return random.oneIn(12) ? mutated(datagram) : datagram
        }
    }

    private mutating func segment() -> SegmentSpec {
        var segment = SegmentSpec()
        segment.sourcePort = UInt16(number(1...3))
        segment.destination = random.oneIn(4) ? ip("10.244.3.9") : segment.destination
        segment.sequence = random.oneIn(4) ? 0xFFFF_FFF0 : UInt32(number(0...3))
        segment.identification = random.oneIn(4) ? 0xFFFE : 1
        segment.flagsAndOffset = random.oneIn(3) ? 0 : 0x4000
        segment.typeOfService = random.oneIn(3) ? UInt8(number(0...3)) : 0
        if random.oneIn(4) { segment.options = [] }
        if random.oneIn(8) { segment.networkOptions = [1, 1, 1, 0] }
        if random.oneIn(4) { segment.payload = bytes(0...600) }
        return segment
    }

    /// A datagram to this node, captured or made, and then perhaps broken.
    private mutating func mutatedDatagram() -> [UInt8] {
        var datagram: [UInt8]
        switch number(0...7) {
        case 0...3:
            datagram = corpus.randomElement(using: &random) ?? []
            if random.oneIn(2) { datagram = splice(datagram) }
            // The answers among them went the other way.
            if datagram.count >= 20, !random.oneIn(8) {
                datagram.replaceSubrange(
                    12..<20, with: bigEndian(Cluster.first.rawValue) + bigEndian(Cluster.local.rawValue))
            }
            if datagram.count >= 40, random.oneIn(2) {
                datagram.replaceSubrange(32..<36, with: bigEndian(ip("10.244.2.5").rawValue))
            }
        case 4:
            datagram = tunnelled(tunnelled(packet()), typeOfService: byte())
        case 5 where random.oneIn(30):
            datagram = tunnelled(
                transportPacket(protocolNumber: 6, dataLength: number(60_000...65_000), isPartial: random.oneIn(2)))
        default:
            datagram = tunnelled(
                packet(), from: Self.peers.randomElement(using: &random) ?? .any, typeOfService: byte(),
                options: [UInt8](repeating: 1, count: 4 * number(0...2)))
        }
        return random.oneIn(4) ? datagram : mutated(datagram)
    }

    /// The front of one capture and the back of another.
    private mutating func splice(_ front: [UInt8]) -> [UInt8] {
        let back = corpus.randomElement(using: &random) ?? []
        return Array(front.prefix(number(0...min(60, front.count))) + back.suffix(number(0...min(1500, back.count))))
    }

    // MARK: Breaking

    private mutating func mutated(_ packet: [UInt8]) -> [UInt8] {
        var packet = packet
        for _ in 0..<number(0...4) where !packet.isEmpty {
            let index = number(0...min(packet.count, 72) - 1)
            switch number(0...6) {
            case 0: packet[index] ^= 1 << UInt8(number(0...7))
            case 1: packet[index] = border()
            case 2: packet[index] = byte()
            case 3: packet.removeLast(min(packet.count, number(1...30)))
            case 4: packet += bytes(1...4)
            case 5: packet.swapAt(index, number(0...packet.count - 1))
            default: packet.replaceSubrange(index..<packet.count, with: packet[index...].reversed())
            }
        }
        if random.oneIn(2) { mend(&packet, at: 0) }
        if random.oneIn(2) { mend(&packet, at: 20) }
        return packet
    }

    /// Lengths and checksums as the rest has them, so that what was broken is not turned away for them alone.
    private mutating func mend(_ packet: inout [UInt8], at offset: Int) {
        guard packet.count >= offset + 20, packet.count - offset <= 0xFFFF, packet[offset] / 16 == 4 else { return }
        let headerLength = Int(packet[offset] % 16) * 4
        packet.replaceSubrange(offset + 2..<offset + 4, with: bigEndian(UInt16(packet.count - offset)))
        guard headerLength >= 20, packet.count >= offset + headerLength else { return }
        packet.replaceSubrange(offset + 10..<offset + 12, with: [0, 0])
        let sum = referenceSum(packet[offset..<offset + headerLength])
        packet.replaceSubrange(offset + 10..<offset + 12, with: bigEndian(UInt16(0xFFFF - sum)))
        guard packet[offset + 9] == 6, packet.count >= offset + headerLength + 20 else { return }
        let inner = withChecksums(Array(packet[offset...]), ipLength: headerLength)
        packet.replaceSubrange(offset..<packet.count, with: inner)
    }

    // MARK: Numbers

    private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
    private mutating func byte() -> UInt8 { UInt8.random(in: 0...255, using: &random) }
    private mutating func border() -> UInt8 { Self.borders.randomElement(using: &random) ?? 0 }
    private mutating func bytes(_ count: ClosedRange<Int>) -> [UInt8] {
        // Whole words where there are many: noise is cheap to make then.
        let length = number(count)
        var result: [UInt8] = []
        while result.count < length { result += bigEndian(random.next()) }
        return Array(result.prefix(length))
    }
}
