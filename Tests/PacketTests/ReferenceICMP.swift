// ICMP about the tunnel and from it once more, byte by byte from RFC 792, 1122, 1191 and 2003, for the fuzz tests.

import Net
import Packet

enum ReferenceICMP {
    /// What a message tells about one of our packets, and what is passed on of it.
    struct Quotation: Equatable {
        var innerOffset: Int
        var innerSource: IPv4Address?
        var outerDestination: IPv4Address
        var outerPathMTU: UInt16?
        var code: UInt8?
        var nextHopMTU: UInt16?
    }

    private static let errors: [UInt8] = [3, 4, 5, 11, 12]

    /// Reads an error about an IP-in-IP packet; nil for everything else.
    static func error(_ message: [UInt8]) -> Quotation? {
        guard message.count >= 28, errors.contains(message[0]) else { return nil }
        let outer = message[8...]
        let headerLength = Int(message[8] % 16) * 4
        guard message[8] / 16 == 4, headerLength >= 20, 8 + headerLength <= message.count, message[17] == 4,
            message[14] & 0x1F == 0, message[15] == 0
        else { return nil }
        let inner = outer.dropFirst(headerLength)
        var quotation = Quotation(
            innerOffset: inner.startIndex, outerDestination: address(outer.dropFirst(16).prefix(4)))
        if inner.count >= 20, message[inner.startIndex] / 16 == 4, message[inner.startIndex] % 16 >= 5 {
            quotation.innerSource = address(inner.dropFirst(12).prefix(4))
        }
        switch (message[0], message[1]) {
        case (3, 0), (3, 6), (3, 9), (3, 11): (quotation.code, quotation.nextHopMTU) = (0, 0)
        case (3, 1), (3, 2), (3, 7), (3, 10), (3, 12), (3, 13), (11, _): (quotation.code, quotation.nextHopMTU) = (1, 0)
        case (3, 4):
            var mtu = Int(message[6]) * 256 + Int(message[7])
            if mtu == 0 {
                let length = Int(message[10]) * 256 + Int(message[11])
                mtu = [32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296].first { $0 < length } ?? 68
            }
            quotation.outerPathMTU = UInt16(max(mtu, 68))
            (quotation.code, quotation.nextHopMTU) = (4, UInt16(max(mtu - 20, 68)))
        default: break
        }
        return quotation
    }

    /// The whole packet with a destination unreachable about `packet`, of which the end may be missing; nil where there
    /// must be none or no room.
    static func unreachable(_ code: UInt8, mtu: UInt16, about packet: [UInt8], room: Int) -> [UInt8]? {
        guard packet.count >= 20, packet[0] / 16 == 4 else { return nil }
        let total = Int(packet[2]) * 256 + Int(packet[3])
        let headerLength = Int(packet[0] % 16) * 4
        guard headerLength >= 20, headerLength <= min(total, packet.count) else { return nil }
        if packet[6] & 0x1F != 0 || packet[7] != 0 { return nil }
        if [0, 127].contains(packet[12]) || packet[12] >= 224 { return nil }
        if 224...239 ~= packet[16] || packet[16] == 255 || packet[16] >= 240 { return nil }
        let present = min(total, packet.count)
        if packet[9] == 1, present == headerLength || errors.contains(packet[headerLength]) { return nil }
        let quoted = min(present, min(room, 576) - 28)
        guard quoted >= min(total, headerLength + 8) else { return nil }

        var message: [UInt8] = [3, code, 0, 0, 0, 0] + (code == 4 ? bigEndian(mtu) : [0, 0]) + packet[..<quoted]
        message.replaceSubrange(2..<4, with: bigEndian(UInt16(0xFFFF - referenceSum(message))))
        return PacketSpec(
            source: Cluster.local, destination: address(packet[12..<16]), protocolNumber: 1, timeToLive: 64,
            typeOfService: 0xC0, identification: 7, payload: message
        ).bytes
    }

    private static func address(_ bytes: ArraySlice<UInt8>) -> IPv4Address {
        IPv4Address(rawValue: bytes.reduce(0) { $0 << 8 | UInt32($1) })
    }
}
