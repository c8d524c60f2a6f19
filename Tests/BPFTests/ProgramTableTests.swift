// The words for the programs, read as the header of the programs says, answer as the table of the packet path does.

import Dataplane
import Net
import Packet
import TestSupport
import Testing

@Suite struct ProgramTableTests {
    @Test func `Peers are found by inner and outer address as in the forwarding table`() {
        var random = SeededGenerator(seed: 99)
        for _ in 0..<30 {
            let peers = RandomPeers(&random, count: Int.random(in: 0...40, using: &random))
            let (forwarding, words) = (peers.forwarding, peers.program.words)
            #expect(words.count % 2 == 0)
            for _ in 0..<300 {
                let inner = peers.interestingInner(&random)
                let expected = forwarding.peer(forInner: inner).map { peers.peers[$0] }
                #expect(Self.peer(words, table: words[0], inner) == expected, "\(inner) in \(peers)")
            }
            for peer in peers.peers {
                #expect(Self.peer(words, table: words[1], peer.endpoint.outerAddress) == peer)
            }
            #expect(Self.peer(words, table: words[1], RandomPeers.stranger) == nil)
        }
    }

    @Test func `Of two peers with one address the first is found`() {
        let address = IPv4Address(rawValue: 0x0A00_0001)
        let peers = [
            ProgramTable.Peer(TunnelEndpoint(outerAddress: address)),
            ProgramTable.Peer(TunnelEndpoint(outerAddress: address), isLeftToAgent: true),
        ]
        let words = ProgramTable(peers: peers, prefixes: []).words
        #expect(Self.peer(words, table: words[1], address) == peers[0])
    }

    /// The record that a prefix table leads to.
    private static func peer(_ words: [UInt32], table base: UInt32, _ address: IPv4Address) -> ProgramTable.Peer? {
        guard let place = lookup(words, base: Int(base), address.rawValue) else { return nil }
        let record = words[Int(place)..<Int(place) + 3].map { $0 }
        return ProgramTable.Peer(
            TunnelEndpoint(
                outerAddress: IPv4Address(rawValue: record[0]),
                tunnelAddress: record[1] == 0 ? nil : IPv4Address(rawValue: record[1])),
            isLeftToAgent: record[2] == 1)
    }

    /// Written from the layout's description alone.
    private static func lookup(_ words: [UInt32], base: Int, _ address: UInt32) -> UInt32? {
        var (entry, used) = (words[base + Int(address >> 16)], UInt32(16))
        while entry > 0x8000_0000 {
            let (block, bits) = (base + Int(entry & 0x07FF_FFFF), entry >> 27 & 15)
            let rest = UInt32(truncatingIfNeeded: UInt64(address) << UInt64(used))
            if bits > 0 {
                entry = words[block + Int(rest >> (32 - bits))]
                used += bits
            } else {
                let ends = [words[block], words[block + 1]].flatMap { [$0 & 0xFFFF, $0 >> 16] }
                entry = words[block + 2 + ends.count { $0 < rest >> 16 }]
                break
            }
        }
        return entry == 0x8000_0000 ? nil : entry
    }
}
