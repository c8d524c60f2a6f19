// What merging must decide, said another way: a segment joins where it is, byte for byte, the one that was foreseen.

import Packet

/// The groups of a turn by lists of arrays; any number of flows is remembered.
enum CoalescerModel {
    /// Addresses and ports of a whole TCP packet.
    static func flow(_ packet: [UInt8]) -> [UInt8]? {
        guard isIPv4(packet), packet[9] == 6, !isFragment(packet) else { return nil }
        let start = Int(packet[0] & 0xF) * 4
        guard packet.count >= start + 4 else { return nil }
        return Array(packet[12..<20] + packet[start..<start + 4])
    }

    /// The positions of each group.
    static func groups(_ arrivals: [Arrival]) -> [[Int]] {
        var groups: [[Int]] = []
        var open: [[UInt8]: Int] = [:]
        for (position, arrival) in arrivals.enumerated() {
            let packet = arrival.packet
            if isIPv4(packet), packet[9] == 6, isFragment(packet) {
                open = open.filter { $0.key[..<8] != packet[12..<20] }
            }
            guard let flow = flow(packet) else {
                groups.append([position])
                continue
            }
            let isCandidate = arrival.offload == .none && isSegment(packet)
            if isCandidate, let index = open[flow] {
                let members = groups[index].map { arrivals[$0] }
                if members[0].peer == arrival.peer, foresees(members.map(\.packet), packet) {
                    groups[index].append(position)
                    let isShort = packet.count < members[0].packet.count
                    if isShort || packet[33] & 0x09 != 0 { open[flow] = nil }
                    continue
                }
            }
            groups.append([position])
            let mayGrow = isCandidate && packet[33] & 0x09 == 0 && checksummed(packet) == packet
            open[flow] = mayGrow ? groups.count - 1 : nil
        }
        return groups
    }

    private static func isIPv4(_ packet: [UInt8]) -> Bool {
        guard packet.count >= 20, packet[0] >> 4 == 4, packet[0] & 0xF >= 5 else { return false }
        return Int(packet[0] & 0xF) * 4 <= packet.count && Int(packet[2]) << 8 | Int(packet[3]) == packet.count
    }

    private static func isFragment(_ packet: [UInt8]) -> Bool { packet[6] & 0x3F != 0 || packet[7] != 0 }

    private static func isSegment(_ packet: [UInt8]) -> Bool {
        guard packet[0] == 0x45, packet[6] & 0x80 == 0, packet.count > 40, packet[32] >> 4 >= 5 else { return false }
        let hasPayload = packet.count > 20 + Int(packet[32] >> 4) * 4
        return hasPayload && packet[33] & 0xB6 == 0x10 && packet[38] == 0 && packet[39] == 0
    }

    private static func foresees(_ members: [[UInt8]], _ packet: [UInt8]) -> Bool {
        let first = members[0]
        let headerLength = 20 + Int(first[32] >> 4) * 4
        let total = members.reduce(headerLength) { $0 + $1.count - headerLength }
        guard packet.count <= first.count, packet.count > headerLength,
            total + packet.count - headerLength <= 65_535
        else { return false }
        let isAtomic = first[6] & 0x40 != 0
        func identification(_ packet: [UInt8]) -> UInt16 { UInt16(packet[4]) << 8 | UInt16(packet[5]) }
        let counted = identification(first) &+ UInt16(members.count)
        // One identification for all, or one more each time; the second packet settles which.
        var allowed = [counted]
        if isAtomic { allowed = members.count == 1 ? [counted, identification(first)] : allowed }
        if members.count > 1, identification(members[1]) == identification(first) { allowed = [identification(first)] }

        return allowed.contains { identification in
            var foreseen = Array(first[..<headerLength] + packet[headerLength...])
            foreseen.replaceSubrange(2..<4, with: bigEndian(UInt16(foreseen.count)))
            foreseen.replaceSubrange(4..<6, with: bigEndian(identification))
            let sequence = first[24..<28].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            foreseen.replaceSubrange(24..<28, with: bigEndian(sequence &+ UInt32(total - headerLength)))
            foreseen[33] |= packet[33] & 0x09
            return checksummed(foreseen) == packet
        }
    }
}
