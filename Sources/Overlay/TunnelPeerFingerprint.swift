// A short name for a list of peers, so that an agent can say which list is in force without giving it out.

internal import Net

extension TunnelPeer {
    /// A hash that is the same in every process for the same peers in the same order (FNV-1a, 64 bits, hexadecimal).
    public static func fingerprint(_ peers: [TunnelPeer]) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func mix(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        func mix(_ word: UInt32) { for shift in stride(from: 0, to: 32, by: 8) { mix(UInt8(word >> shift & 255)) } }
        for peer in peers {
            for byte in peer.name.utf8 { mix(byte) }
            mix(peer.address.rawValue)
            mix(peer.tunnelAddress?.rawValue ?? 0)
            mix(UInt32(peer.prefixes.count))
            for prefix in peer.prefixes {
                mix(prefix.address.rawValue)
                mix(prefix.length)
            }
        }
        return String(hash, radix: 16)
    }
}
