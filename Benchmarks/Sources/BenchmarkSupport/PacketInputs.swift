// Packets in memory of their own, as the packet path has them: made of a few numbers, so that they are always the same.

private import Lab
private import Net
private import Packet

/// Packets that stay where they are as long as this value lives. For one thread at a time.
public final class PacketInputs: @unchecked Sendable {
    /// A workload's way through the tunnel at an underlay of 1500 bytes: 1480, less IPv4, TCP and its timestamps.
    public static let segmentSize = 1428
    /// Bytes of IPv4, TCP and its timestamps.
    public static let headerLength = 52

    /// Each packet, to be read and changed; it begins a line of the cache.
    public let all: [UnsafeMutableRawBufferPointer]
    private let memory: UnsafeMutableRawBufferPointer

    /// Copies packets.
    public init(_ packets: [[UInt8]]) {
        let sizes = packets.map { ($0.count + 63) & ~63 }
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(sizes.reduce(0, +), 64), alignment: 64)
        var start = 0
        all = zip(packets, sizes).map { packet, size in
            defer { start += size }
            let place = UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + packet.count])
            place.copyBytes(from: packet)
            return place
        }
        self.memory = memory
    }

    deinit {
        memory.deallocate()
    }

    /// `count` times `bytes` bytes of anything.
    public static func noise(_ count: Int, bytes: Int) -> PacketInputs {
        var random = SplitMix64(seed: 42)
        return PacketInputs((0..<count).map { _ in payload(bytes, using: &random) })
    }

    /// One TCP packet as a tunnel device hands it over: as long as possible, its checksum left to others.
    public static func superframe() -> PacketInputs {
        var random = SplitMix64(seed: 42)
        let payload = payload(65_535 / segmentSize * segmentSize, using: &random)
        return PacketInputs([tcp(from: workload(0), to: workload(1), sequence: 1, payload: payload, isFinished: false)])
    }

    /// Full TCP segments in the order of their sequence, of each flow in turn.
    public static func segments(_ count: Int, flows: Int) -> PacketInputs {
        var random = SplitMix64(seed: 42)
        return PacketInputs(
            (0..<count).map { index in
                tcp(
                    from: workload(index % flows), to: workload(flows), sequence: index / flows * segmentSize,
                    payload: payload(segmentSize, using: &random))
            })
    }

    /// Full TCP segments to or from all over a cluster.
    ///
    /// - Parameter outer: with an outer header from the peer that has the source to the cluster's first node; else plain
    ///   packets to the peers' workloads.
    public static func acrossCluster(_ settled: SettledCluster, _ count: Int, outer: Bool) -> PacketInputs {
        var random = SplitMix64(seed: 42)
        let blocks = settled.desired.peers.flatMap { peer in peer.prefixes.map { (prefix: $0, peer: peer.address) } }
        return PacketInputs(
            (0..<count).map { _ in
                let (prefix, peer) = blocks[Int.random(in: blocks.indices, using: &random)]
                let remote = IPv4Address(
                    rawValue: .random(in: prefix.address.rawValue...prefix.last.rawValue, using: &random))
                let payload = payload(segmentSize, using: &random)
                guard outer else { return tcp(from: workload(0), to: remote, sequence: 1, payload: payload) }
                return ForgedPacket.ipip(
                    source: peer, destination: settled.cluster.local.address.address,
                    inner: tcp(from: remote, to: workload(0), sequence: 1, payload: payload), dontFragment: true)
            })
    }

    private static func tcp(
        from source: IPv4Address, to destination: IPv4Address, sequence: Int, payload: [UInt8], isFinished: Bool = true
    ) -> [UInt8] {
        let number = UInt32(truncatingIfNeeded: sequence)
        // Port 12345 to 80; data offset 8 words, ACK, window; no-op, no-op, timestamps (RFC 7323).
        var segment: [UInt8] = [0x30, 0x39, 0, 80] + (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
        segment += [0, 0, 0, 1, 0x80, 0x10, 0xFF, 0xFF, 0, 0, 0, 0, 1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 8] + payload
        let pseudo = InternetChecksum.pseudoHeaderSum(
            source: source, destination: destination, protocolNumber: IPProtocol.tcp, length: UInt16(segment.count))
        let checksum = isFinished ? InternetChecksum.checksum(segment.span.bytes, adding: pseudo) : pseudo
        segment[16] = UInt8(checksum >> 8)
        segment[17] = UInt8(checksum & 0xFF)
        return ForgedPacket.ipv4(
            source: source, destination: destination, protocolNumber: IPProtocol.tcp, payload: segment,
            timeToLive: 63, dontFragment: true)
    }

    private static func payload(_ bytes: Int, using random: inout SplitMix64) -> [UInt8] {
        (0..<bytes).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    private static func workload(_ index: Int) -> IPv4Address { IPv4Address(rawValue: 0x0A40_0001 + UInt32(index)) }
}
