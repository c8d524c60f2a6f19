// The inward step, by the items of the conformance list.

import Net
import Packet
import Testing

@Suite struct DecapsulationTests {
    private static let inner = PacketSpec().bytes

    private static func spec(_ change: (inout PacketSpec) -> Void) -> [UInt8] {
        var spec = PacketSpec()
        change(&spec)
        return spec.bytes
    }

    @Test("D1: what is no whole IP-in-IP datagram for this node is dropped")
    func outerHeader() {
        #expect(decision(Array(tunnelled(Self.inner)[..<19])) == .drop(.truncated))
        #expect(decision(Array(tunnelled(Self.inner).dropLast())) == .drop(.truncated))
        #expect(decision(tunnelled(Self.inner, to: ip("10.0.0.9"))) == .drop(.notForUs))
        #expect(decision(tunnelled(Self.inner, protocolNumber: 41)) == .drop(.notIPIP))
        #expect(decision(tunnelled(Array(Self.inner[..<19]))) == .drop(.badTotalLength))
        #expect(decision(tunnelled(Self.inner, flagsAndOffset: 0x2000)) == .drop(.outerFragment))
        #expect(decision(tunnelled(Self.inner, flagsAndOffset: 7)) == .drop(.outerFragment))
        var version6 = tunnelled(Self.inner)
        version6[0] = 0x65
        #expect(decision(version6) == .drop(.notIPv4))
        var shortHeader = tunnelled(Self.inner)
        shortHeader[0] = 0x44
        #expect(decision(shortHeader) == .drop(.badHeaderLength))
    }

    @Test("D1: outer options are stepped over, and padding behind the datagram is cut off")
    func outerOptions() {
        let expected = DecapsulationDecision.deliver(offset: 32, length: Self.inner.count, peer: 0, offload: .none)
        let datagram = tunnelled(Self.inner, options: [UInt8](repeating: 1, count: 12))
        #expect(decision(datagram) == expected)
        #expect(decision(datagram + [1, 2, 3]) == expected)
        let slack = tunnelled(Self.inner + [9, 9], options: [UInt8](repeating: 1, count: 12))
        #expect(decision(slack) == expected)
    }

    @Test("D2: an inner header that does not fit is dropped, even where stray bytes follow")
    func innerHeader() {
        var version6 = Self.inner
        version6[0] = 0x65
        #expect(decision(tunnelled(version6)) == .drop(.notIPv4))
        var shortHeader = Self.inner
        shortHeader[0] = 0x43
        #expect(decision(tunnelled(shortHeader)) == .drop(.badHeaderLength))
        var longHeader = PacketSpec(payload: [1, 2]).bytes
        longHeader[0] = 0x4F
        #expect(decision(tunnelled(longHeader)) == .drop(.badHeaderLength))
        var tooLong = Self.inner
        tooLong[3] += 1
        #expect(decision(tunnelled(tooLong)) == .drop(.truncated))
        #expect(decision(tunnelled(tooLong) + [0, 0, 0]) == .drop(.truncated))
        #expect(decision(tunnelled(Self.spec { $0.timeToLive = 0 })) == .drop(.ttlZero))
    }

    @Test("D3: an outer source that is no peer is dropped")
    func outerSource() {
        #expect(decision(tunnelled(Self.inner, from: ip("10.0.0.4"))) == .drop(.unknownOuterSource))
        #expect(decision(tunnelled(Self.inner, from: Cluster.local)) == .drop(.unknownOuterSource))
        // A node address that differs from the outer one is not an outer one.
        #expect(decision(tunnelled(Self.inner, from: ip("192.0.2.3"))) == .drop(.unknownOuterSource))
    }

    @Test("D4: a peer speaks for its own prefixes by longest match, its tunnel address and its node address")
    func innerSource() {
        func outcome(_ source: String, from peer: IPv4Address) -> DecapsulationDecision {
            decision(tunnelled(Self.spec { $0.source = ip(source) }, from: peer))
        }
        let fromFirst = DecapsulationDecision.deliver(offset: 20, length: 40, peer: 0, offload: .none)
        let fromSecond = DecapsulationDecision.deliver(offset: 20, length: 40, peer: 1, offload: .none)
        #expect(outcome("10.244.2.5", from: Cluster.first) == fromFirst)
        #expect(outcome("10.244.9.1", from: Cluster.first) == fromFirst)
        #expect(outcome("10.0.0.2", from: Cluster.first) == fromFirst)
        #expect(outcome("10.244.2.17", from: Cluster.second) == fromSecond)
        #expect(outcome("192.0.2.3", from: Cluster.second) == fromSecond)
        for source in ["10.244.2.17", "10.244.3.1", "10.0.0.3", "10.0.0.1", "8.8.8.8", "0.0.0.0"] {
            #expect(outcome(source, from: Cluster.first) == .drop(.innerSourceNotOfPeer))
        }
        #expect(outcome("10.244.9.1", from: Cluster.second) == .drop(.innerSourceNotOfPeer))
    }

    @Test("D4: the setting for hosts that forward lets foreign sources in, from known peers only")
    func foreignSources() {
        let foreign = Self.spec { $0.source = ip("8.8.8.8") }
        #expect(
            decision(tunnelled(foreign), acceptsForeignSources: true)
                == .deliver(offset: 20, length: 40, peer: 0, offload: .none))
        #expect(
            decision(tunnelled(foreign, from: ip("10.0.0.4")), acceptsForeignSources: true)
                == .drop(.unknownOuterSource))
    }

    /// RFC 6040 figure 4, written out: rows are inner Not-ECT, ECT(1), ECT(0), CE, columns outer in the same order.
    private static let table: [[UInt8?]] = [
        [0, 0, 0, nil],
        [1, 1, 1, 3],
        [2, 1, 2, 3],
        [3, 3, 3, 3],
    ]

    @Test("D6: all 16 pairs of ECN codepoints come out as RFC 6040 says, with a right checksum")
    func congestion() throws {
        for inner in 0..<4 {
            for outer in 0..<4 {
                let packet = Self.spec { $0.typeOfService = 0xB8 | UInt8(inner) }
                let datagram = tunnelled(packet, typeOfService: 0x28 | UInt8(outer))
                guard let expected = Self.table[inner][outer] else {
                    #expect(decision(datagram) == .drop(.ecnIllegalCombination))
                    continue
                }
                let out = try #require(delivered(datagram)).packet
                #expect(out[1] == 0xB8 | expected, "inner \(inner), outer \(outer)")
                #expect(checksumIsRight(out[..<20]))
                let changed = out.indices.filter { out[$0] != packet[$0] }
                #expect(Set(changed).isSubset(of: [1, 10, 11]), "only the TOS byte and the checksum may change")
            }
        }
    }

    @Test("D6: the edit does not turn a wrong inner checksum into a right one")
    func wrongChecksumStaysWrong() throws {
        var packet = Self.spec { $0.typeOfService = 2 }
        packet[10] ^= 0x40
        let out = try #require(delivered(tunnelled(packet, typeOfService: 3))).packet
        #expect(out[1] == 3 && !checksumIsRight(out[..<20]))
    }

    @Test("D7: the inner TTL is not changed", arguments: [1, 2, 64, 255] as [UInt8])
    func innerTTL(value: UInt8) throws {
        #expect(try #require(delivered(tunnelled(Self.spec { $0.timeToLive = value }))).packet[8] == value)
    }

    @Test("D9: a tunnel in the tunnel passes between workloads, and never to the tunnel's own end")
    func nested() {
        let core = Self.inner
        func nest(from source: String, to destination: String) -> [UInt8] {
            tunnelled(tunnelled(core, from: ip(source), to: ip(destination)))
        }
        #expect(
            decision(nest(from: "10.244.2.5", to: "10.244.7.7"))
                == .deliver(offset: 20, length: core.count + 20, peer: 0, offload: .none))
        #expect(decision(nest(from: "10.0.0.2", to: "10.0.0.1")) == .drop(.recursion))
        #expect(decision(nest(from: "10.0.0.3", to: "10.0.0.1")) == .drop(.innerSourceNotOfPeer))
        #expect(
            decision(nest(from: "8.8.8.8", to: "10.244.7.7"), acceptsForeignSources: true)
                == .drop(.innerSourceNotOfPeer))
    }

    @Test("Any inner protocol passes in alike", arguments: [1, 6, 17, 33, 41, 47, 50, 89, 132, 253] as [UInt8])
    func anyProtocol(number: UInt8) throws {
        let packet = Self.spec { $0.protocolNumber = number }
        let out = try #require(delivered(tunnelled(packet)))
        #expect(out.packet == packet && out.offload == .none)
    }
}
