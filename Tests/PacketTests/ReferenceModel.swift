// The inward step once more, simple and slow and from the text of the conformance list: the fuzz test's second opinion.

import Net
import Packet

/// What should happen to a datagram: the reason it is dropped, or the bytes that reach the inside and the peer.
enum ReferenceOutcome: Equatable {
    case drop(DropReason)
    case packet([UInt8], peer: Int)
}

/// Peers and prefixes as plain lists.
struct ReferenceModel {
    var local: IPv4Address
    var peers: [[IPv4Address]]  // outer address first, then the others that it may speak as
    var prefixes: [(IPv4Prefix, Int)]
    var acceptsForeignSources: Bool

    static func cluster(acceptsForeignSources: Bool) -> ReferenceModel {
        ReferenceModel(
            local: Cluster.local,
            peers: [[Cluster.first, Cluster.first, ip("10.244.9.1")], [Cluster.second, ip("192.0.2.3")]],
            prefixes: [
                (prefix("10.244.2.0/26"), 0), (prefix("10.244.2.16/28"), 1), (prefix("10.244.3.0/26"), 1),
                (prefix("192.0.2.0/24"), 1),
            ], acceptsForeignSources: acceptsForeignSources)
    }

    func outcome(_ datagram: [UInt8]) -> ReferenceOutcome {
        if let reason = Self.headerDefect(datagram) { return .drop(reason) }
        let outer = Array(datagram[..<number(datagram, 2, 2)])
        if outer[9] != 4 { return .drop(.notIPIP) }
        if address(outer, 16) != local { return .drop(.notForUs) }
        if number(outer, 6, 2) & 0x3FFF != 0 { return .drop(.outerFragment) }
        var inner = Array(outer[(Int(outer[0] & 15) * 4)...])
        if inner.count < 20 { return .drop(.badTotalLength) }
        guard let peer = peers.firstIndex(where: { $0[0] == address(outer, 12) }) else {
            return .drop(.unknownOuterSource)
        }
        if let reason = Self.headerDefect(inner) { return .drop(reason) }
        inner = Array(inner[..<number(inner, 2, 2)])
        if inner[8] == 0 { return .drop(.ttlZero) }
        if !acceptsForeignSources || inner[9] == 4, !owns(peer, address(inner, 12)) {
            return .drop(.innerSourceNotOfPeer)
        }
        if inner[9] == 4, address(inner, 16) == local { return .drop(.recursion) }
        return congestion(outer: outer[1] & 3, inner, peer: peer)
    }

    /// What is wrong with an IPv4 header at the front of `bytes`.
    static func headerDefect(_ bytes: [UInt8]) -> DropReason? {
        if bytes.count < 20 { return .truncated }
        if bytes[0] / 16 != 4 { return .notIPv4 }
        let headerLength = Int(bytes[0] % 16) * 4
        let total = Int(bytes[2]) * 256 + Int(bytes[3])
        if headerLength < 20 { return .badHeaderLength }
        if total < 20 { return .badTotalLength }
        if headerLength > total { return .badHeaderLength }
        return total > bytes.count ? .truncated : nil
    }

    private func owns(_ peer: Int, _ source: IPv4Address) -> Bool {
        self.peer(of: source) == peer || peers[peer].dropFirst().contains(source)
    }

    /// Whose prefix is the longest that holds an inner address.
    func peer(of address: IPv4Address) -> Int? {
        prefixes.filter { $0.0.contains(address) }.max { $0.0.length < $1.0.length }?.1
    }

    /// The checksum here is mended by summing the difference as whole numbers modulo 0xFFFF.
    private func congestion(outer: UInt8, _ packet: [UInt8], peer: Int) -> ReferenceOutcome {
        var inner = packet
        let before = inner[1]
        if outer == 3 {
            if before & 3 == 0 { return .drop(.ecnIllegalCombination) }
            inner[1] = before | 3
        } else if outer == 1, before & 3 == 2 {
            inner[1] = before & 0xFC | 1
        }
        if inner[1] != before {
            let sum = 0xFFFF - number(inner, 10, 2)
            var mended = (sum - Int(before) + Int(inner[1]) + 0xFFFF) % 0xFFFF
            // A header's sum is never plus zero: its first word is not.
            if mended == 0 { mended = 0xFFFF }
            inner.replaceSubrange(10..<12, with: bigEndian(UInt16(0xFFFF - mended)))
        }
        return .packet(inner, peer: peer)
    }

    private func number(_ bytes: [UInt8], _ offset: Int, _ length: Int) -> Int {
        bytes[offset..<offset + length].reduce(0) { $0 * 256 + Int($1) }
    }

    private func address(_ bytes: [UInt8], _ offset: Int) -> IPv4Address {
        IPv4Address(rawValue: UInt32(number(bytes, offset, 4)))
    }
}
