// Lookups by inner and outer address, the names of drop reasons, and counters across tables.

import Net
import Packet
import TestSupport
import Testing

@Suite struct ForwardingTableTests {
    @Test("D3: among many peers each is found by its outer address and no other address is")
    func manyPeers() {
        var random = SeededGenerator(seed: 3)
        // Subnets in a row and addresses at random, the two ends of what hashing meets.
        var addresses = (0..<2000).map { IPv4Address(rawValue: 0x0A00_0000 + UInt32($0)) }
        addresses += (0..<2000).map { _ in
            IPv4Address(rawValue: UInt32.random(in: 0x2000_0000...UInt32.max, using: &random))
        }
        addresses = Array(Set(addresses)).sorted()
        let table = ForwardingTable(peers: addresses.map { TunnelEndpoint(outerAddress: $0) }, prefixes: [])
        for (index, address) in addresses.enumerated() { #expect(table.peer(forOuter: address) == index) }
        let known = Set(addresses)
        for _ in 0..<5000 {
            let address = IPv4Address(rawValue: UInt32.random(in: 0...UInt32.max, using: &random))
            if !known.contains(address) { #expect(table.peer(forOuter: address) == nil) }
        }
    }

    @Test func anEmptyTableKnowsNobody() {
        let table = ForwardingTable(peers: [], prefixes: [])
        #expect(table.peer(forOuter: .any) == nil && table.peer(forInner: .any) == nil)
        #expect(table.peer(forOuter: ip("255.255.255.255")) == nil)
    }

    @Test func ofTwoPeersWithOneAddressTheFirstIsFound() {
        let twin = TunnelEndpoint(outerAddress: Cluster.first)
        let table = ForwardingTable(peers: [twin, twin], prefixes: [(prefix: prefix("10.1.0.0/16"), peer: 7)])
        #expect(table.peer(forOuter: Cluster.first) == 0)
        #expect(table.peer(forInner: ip("10.1.2.3")) == nil, "an index that is no peer's leads nowhere")
    }

    @Test func dropReasonsKeepTheirNames() {
        #expect(
            DropReason.allCases.map(\.name) == [
                "truncated", "notIPv4", "badHeaderLength", "badTotalLength", "notIPIP", "notForUs", "outerFragment",
                "unknownOuterSource", "innerSourceNotOfPeer", "ttlZero", "ecnIllegalCombination", "recursion", "noPeer",
                "tooBig", "badOffload", "socketFull", "ioError", "receiveQueueFull",
            ])
    }

    @Test func countersFollowTheirPeersToANewTable() {
        var counters = TunnelCounters(table: Cluster.table)
        counters.countSent(peer: 0, bytes: 100)
        counters.countReceived(peer: 1, bytes: 30)
        counters.countReceived(peer: 1, bytes: 40)
        counters.countDrop(.unknownOuterSource)
        counters.countDrop(.socketFull, packets: 5)
        let table = ForwardingTable(
            peers: [TunnelEndpoint(outerAddress: Cluster.second), TunnelEndpoint(outerAddress: ip("10.0.0.7"))],
            prefixes: [])
        let carried = counters.carried(to: table)
        #expect(carried.peers[0].rxPackets == 2 && carried.peers[0].rxBytes == 70 && carried.peers[0].txPackets == 0)
        #expect(carried.peers[1] == PeerCounters())
        #expect(carried.dropped(.unknownOuterSource) == 1 && carried.dropped(.socketFull) == 5)

        var total = TunnelCounters(table: Cluster.table)
        total.add(counters)
        total.add(counters)
        #expect(total.peers[0].txPackets == 2 && total.peers[0].txBytes == 200 && total.dropped(.socketFull) == 10)
    }
}
