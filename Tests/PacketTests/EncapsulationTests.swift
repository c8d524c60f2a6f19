// The outward step, by the items of the conformance list.

import Net
import Packet
import Testing

@Suite struct EncapsulationTests {
    private static let toFirst = PacketSpec(source: ip("10.244.1.5"), destination: ip("10.244.2.5"))

    private static func spec(_ change: (inout PacketSpec) -> Void) -> [UInt8] {
        var spec = toFirst
        change(&spec)
        return spec.bytes
    }

    @Test("E1: the outer DF is the inner DF", arguments: [true, false])
    func dontFragment(isSet: Bool) {
        let result = encapsulate(Self.spec { $0.flagsAndOffset = isSet ? 0x4000 : 0 })
        #expect(result.header[6] == (isSet ? 0x40 : 0) && result.header[7] == 0)
    }

    @Test("E1: an inner fragment's MF and offset stay inside")
    func innerFragment() {
        let result = encapsulate(Self.spec { $0.flagsAndOffset = 0x2000 | 185 })
        #expect(result.header[6] == 0 && result.header[7] == 0)
    }

    @Test("E2: TTL 0 is never encapsulated")
    func ttlZero() {
        #expect(encapsulate(Self.spec { $0.timeToLive = 0 }).decision == .drop(.ttlZero))
    }

    @Test("E2: TTL 1 is encapsulated, for the kernel has taken its hop off already")
    func ttlOne() {
        let inner = Self.spec { $0.timeToLive = 1 }
        #expect(encapsulate(inner).decision == .send(peer: 0, length: inner.count))
    }

    @Test("E3: a packet to the far end itself is not encapsulated")
    func recursionToFarEnd() {
        #expect(encapsulate(Self.spec { $0.destination = ip("192.0.2.3") }).decision == .drop(.recursion))
        #expect(encapsulate(Self.spec { $0.destination = ip("192.0.2.4") }).decision == .send(peer: 1, length: 40))
        let table = ForwardingTable(
            peers: [TunnelEndpoint(outerAddress: Cluster.first)],
            prefixes: [(prefix: prefix("10.0.0.0/8"), peer: 0)])
        var encapsulator = Encapsulator(settings: Encapsulator.Settings(localAddress: Cluster.local))
        let result = encapsulate(Self.spec { $0.destination = Cluster.first }, with: &encapsulator, table: table)
        #expect(result.decision == .drop(.recursion))
    }

    @Test("E3: protocol 4 from this node is not encapsulated again, a workload's own tunnel is")
    func recursionFromUs() {
        let ours = Self.spec {
            $0.source = Cluster.local
            $0.protocolNumber = 4
        }
        #expect(encapsulate(ours).decision == .drop(.recursion))
        let workload = Self.spec { $0.protocolNumber = 4 }
        #expect(encapsulate(workload).decision == .send(peer: 0, length: workload.count))
    }

    @Test("E3: the host's own packets pass unless the setting refuses them")
    func ownSource() {
        let inner = Self.spec { $0.source = Cluster.local }
        #expect(encapsulate(inner).decision == .send(peer: 0, length: inner.count))
        let strict = Encapsulator.Settings(localAddress: Cluster.local, refusesLocalSource: true)
        #expect(encapsulate(inner, strict).decision == .drop(.recursion))
    }

    @Test("E8: the outer header says protocol 4, the node, the peer, the length, TTL 64, and sums up")
    func outerHeader() throws {
        let inner = Self.spec { $0.options = [1, 1, 1, 0] }
        let result = encapsulate(inner)
        #expect(result.decision == .send(peer: 0, length: inner.count))
        #expect(result.header[0] == 0x45)
        #expect(Array(result.header[2..<4]) == bigEndian(UInt16(inner.count + 20)))
        #expect(result.header[8] == 64 && result.header[9] == 4)
        #expect(Array(result.header[12..<16]) == bigEndian(Cluster.local.rawValue))
        #expect(Array(result.header[16..<20]) == bigEndian(Cluster.first.rawValue))
        #expect(checksumIsRight(result.header))
    }

    @Test("E8: the TTL is a setting, or the inner packet's")
    func timeToLive() {
        let fixed = Encapsulator.Settings(localAddress: Cluster.local, timeToLive: .fixed(9))
        #expect(encapsulate(Self.toFirst.bytes, fixed).header[8] == 9)
        let inherit = Encapsulator.Settings(localAddress: Cluster.local, timeToLive: .inherit)
        #expect(encapsulate(Self.spec { $0.timeToLive = 33 }, inherit).header[8] == 33)
    }

    @Test("E8: identifications are fresh and never 0, and 0 for an atomic datagram (RFC 6864)")
    func identification() {
        var encapsulator = Encapsulator(
            settings: Encapsulator.Settings(localAddress: Cluster.local), firstIdentification: 0xFFFE)
        let seen = (0..<4).map { _ in Array(encapsulate(Self.toFirst.bytes, with: &encapsulator).header[4..<6]) }
        #expect(seen == [[0xFF, 0xFE], [0xFF, 0xFF], [0, 1], [0, 2]])
        let atomic = encapsulate(Self.spec { $0.flagsAndOffset = 0x4000 }, with: &encapsulator)
        #expect(Array(atomic.header[4..<6]) == [0, 0])
    }

    @Test("E8: threads with a stride share no identification")
    func identificationStride() {
        let settings = Encapsulator.Settings(localAddress: Cluster.local)
        var seen: [[UInt8]] = []
        for thread in 0..<4 {
            var encapsulator = Encapsulator(
                settings: settings, firstIdentification: UInt16(thread), identificationStride: 4)
            for _ in 0..<100 { seen.append(Array(encapsulate(Self.toFirst.bytes, with: &encapsulator).header[4..<6])) }
        }
        #expect(Set(seen).count == 400)
    }

    @Test("E8: padding behind the inner packet is not sent")
    func padding() {
        let inner = Self.toFirst.bytes
        let result = encapsulate(inner + [UInt8](repeating: 0, count: 6))
        #expect(result.decision == .send(peer: 0, length: inner.count))
        #expect(Array(result.header[2..<4]) == bigEndian(UInt16(inner.count + 20)))
    }

    @Test("E9: the outer ECN is the inner one and the DSCP is copied, for all 256 TOS values")
    func typeOfServiceCopied() {
        for value in UInt8.min...UInt8.max {
            let result = encapsulate(Self.spec { $0.typeOfService = value })
            #expect(result.header[1] == value && checksumIsRight(result.header))
        }
    }

    @Test("E9: a fixed DSCP leaves the ECN alone")
    func typeOfServiceFixed() {
        let pipe = Encapsulator.Settings(localAddress: Cluster.local, dscp: .fixed(46))
        for ecn in ECN.allCases {
            let result = encapsulate(Self.spec { $0.typeOfService = 0x28 | ecn.rawValue }, pipe)
            #expect(result.header[1] == 46 << 2 | ecn.rawValue)
        }
    }

    @Test func theLongestPrefixChoosesThePeer() {
        #expect(encapsulate(Self.spec { $0.destination = ip("10.244.2.17") }).decision == .send(peer: 1, length: 40))
        #expect(encapsulate(Self.spec { $0.destination = ip("10.244.2.32") }).decision == .send(peer: 0, length: 40))
        #expect(encapsulate(Self.spec { $0.destination = ip("10.245.0.1") }).decision == .drop(.noPeer))
    }

    @Test func strayPacketsAreDroppedForAReason() {
        #expect(encapsulate([0x60] + [UInt8](repeating: 0, count: 47)).decision == .drop(.notIPv4))
        #expect(encapsulate([]).decision == .drop(.truncated))
        let longest = Self.spec { $0.payload = [UInt8](repeating: 1, count: 65_495) }
        #expect(encapsulate(longest).decision == .send(peer: 0, length: 65_515))
        #expect(encapsulate(Self.spec { $0.payload = [UInt8](repeating: 1, count: 65_496) }).decision == .drop(.tooBig))
    }

    @Test("Any inner protocol passes out alike", arguments: [1, 6, 17, 33, 41, 47, 50, 89, 132, 253] as [UInt8])
    func anyProtocol(number: UInt8) {
        #expect(encapsulate(Self.spec { $0.protocolNumber = number }).decision == .send(peer: 0, length: 40))
    }
}
