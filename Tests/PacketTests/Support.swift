// Packets, tables and plain reference arithmetic that the tests share; written with no code of the module under test.

import Net
import Packet

func ip(_ text: String) -> IPv4Address { IPv4Address(text) ?? .any }

func prefix(_ text: String) -> IPv4Prefix { IPv4Prefix(text) ?? IPv4Prefix(host: .any) }

/// Three nodes: this one is 10.0.0.1; `10.0.0.3` has a /28 inside the block of `10.0.0.2`.
enum Cluster {
    static let local = ip("10.0.0.1")
    static let first = ip("10.0.0.2")
    static let second = ip("10.0.0.3")
    static let table = ForwardingTable(
        peers: [
            TunnelEndpoint(outerAddress: first, tunnelAddress: ip("10.244.9.1")),
            TunnelEndpoint(outerAddress: second, nodeAddress: ip("192.0.2.3")),
        ],
        prefixes: [
            (prefix: prefix("10.244.2.0/26"), peer: 0),
            (prefix: prefix("10.244.2.16/28"), peer: 1),
            (prefix: prefix("10.244.3.0/26"), peer: 1),
            (prefix: prefix("192.0.2.0/24"), peer: 1),
        ])
}

/// RFC 1071 as its text reads: 16-bit words, one at a time.
func referenceSum(_ bytes: some Sequence<UInt8>, adding initial: Int = 0) -> Int {
    var sum = initial
    var high: UInt8?
    for byte in bytes {
        if let first = high {
            sum += Int(first) << 8 | Int(byte)
            high = nil
        } else {
            high = byte
        }
    }
    if let high { sum += Int(high) << 8 }
    while sum > 0xFFFF { sum = sum & 0xFFFF + sum >> 16 }
    return sum
}

func bigEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
}

/// A test packet, by the fields of its header.
struct PacketSpec {
    var source = ip("10.244.2.5")
    var destination = ip("10.244.7.7")
    var protocolNumber: UInt8 = 17
    var timeToLive: UInt8 = 63
    var typeOfService: UInt8 = 0
    var identification: UInt16 = 0x1234
    var flagsAndOffset: UInt16 = 0
    var options: [UInt8] = []
    var payload: [UInt8] = Array("payload of some kind".utf8)

    var bytes: [UInt8] {
        var header: [UInt8] = [UInt8(0x45 + options.count / 4), typeOfService]
        header += bigEndian(UInt16(20 + options.count + payload.count))
        header += bigEndian(identification) + bigEndian(flagsAndOffset)
        header += [timeToLive, protocolNumber, 0, 0]
        header += bigEndian(source.rawValue) + bigEndian(destination.rawValue) + options
        let checksum = bigEndian(UInt16(0xFFFF - referenceSum(header)))
        header[10] = checksum[0]
        header[11] = checksum[1]
        return header + payload
    }
}

/// `inner` in an outer header from the first peer to this node.
func tunnelled(
    _ inner: [UInt8], from source: IPv4Address = Cluster.first, to destination: IPv4Address = Cluster.local,
    typeOfService: UInt8 = 0, protocolNumber: UInt8 = 4, flagsAndOffset: UInt16 = 0, options: [UInt8] = []
) -> [UInt8] {
    PacketSpec(
        source: source, destination: destination, protocolNumber: protocolNumber, timeToLive: 64,
        typeOfService: typeOfService, flagsAndOffset: flagsAndOffset, options: options, payload: inner
    ).bytes
}

func checksumIsRight(_ header: some Sequence<UInt8>) -> Bool { referenceSum(header) == 0xFFFF }

/// The pseudo-header sum of a packet without options, the plain way.
func referencePseudoSum(_ packet: [UInt8]) -> Int {
    let length = packet.count - 20
    return referenceSum(packet[12..<20] + [0, packet[9]] + bigEndian(UInt16(length)))
}

/// A TCP or UDP packet whose checksum field holds the pseudo-header sum, or is complete.
func transportPacket(protocolNumber: UInt8, dataLength: Int, isPartial: Bool, flags: UInt8 = 0x10) -> [UInt8] {
    let data = (0..<dataLength).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 3) }
    let header: [UInt8] =
        protocolNumber == 6
        ? [0x30, 0x39, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x80, flags, 0xFF, 0xFF, 0, 0, 0, 0]
            + [1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 8]
        : [0x30, 0x39, 0, 53] + bigEndian(UInt16(8 + dataLength)) + [0, 0]
    var packet = PacketSpec(protocolNumber: protocolNumber, flagsAndOffset: 0x4000, payload: header + data).bytes
    let field = protocolNumber == 6 ? 36 : 26
    let pseudo = referencePseudoSum(packet)
    let value = isPartial ? pseudo : 0xFFFF - referenceSum(packet[20...], adding: pseudo)
    packet.replaceSubrange(field..<field + 2, with: bigEndian(UInt16(value)))
    return packet
}

/// What becomes of a whole packet on its way out.
enum EncapsulationDecision: Hashable {
    case send(peer: Int, length: Int)
    case drop(DropReason)
}

func encapsulate(
    _ inner: [UInt8], with encapsulator: inout Encapsulator, table: ForwardingTable = Cluster.table
) -> (decision: EncapsulationDecision, header: [UInt8]) {
    var header = [UInt8](repeating: 0xAA, count: 20)
    var span = header.mutableSpan
    var bytes = span.mutableBytes
    let packet: IPv4Header
    switch IPv4Header.parse(inner.span.bytes) {
    case .success(let parsed): packet = parsed
    case .failure(let reason): return (.drop(reason), header)
    }
    switch encapsulator.peer(for: packet, table: table) {
    case .failure(let reason):
        return (.drop(reason), header)
    case .success(let peer):
        guard packet.totalLength <= 0xFFFF - Encapsulator.overhead else { return (.drop(.tooBig), header) }
        encapsulator.outerHeader(
            for: packet, innerLength: packet.totalLength, to: table.peers[peer].outerAddress
        ).write(to: &bytes)
        return (.send(peer: peer, length: packet.totalLength), header)
    }
}

func encapsulate(
    _ inner: [UInt8], _ settings: Encapsulator.Settings = Encapsulator.Settings(localAddress: Cluster.local)
) -> (decision: EncapsulationDecision, header: [UInt8]) {
    var encapsulator = Encapsulator(settings: settings)
    return encapsulate(inner, with: &encapsulator)
}

func decapsulate(
    _ datagram: inout [UInt8], acceptsForeignSources: Bool = false, mtu: Int = 1480
) -> DecapsulationDecision {
    let step = Decapsulator(
        settings: Decapsulator.Settings(
            localAddress: Cluster.local, deviceMTU: mtu, acceptsForeignSources: acceptsForeignSources))
    var span = datagram.mutableSpan
    var bytes = span.mutableBytes
    return step.decapsulate(&bytes, table: Cluster.table)
}

/// The delivered packet, nil for a drop.
func delivered(
    _ datagram: [UInt8], acceptsForeignSources: Bool = false, mtu: Int = 1480
) -> (packet: [UInt8], offload: Offload)? {
    var copy = datagram
    let decision = decapsulate(&copy, acceptsForeignSources: acceptsForeignSources, mtu: mtu)
    guard case .deliver(let offset, let length, _, let offload) = decision else { return nil }
    return (Array(copy[offset..<offset + length]), offload)
}

/// The decision alone.
func decision(_ datagram: [UInt8], acceptsForeignSources: Bool = false) -> DecapsulationDecision {
    var copy = datagram
    return decapsulate(&copy, acceptsForeignSources: acceptsForeignSources)
}

// The compiler (6.3.1) breaks on a span of a temporary array inside a macro's expression, hence a function for each.

/// The sum under test, over the bytes from `start`, which need not be aligned.
func fastSum(_ bytes: [UInt8], from start: Int = 0, adding initial: UInt16 = 0) -> UInt16 {
    let span = bytes.span.bytes
    return InternetChecksum.sum(span.extracting(start..<bytes.count), adding: initial)
}

func fastChecksum(_ bytes: [UInt8]) -> UInt16 { InternetChecksum.checksum(bytes.span.bytes) }

func parseHeader(_ bytes: [UInt8], at offset: Int = 0) -> Result<IPv4Header, DropReason> {
    IPv4Header.parse(bytes.span.bytes, at: offset)
}

func parseError(_ message: [UInt8]) -> ICMPv4Error? { ICMPv4Error.parse(message.span.bytes) }

func parseVirtio(_ bytes: [UInt8]) -> VirtioNetHeader? { VirtioNetHeader(bytes.span.bytes) }

/// Finishes a packet's checksum as a header of the device asks.
func finish(_ packet: inout [UInt8], _ header: VirtioNetHeader) -> DropReason? {
    var span = packet.mutableSpan
    var bytes = span.mutableBytes
    return header.completeChecksum(of: &bytes)
}
