// Segments to be merged, the writes that come of them, and a plain cut that takes each write apart again.

import Net
import Packet
import Testing

/// A TCP segment of ten bytes and two timestamps, by the fields of its headers; both checksums are right.
struct SegmentSpec {
    var source = ip("10.244.2.5")
    var destination = ip("10.244.7.7")
    var sourcePort: UInt16 = 12345
    var destinationPort: UInt16 = 80
    var sequence: UInt32 = 1000
    var acknowledgement: UInt32 = 2000
    var flags: UInt8 = 0x10
    var window: UInt16 = 0x0800
    var urgentPointer: UInt16 = 0
    var options: [UInt8] = [1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 8]
    var identification: UInt16 = 0x1234
    var flagsAndOffset: UInt16 = 0x4000
    var timeToLive: UInt8 = 63
    var typeOfService: UInt8 = 0x28
    var networkOptions: [UInt8] = []
    var payload: [UInt8] = Array("0123456789".utf8)

    var bytes: [UInt8] {
        var segment = bigEndian(sourcePort) + bigEndian(destinationPort)
        segment += bigEndian(sequence) + bigEndian(acknowledgement)
        segment += [UInt8(5 + options.count / 4) << 4, flags] + bigEndian(window) + [0, 0]
        segment += bigEndian(urgentPointer) + options + payload
        let packet = PacketSpec(
            source: source, destination: destination, protocolNumber: 6, timeToLive: timeToLive,
            typeOfService: typeOfService, identification: identification, flagsAndOffset: flagsAndOffset,
            options: networkOptions, payload: segment
        ).bytes
        return networkOptions.isEmpty ? checksummed(packet) : packet
    }

    /// The segment that comes next: as long, of other bytes, its identification counted up.
    var next: SegmentSpec {
        var result = self
        result.sequence &+= UInt32(payload.count)
        result.identification &+= 1
        result.payload = payload.map { $0 &+ 17 }
        return result
    }

    /// This segment and `count - 1` that follow it.
    func run(of count: Int) -> [SegmentSpec] {
        var result = [self]
        while result.count < count { result.append(result[result.count - 1].next) }
        return result
    }
}

/// A TCP packet without IP options, both checksums written anew.
func checksummed(_ packet: [UInt8]) -> [UInt8] {
    var packet = packet
    packet.replaceSubrange(10..<12, with: [0, 0])
    packet.replaceSubrange(10..<12, with: bigEndian(UInt16(0xFFFF - referenceSum(packet[..<20]))))
    packet.replaceSubrange(36..<38, with: [0, 0])
    let sum = referenceSum(packet[20...], adding: referencePseudoSum(packet))
    packet.replaceSubrange(36..<38, with: bigEndian(UInt16(0xFFFF - sum)))
    return packet
}

/// A packet as decapsulation hands it over.
struct Arrival {
    var packet: [UInt8]
    var offload = Offload.none
    var peer = 0
}

/// What goes to the device for one group.
struct Write {
    let positions: [Int]
    let bytes: [UInt8]
    let offload: Offload
    let announcedCount: Int
    let announcedLength: Int
}

func coalesce(_ arrivals: [Arrival], capacity: Int = 64) -> [Write] {
    var coalescer = TCPCoalescer(capacity: capacity)
    return coalesce(arrivals, with: &coalescer)
}

func coalesce(_ arrivals: [Arrival], with coalescer: inout TCPCoalescer) -> [Write] {
    coalescer.reset()
    for (position, arrival) in arrivals.enumerated() {
        let span = arrival.packet.span
        coalescer.add(span.bytes, offload: arrival.offload, peer: arrival.peer, at: position)
    }
    return (0..<coalescer.groupCount).map { index in
        let group = coalescer.group(index)
        var first = arrivals[group.first].packet
        var span = first.mutableSpan
        var raw = span.mutableBytes
        let offload = coalescer.finish(index, first: &raw)
        var bytes = Array(first[coalescer.bytes(at: group.first)])
        var positions = [group.first]
        while let next = coalescer.next(after: positions[positions.count - 1]) {
            bytes += arrivals[next].packet[coalescer.bytes(at: next)]
            positions.append(next)
        }
        return Write(
            positions: positions, bytes: bytes, offload: offload, announcedCount: group.count,
            announcedLength: group.length)
    }
}

func coalesce(_ segments: [SegmentSpec]) -> [Write] { coalesce(segments.map { Arrival(packet: $0.bytes) }) }

/// The positions of each write.
func groups(_ arrivals: [Arrival]) -> [[Int]] { coalesce(arrivals).map(\.positions) }

func groups(_ segments: [SegmentSpec]) -> [[Int]] { coalesce(segments).map(\.positions) }

/// Cuts a merged packet as the kernel does (net/ipv4/tcp_offload.c, `tcp_gso_segment`), the plain way.
func cut(_ packet: [UInt8], size: Int, headerLength: Int) -> [[UInt8]] {
    let payload = packet[headerLength...]
    return stride(from: 0, to: payload.count, by: size).enumerated().map { index, offset in
        let isLast = offset + size >= payload.count
        var segment = Array(packet[..<headerLength] + payload.dropFirst(offset).prefix(size))
        segment.replaceSubrange(2..<4, with: bigEndian(UInt16(segment.count)))
        let identification = UInt16(packet[4]) << 8 | UInt16(packet[5])
        segment.replaceSubrange(4..<6, with: bigEndian(identification &+ UInt16(index)))
        let sequence = packet[24..<28].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        segment.replaceSubrange(24..<28, with: bigEndian(sequence &+ UInt32(offset)))
        if !isLast { segment[33] &= ~0x09 }
        return checksummed(segment)
    }
}

/// With DF the identification means nothing: it is taken out, and with it the header checksum.
private func comparable(_ packet: [UInt8]) -> [UInt8] {
    guard packet.count >= 20, packet[6] & 0x40 != 0 else { return packet }
    return Array(packet[..<4] + packet[6..<10] + packet[12...])
}

/// Requires that the writes, cut, are the packets that arrived: each once, per flow in order, byte for byte.
func expectLossless(
    _ writes: [Write], _ arrivals: [Arrival], _ comment: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    func check(_ isRight: Bool, _ what: String) {
        #expect(isRight, "\(what) \(comment)", sourceLocation: sourceLocation)
    }
    var delivered: [Int] = []
    for write in writes {
        delivered += write.positions
        check(write.announcedCount == write.positions.count, "count")
        check(write.announcedLength == write.bytes.count, "length")
        guard write.bytes.count <= 65_535 else {
            check(false, "too long")
            continue
        }
        let originals = write.positions.map { arrivals[$0] }
        guard originals.count > 1 else {
            check(write.bytes == originals[0].packet && write.offload == originals[0].offload, "alone, untouched")
            continue
        }
        guard case .tcpSegments(let size, let headerLength, 20, false) = write.offload else {
            check(false, "offload \(write.offload)")
            continue
        }
        let field = Int(write.bytes[36]) << 8 | Int(write.bytes[37])
        check(write.bytes[2..<4] == ArraySlice(bigEndian(UInt16(write.bytes.count))), "total length")
        check(checksumIsRight(write.bytes[..<20]), "header checksum")
        check(field == referencePseudoSum(write.bytes), "partial checksum")
        let segments = cut(write.bytes, size: Int(size), headerLength: Int(headerLength))
        check(segments.map(comparable) == originals.map { comparable($0.packet) }, "cut again")
        check(Set(originals.map(\.peer)).count == 1, "one peer")
    }
    check(delivered.sorted() == Array(arrivals.indices), "each packet once")
    // Per flow: addresses and ports of everything that is TCP.
    var lastOfFlow: [[UInt8]: Int] = [:]
    for position in delivered {
        guard let flow = CoalescerModel.flow(arrivals[position].packet) else { continue }
        check(lastOfFlow[flow, default: -1] < position, "order")
        lastOfFlow[flow] = position
    }
}
