// What a network card does with a TCP superframe, written byte by byte from RFC 791 and RFC 9293 for the tests.

import Packet

/// A request to segment, as the device's 10 bytes carry it.
struct SegmentationRequest {
    var flags: UInt8 = 1
    var gsoType: UInt8 = 1
    var gsoSize = 1448
    var checksumStart = 20
    var checksumOffset = 16
    /// A hint that nobody may believe.
    var headerLength = 0

    var header: VirtioNetHeader {
        var header = VirtioNetHeader()
        header.flags = flags
        header.gsoType = gsoType
        header.gsoSize = UInt16(gsoSize)
        header.checksumStart = UInt16(checksumStart)
        header.checksumOffset = UInt16(checksumOffset)
        header.headerLength = UInt16(headerLength)
        return header
    }
}

/// Whole segments with headers, nil where the request does not fit the packet.
///
/// The packet's IP header is taken as parsed: version, header length and total length fit what is there.
func referenceSegments(_ packet: [UInt8], _ request: SegmentationRequest) -> [[UInt8]]? {
    let ipLength = Int(packet[0] % 16) * 4
    let totalLength = Int(packet[2]) * 256 + Int(packet[3])
    let isFragment = packet[6] & 0x3F != 0 || packet[7] != 0
    guard packet[9] == 6, !isFragment, totalLength == packet.count, packet.count >= ipLength + 20 else { return nil }
    guard request.gsoType == 0x01 || request.gsoType == 0x81, request.gsoSize > 0 else { return nil }
    if request.flags % 2 == 1, request.checksumStart != ipLength || request.checksumOffset != 16 { return nil }
    let tcpLength = Int(packet[ipLength + 12] / 16) * 4
    let headerLength = ipLength + tcpLength
    guard tcpLength >= 20, headerLength <= packet.count else { return nil }

    var remaining = Array(packet[headerLength...])
    var segments: [[UInt8]] = []
    var done = 0
    repeat {
        let payload = Array(remaining.prefix(request.gsoSize))
        remaining.removeFirst(payload.count)
        var segment = Array(packet[..<headerLength])
        let identification = (Int(packet[4]) * 256 + Int(packet[5]) + segments.count) % 65_536
        replace(&segment, at: 2, with: bigEndian(UInt16(headerLength + payload.count)))
        replace(&segment, at: 4, with: bigEndian(UInt16(identification)))
        let first = packet[ipLength + 4..<ipLength + 8].reduce(0) { $0 * 256 + Int($1) }
        replace(&segment, at: ipLength + 4, with: bigEndian(UInt32((first + done) % 4_294_967_296)))
        if !segments.isEmpty { segment[ipLength + 13] &= 0b0111_1111 }
        if !remaining.isEmpty { segment[ipLength + 13] &= 0b1111_0110 }
        segments.append(withChecksums(segment + payload, ipLength: ipLength))
        done += payload.count
    } while !remaining.isEmpty
    return segments
}

/// A TCP packet with both checksums computed from nothing.
func withChecksums(_ packet: [UInt8], ipLength: Int) -> [UInt8] {
    var packet = packet
    replace(&packet, at: 10, with: [0, 0])
    replace(&packet, at: 10, with: bigEndian(UInt16(0xFFFF - referenceSum(packet[..<ipLength]))))
    replace(&packet, at: ipLength + 16, with: [0, 0])
    let pseudo = Array(packet[12..<20]) + [0, 6] + bigEndian(UInt16(packet.count - ipLength))
    let sum = referenceSum(packet[ipLength...], adding: referenceSum(pseudo))
    replace(&packet, at: ipLength + 16, with: bigEndian(UInt16(0xFFFF - sum)))
    return packet
}

private func replace(_ bytes: inout [UInt8], at offset: Int, with new: [UInt8]) {
    bytes.replaceSubrange(offset..<offset + new.count, with: new)
}
