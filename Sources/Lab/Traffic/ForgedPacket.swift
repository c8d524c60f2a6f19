// Packets made by hand, header by header: for what no honest sender would send.

internal import LinuxSystem
public import Net
internal import Packet

/// Whole IPv4 packets to be sent as they are; see ``LabHost/sendRaw(_:to:)``.
public enum ForgedPacket {
    /// Any payload in an IPv4 packet with a right header.
    public static func ipv4(
        source: IPv4Address, destination: IPv4Address, protocolNumber: UInt8, payload: [UInt8],
        timeToLive: UInt8 = 64, typeOfService: UInt8 = 0, dontFragment: Bool = false, identification: UInt16 = 0
    ) -> [UInt8] {
        let header = IPv4Header(
            source: source, destination: destination, protocolNumber: protocolNumber,
            totalLength: UInt16(clamping: IPv4Header.minimumLength + payload.count), identification: identification,
            dontFragment: dontFragment, timeToLive: timeToLive, typeOfService: typeOfService)
        var bytes = [UInt8](repeating: 0, count: IPv4Header.minimumLength)
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        header.write(to: &raw)
        return bytes + payload
    }

    /// An ICMP echo request.
    public static func ping(
        source: IPv4Address, destination: IPv4Address, identifier: UInt16 = 1, sequence: UInt16 = 1,
        payloadBytes: Int = 56, timeToLive: UInt8 = 64, typeOfService: UInt8 = 0, dontFragment: Bool = false
    ) -> [UInt8] {
        var message: [UInt8] = [8, 0, 0, 0]
        for value in [identifier, sequence] { message += [UInt8(value >> 8), UInt8(value & 0xFF)] }
        message += (0..<max(0, payloadBytes)).map { UInt8(truncatingIfNeeded: $0) }
        let checksum = InternetChecksum.checksum(message.span.bytes)
        message[2] = UInt8(checksum >> 8)
        message[3] = UInt8(checksum & 0xFF)
        return ipv4(
            source: source, destination: destination, protocolNumber: IPProtocol.icmp, payload: message,
            timeToLive: timeToLive, typeOfService: typeOfService, dontFragment: dontFragment)
    }

    /// An ICMP error about a packet, of which it quotes the beginning.
    ///
    /// - Parameter mtu: of "fragmentation needed" (type 3, code 4), in bytes.
    public static func icmpError(
        type: UInt8, code: UInt8, mtu: UInt16 = 0, source: IPv4Address, destination: IPv4Address,
        about packet: [UInt8], quotedBytes: Int = 548
    ) -> [UInt8] {
        var message = [type, code, 0, 0, 0, 0, UInt8(mtu >> 8), UInt8(mtu & 0xFF)] + packet.prefix(quotedBytes)
        let checksum = InternetChecksum.checksum(message.span.bytes)
        message[2] = UInt8(checksum >> 8)
        message[3] = UInt8(checksum & 0xFF)
        return ipv4(source: source, destination: destination, protocolNumber: IPProtocol.icmp, payload: message)
    }

    /// A UDP datagram without a checksum.
    public static func udp(
        source: IPv4Address, sourcePort: UInt16 = 40000, destination: IPv4Address, port: UInt16, payload: [UInt8],
        timeToLive: UInt8 = 64, typeOfService: UInt8 = 0, dontFragment: Bool = false
    ) -> [UInt8] {
        var datagram: [UInt8] = []
        for value in [sourcePort, port, UInt16(clamping: 8 + payload.count), 0] {
            datagram += [UInt8(value >> 8), UInt8(value & 0xFF)]
        }
        return ipv4(
            source: source, destination: destination, protocolNumber: IPProtocol.udp, payload: datagram + payload,
            timeToLive: timeToLive, typeOfService: typeOfService, dontFragment: dontFragment)
    }

    /// Anything in an IP-in-IP packet.
    public static func ipip(
        source: IPv4Address, destination: IPv4Address, inner: [UInt8], timeToLive: UInt8 = 64,
        typeOfService: UInt8 = 0, dontFragment: Bool = false, identification: UInt16 = 0
    ) -> [UInt8] {
        ipv4(
            source: source, destination: destination, protocolNumber: IPProtocol.ipip, payload: inner,
            timeToLive: timeToLive, typeOfService: typeOfService, dontFragment: dontFragment,
            identification: identification)
    }
}

extension LabHost {
    /// Sends a whole IPv4 packet as it is, towards an address.
    ///
    /// The kernel corrects total length and checksum of the (outer) header, and nothing else.
    public func sendRaw(_ packet: [UInt8], to address: IPv4Address) throws {
        try run {
            // IPPROTO_RAW: a socket that only sends.
            let socket = try RawIPv4Socket(proto: 255)
            let isSent = try packet.withUnsafeBytes { try socket.send($0, to: address.rawValue) }
            if !isSent { throw LabError.invalid("\(name) has no room to send a packet now") }
        }
    }
}
