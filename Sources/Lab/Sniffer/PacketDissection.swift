// Takes one IP-in-IP packet apart: outer and inner header side by side, field by field, as aligned text.

internal import Net
internal import Packet

/// A packet taken apart.
public struct PacketDissection: Hashable, Sendable {
    /// One field of both headers.
    public struct Row: Hashable, Sendable {
        public var field: String
        public var outer: String
        /// Empty where there is no inner header.
        public var inner: String
    }

    public let rows: [Row]
    /// What the innermost packet carries, in one line.
    public let payload: String

    /// Takes a packet apart that begins with its outer IPv4 header; nil where that is not one.
    public init?(_ packet: [UInt8]) {
        guard let outer = HeaderView(packet) else { return nil }
        let inner =
            outer.protocolNumber == IPProtocol.ipip && outer.fragmentOffset == 0
            ? HeaderView(packet, at: outer.payload) : nil
        let left = Self.fields(of: outer)
        let right = inner.map { Self.fields(of: $0) }
        rows = left.indices.map { index in
            Row(field: left[index].name, outer: left[index].value, inner: right?[index].value ?? "")
        }
        payload = Self.describe(inner ?? outer)
    }

    /// The lines of the table, the payload last.
    public var lines: [String] {
        let heading = Row(
            field: "field", outer: "outer header", inner: rows.allSatisfy(\.inner.isEmpty) ? "" : "inner header")
        let all = [heading] + rows
        let first = all.map(\.field.count).max() ?? 0
        let second = all.map(\.outer.count).max() ?? 0
        let table = all.map { row in
            trimmed(padded(row.field, first) + "  " + padded(row.outer, second) + "  " + row.inner)
        }
        return table + [padded("payload", first) + "  " + payload]
    }

    private static func fields(of header: HeaderView) -> [(name: String, value: String)] {
        let ecn = ["Not-ECT", "ECT(1)", "ECT(0)", "CE"][Int(header.typeOfService & 3)]
        var flags: [String] = []
        if header.dontFragment { flags.append("DF") }
        if header.moreFragments { flags.append("MF") }
        return [
            ("version, header", "4, \(header.headerLength) bytes"),
            ("DSCP, ECN", "\(header.typeOfService >> 2), \(ecn)"),
            ("total length", "\(header.totalLength)"),
            ("identification", hexadecimal(header.identification)),
            (
                "flags, offset",
                "\(flags.isEmpty ? "none" : flags.joined(separator: " ")), \(Int(header.fragmentOffset) * 8)"
            ),
            ("time to live", "\(header.timeToLive)"),
            ("protocol", protocolName(header.protocolNumber)),
            ("header checksum", "\(hexadecimal(header.checksum)) \(isSumRight(header) ? "right" : "wrong")"),
            ("source", "\(header.source)"),
            ("destination", "\(header.destination)"),
        ]
    }

    /// One's complement sum over the header, its checksum included.
    private static func isSumRight(_ header: HeaderView) -> Bool {
        let end = header.offset + header.headerLength
        guard header.headerLength >= 20, end <= header.bytes.count else { return false }
        return InternetChecksum.checksum(header.bytes.span.bytes.extracting(header.offset..<end)) == 0
    }

    private static func describe(_ header: HeaderView) -> String {
        let name = protocolName(header.protocolNumber)
        let length = max(0, header.totalLength - header.headerLength)
        guard header.fragmentOffset == 0, header.payload + 8 <= header.bytes.count else {
            return "protocol \(name), \(length) bytes"
        }
        let start = header.payload - header.offset
        switch header.protocolNumber {
        case IPProtocol.icmp:
            let kinds: [UInt8: String] = [
                0: "echo reply", 3: "destination unreachable", 8: "echo request", 11: "time exceeded",
            ]
            let type = header.byte(start)
            let kind = kinds[type] ?? "type \(type)"
            let number = type == 0 || type == 8 ? ", sequence \(header.word(start + 6))" : ""
            return "ICMP \(kind)\(number), \(length) bytes"
        case IPProtocol.tcp, IPProtocol.udp:
            let kind = header.protocolNumber == IPProtocol.tcp ? "TCP" : "UDP"
            return "\(kind) port \(header.word(start)) to \(header.word(start + 2)), \(length) bytes"
        default:
            return "protocol \(name), \(length) bytes"
        }
    }

    private static func protocolName(_ number: UInt8) -> String {
        switch number {
        case IPProtocol.icmp: "1 (ICMP)"
        case IPProtocol.ipip: "4 (IP-in-IP)"
        case IPProtocol.tcp: "6 (TCP)"
        case IPProtocol.udp: "17 (UDP)"
        case 132: "132 (SCTP)"
        default: "\(number)"
        }
    }

    private static func hexadecimal(_ value: UInt16) -> String {
        let digits = String(value, radix: 16)
        return "0x" + String(repeating: "0", count: 4 - digits.count) + digits
    }
}

private func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
}

private func trimmed(_ text: String) -> String {
    var text = text
    while text.last == " " { text.removeLast() }
    return text
}
