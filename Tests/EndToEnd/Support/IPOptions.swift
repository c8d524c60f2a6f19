// Options in the headers of packets that are made by hand.

import Net
import Testing

extension [UInt8] {
    /// A whole IPv4 packet with "no operation" options in its header, which then is 8 bytes longer; length and checksum
    /// are made right.
    func withOptions() -> [UInt8] {
        // Seven times "no operation" (1) and the end of the list (0).
        var packet = Array(self[..<20]) + [1, 1, 1, 1, 1, 1, 1, 0] + self[20...]
        packet[0] = 0x47
        (packet[2], packet[3]) = (UInt8(packet.count >> 8), UInt8(packet.count & 0xFF))
        (packet[10], packet[11]) = (0, 0)
        var sum: UInt32 = 0
        for place in stride(from: 0, to: 28, by: 2) { sum += UInt32(packet[place]) << 8 | UInt32(packet[place + 1]) }
        while sum > 0xFFFF { sum = sum >> 16 + sum & 0xFFFF }
        (packet[10], packet[11]) = (UInt8(~sum >> 8 & 0xFF), UInt8(~sum & 0xFF))
        return packet
    }
}
