// Superframes inward (D8), unfinished checksums outward, and the header that carries both.

import Net
import Packet
import Testing

@Suite struct OffloadTests {
    @Test("D8: a partial TCP checksum within the MTU is passed on as such")
    func partialTCP() throws {
        let packet = transportPacket(protocolNumber: 6, dataLength: 900, isPartial: true)
        let out = try #require(delivered(tunnelled(packet)))
        #expect(out.packet == packet && out.offload == .partialChecksum(start: 20, offset: 16))
    }

    @Test("D8: a partial UDP checksum is passed on as such, at any length")
    func partialUDP() throws {
        for length in [0, 1, 900, 9000] {
            let packet = transportPacket(protocolNumber: 17, dataLength: length, isPartial: true)
            #expect(try #require(delivered(tunnelled(packet))).offload == .partialChecksum(start: 20, offset: 6))
        }
    }

    @Test("D8: finished packets within the MTU need nothing", arguments: [6, 17] as [UInt8])
    func finished(number: UInt8) throws {
        let packet = transportPacket(protocolNumber: number, dataLength: 901, isPartial: false)
        let out = try #require(delivered(tunnelled(packet)))
        #expect(out.packet == packet && out.offload == .none)
    }

    @Test("D8: a TCP superframe is passed on with a segment size that fits, up to 64 KB")
    func superframe() throws {
        for length in [1429, 2896, 65_463] {
            let packet = transportPacket(protocolNumber: 6, dataLength: length, isPartial: true)
            let out = try #require(delivered(tunnelled(packet)))
            #expect(out.packet == packet)
            #expect(
                out.offload
                    == .tcpSegments(
                        size: 1480 - 20 - 32, headerLength: 52, checksumStart: 20, congestionWindowReduced: false))
        }
        let fitting = transportPacket(protocolNumber: 6, dataLength: 1428, isPartial: true)
        #expect(try #require(delivered(tunnelled(fitting))).offload == .partialChecksum(start: 20, offset: 16))
    }

    @Test("D8: CWR is told, so that only the first segment carries it")
    func congestionWindowReduced() throws {
        let packet = transportPacket(protocolNumber: 6, dataLength: 3000, isPartial: true, flags: 0x90)
        guard case .tcpSegments(_, _, _, true) = try #require(delivered(tunnelled(packet))).offload else {
            Issue.record("CWR was not told")
            return
        }
        let header = VirtioNetHeader(try #require(delivered(tunnelled(packet))).offload)
        #expect(header.gsoType == VirtioNetHeader.gsoTCPv4 | VirtioNetHeader.gsoECN)
    }

    @Test("D8: a long TCP packet with a finished checksum becomes a superframe, and a corrupt one is not made good")
    func finishedSuperframe() throws {
        let packet = transportPacket(protocolNumber: 6, dataLength: 3000, isPartial: false)
        let out = try #require(delivered(tunnelled(packet)))
        #expect(out.packet == transportPacket(protocolNumber: 6, dataLength: 3000, isPartial: true))
        guard case .tcpSegments = out.offload else {
            Issue.record("not segmented")
            return
        }
        var corrupt = packet
        corrupt[2000] ^= 1
        let untouched = try #require(delivered(tunnelled(corrupt)))
        #expect(untouched.packet == corrupt && untouched.offload == .none)
    }

    @Test("D8: inner fragments and TCP headers that do not fit get no offload")
    func unfit() throws {
        var fragment = transportPacket(protocolNumber: 6, dataLength: 3000, isPartial: true)
        fragment[6] = 0x20
        #expect(try #require(delivered(tunnelled(fragment))).offload == .none)
        for dataOffset: UInt8 in [0x00, 0x40] {
            var packet = transportPacket(protocolNumber: 6, dataLength: 3000, isPartial: true)
            packet[32] = dataOffset
            #expect(try #require(delivered(tunnelled(packet))).offload == .partialChecksum(start: 20, offset: 16))
        }
        let short = PacketSpec(protocolNumber: 6, payload: [1, 2, 3]).bytes
        #expect(try #require(delivered(tunnelled(short))).offload == .none)
        let superframe = transportPacket(protocolNumber: 6, dataLength: 3000, isPartial: true)
        #expect(
            try #require(delivered(tunnelled(superframe), mtu: 52)).offload == .partialChecksum(start: 20, offset: 16))
    }

    @Test func theVirtioHeaderIsLittleEndianAndReadsBack() throws {
        let header = VirtioNetHeader(
            .tcpSegments(size: 0x0594, headerLength: 0x34, checksumStart: 0x14, congestionWindowReduced: false))
        var bytes = [UInt8](repeating: 0xEE, count: 11)
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        header.write(to: &raw)
        #expect(bytes == [1, 1, 0x34, 0, 0x94, 0x05, 0x14, 0, 0x10, 0, 0xEE])
        #expect(parseVirtio(bytes) == header)
        #expect(parseVirtio([UInt8](repeating: 0, count: 9)) == nil)
        #expect(parseVirtio([UInt8](repeating: 0, count: 10)) == VirtioNetHeader())
    }

    private static func complete(_ packet: [UInt8], _ header: VirtioNetHeader) -> (reason: DropReason?, bytes: [UInt8])
    {
        var bytes = packet
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        let reason = header.completeChecksum(of: &raw)
        return (reason, bytes)
    }

    @Test("E8: a packet read with an unfinished checksum is finished before it is sent", arguments: [6, 17] as [UInt8])
    func completes(number: UInt8) {
        for length in [0, 1, 2, 33, 1400] {
            let header = VirtioNetHeader(.partialChecksum(start: 20, offset: number == 6 ? 16 : 6))
            let partial = transportPacket(protocolNumber: number, dataLength: length, isPartial: true)
            let result = Self.complete(partial, header)
            #expect(result.reason == nil)
            #expect(result.bytes == transportPacket(protocolNumber: number, dataLength: length, isPartial: false))
        }
    }

    @Test func aChecksumOfZeroIsWrittenAsItsOtherForm() {
        let header = VirtioNetHeader(.partialChecksum(start: 20, offset: 2))
        let packet = PacketSpec(payload: [0xFF, 0xFF, 0, 0]).bytes
        #expect(Self.complete(packet, header).bytes == packet[..<20] + [0xFF, 0xFF, 0xFF, 0xFF])
    }

    @Test func anOffloadRequestOutsideThePacketIsRefused() {
        let packet = PacketSpec().bytes
        for (start, offset) in [(39, 0), (41, 0), (20, 19), (65_535, 65_535)] as [(UInt16, UInt16)] {
            let result = Self.complete(packet, VirtioNetHeader(.partialChecksum(start: start, offset: offset)))
            #expect(result.reason == .badOffload && result.bytes == packet)
        }
        #expect(Self.complete(packet, VirtioNetHeader()).reason == nil)
        #expect(Self.complete([], VirtioNetHeader(.partialChecksum(start: 0, offset: 0))).reason == .badOffload)
    }

    @Test func anOffloadRequestIntoTheIPHeaderIsRefused() {
        let packet = PacketSpec(options: [1, 1, 1, 0]).bytes
        for (start, offset) in [(0, 16), (12, 0), (19, 1), (20, 0), (23, 1)] as [(UInt16, UInt16)] {
            let result = Self.complete(packet, VirtioNetHeader(.partialChecksum(start: start, offset: offset)))
            #expect(result.reason == .badOffload && result.bytes == packet)
        }
        #expect(Self.complete(packet, VirtioNetHeader(.partialChecksum(start: 24, offset: 0))).reason == nil)
    }
}
