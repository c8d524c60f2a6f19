// The header's accessors, its checks, and one packet written out byte by byte.

import Net
import Packet
import Testing

@Suite struct IPv4HeaderTests {
    /// An echo request from 10.244.2.5 to 10.244.7.7, tunnelled from 10.0.0.2 to 10.0.0.1.
    static let golden: [UInt8] = [
        0x45,  // outer: version 4, IHL 5
        0x02,  // DSCP 0, ECT(0)
        0x00, 0x34,  // total length 52
        0x00, 0x00,  // identification 0: atomic
        0x40, 0x00,  // DF
        0x40,  // TTL 64
        0x04,  // protocol IP in IP
        0x26, 0xC2,  // header checksum
        0x0A, 0x00, 0x00, 0x02,  // source 10.0.0.2
        0x0A, 0x00, 0x00, 0x01,  // destination 10.0.0.1
        0x45,  // inner: version 4, IHL 5
        0x02,  // DSCP 0, ECT(0)
        0x00, 0x20,  // total length 32
        0xBE, 0xEF,  // identification
        0x40, 0x00,  // DF
        0x3F,  // TTL 63
        0x01,  // protocol ICMP
        0x5D, 0xF8,  // header checksum
        0x0A, 0xF4, 0x02, 0x05,  // source 10.244.2.5
        0x0A, 0xF4, 0x07, 0x07,  // destination 10.244.7.7
        0x08, 0x00,  // echo request
        0xD4, 0x2B,  // ICMP checksum
        0x00, 0x2A, 0x00, 0x01,  // identifier 42, sequence 1
        0x70, 0x6F, 0xB3, 0x39,  // data
    ]

    @Test func theGoldenPacketReadsAsAnnotated() throws {
        let outer = try parseHeader(Self.golden).get()
        #expect(outer.version == 4 && outer.headerLength == 20 && outer.totalLength == 52)
        #expect(outer.ecn == .ect0 && outer.dscp == 0 && outer.identification == 0)
        #expect(outer.dontFragment && !outer.moreFragments && outer.fragmentOffset == 0 && !outer.isFragment)
        #expect(outer.timeToLive == 64 && outer.protocolNumber == IPProtocol.ipip)
        #expect(outer.source == ip("10.0.0.2") && outer.destination == ip("10.0.0.1"))
        let inner = try parseHeader(Self.golden, at: 20).get()
        #expect(inner.totalLength == 32 && inner.timeToLive == 63 && inner.protocolNumber == IPProtocol.icmp)
        #expect(checksumIsRight(Self.golden[0..<20]) && checksumIsRight(Self.golden[20..<40]))
        #expect(checksumIsRight(Self.golden[40...]))
    }

    @Test func theGoldenPacketIsMadeAndTakenApart() throws {
        var far = Encapsulator(settings: Encapsulator.Settings(localAddress: Cluster.first))
        let table = ForwardingTable(
            peers: [TunnelEndpoint(outerAddress: Cluster.local)],
            prefixes: [(prefix: prefix("10.244.7.0/26"), peer: 0)])
        let inner = Array(Self.golden[20...])
        let sent = encapsulate(inner, with: &far, table: table)
        #expect(sent.decision == .send(peer: 0, length: 32))
        #expect(sent.header == Array(Self.golden[..<20]))
        let received = try #require(delivered(Self.golden))
        #expect(received.packet == inner && received.offload == .none)
    }

    @Test func writingAndReadingKeepsEveryField() throws {
        let header = IPv4Header(
            source: ip("1.2.3.4"), destination: ip("250.251.252.253"), protocolNumber: 132, totalLength: 65_535,
            identification: 0xFEDC, dontFragment: true, timeToLive: 255, typeOfService: 0xBB)
        var bytes = [UInt8](repeating: 0, count: 65_538)
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        header.write(to: &raw, at: 3)
        #expect(checksumIsRight(bytes[3..<23]))
        #expect(try parseHeader(bytes, at: 3).get() == header)
        #expect(header.dscp == 0x2E && header.ecn == .ce)
    }

    @Test func headersThatContradictThemselvesAreRefused() {
        let good = PacketSpec(options: [1, 1, 1, 0]).bytes
        func defect(_ change: (inout [UInt8]) -> Void) -> DropReason? {
            var bytes = good
            change(&bytes)
            guard case .failure(let reason) = parseHeader(bytes) else { return nil }
            return reason
        }
        #expect(defect { _ in } == nil)
        #expect(defect { $0 += [0, 0] } == nil)
        #expect(defect { $0 = [] } == .truncated)
        #expect(defect { $0.removeLast($0.count - 19) } == .truncated)
        #expect(defect { $0.removeLast() } == .truncated)
        #expect(defect { $0[0] = 0x65 } == .notIPv4)
        #expect(defect { $0[0] = 0x44 } == .badHeaderLength)
        #expect(defect { $0[3] = 22 } == .badHeaderLength)
        #expect(defect { $0[3] = 19 } == .badTotalLength)
    }
}
