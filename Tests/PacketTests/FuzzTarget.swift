// What is fuzzed: each target takes any bytes at all and says where the module under test and its model disagree.

import Net
import Packet

/// What a run has met, so that a test can tell that its inputs were not all turned away at the door.
struct FuzzCoverage {
    private(set) var seen: Set<String> = []

    mutating func note(_ what: String) { seen.insert(what) }
}

/// A part of `Packet` with its model.
enum FuzzTarget: String, CaseIterable, Sendable {
    /// `IPv4Header.parse`; input: an offset, then bytes.
    case header
    /// `ICMPv4Error`; input: an ICMP message.
    case icmpError
    /// `ICMPv4.writeUnreachable`; input: code, MTU, room, then the packet that it is about.
    case unreachable
    /// `VirtioNetHeader`; input: the device's 10 bytes, then a packet.
    case checksum
    /// From the tunnel device to datagrams; input: settings, the device's 10 bytes, then a packet.
    case outward
    /// From a batch of datagrams to writes; input: settings, then datagrams, each after its length in two bytes.
    case inward

    /// What is wrong, nil where nothing is.
    func defect(_ input: [UInt8], _ coverage: inout FuzzCoverage) -> String? {
        switch self {
        case .header: headerDefect(input, &coverage)
        case .icmpError: icmpErrorDefect(input, &coverage)
        case .unreachable: unreachableDefect(input, &coverage)
        case .checksum: checksumDefect(input, &coverage)
        case .outward: OutwardModel.defect(input, &coverage)
        case .inward: InwardModel.defect(input, &coverage)
        }
    }

    private func headerDefect(_ input: [UInt8], _ coverage: inout FuzzCoverage) -> String? {
        guard let offset = input.first.map(Int.init), offset < input.count else { return nil }
        let bytes = Array(input[1...])
        let expected = ReferenceModel.headerDefect(Array(bytes[min(offset, bytes.count)...]))
        switch parseHeader(bytes, at: offset) {
        case .failure(let reason):
            coverage.note("\(reason)")
            return expected == reason ? nil : "parse says \(reason), model says \(expected as Any)"
        case .success(let header):
            if let expected { return "parse accepts, model says \(expected)" }
            coverage.note("accepted")
            var written = [UInt8](repeating: 0, count: 20)
            var span = written.mutableSpan
            var raw = span.mutableBytes
            header.write(to: &raw)
            if written != Array(bytes[offset..<offset + 20]) { return "written back as \(written)" }
            let fields: [Int] = [
                Int(header.version) << 4 | header.headerLength / 4, Int(header.dscp) << 2 | Int(header.ecn.rawValue),
                header.totalLength >> 8, header.totalLength & 0xFF, Int(header.identification >> 8),
                Int(header.identification & 0xFF),
                Int(written[6] & 0x80) | (header.dontFragment ? 0x40 : 0) | (header.moreFragments ? 0x20 : 0)
                    | Int(header.fragmentOffset >> 8), Int(header.fragmentOffset & 0xFF), Int(header.timeToLive),
                Int(header.protocolNumber), Int(header.checksum >> 8), Int(header.checksum & 0xFF),
            ]
            let told =
                fields.map { UInt8($0) } + bigEndian(header.source.rawValue) + bigEndian(header.destination.rawValue)
            return told == written ? nil : "fields say \(told), the header \(written)"
        }
    }

    private func icmpErrorDefect(_ input: [UInt8], _ coverage: inout FuzzCoverage) -> String? {
        let expected = ReferenceICMP.error(input)
        let error = parseError(input)
        coverage.note(error == nil ? "refused" : error?.inner == nil ? "inner unknown" : "inner known")
        let found = error.map {
            ReferenceICMP.Quotation(
                innerOffset: $0.innerOffset, innerSource: $0.inner?.source, outerDestination: $0.outer.destination,
                outerPathMTU: $0.outerPathMTU, code: $0.relay()?.code.rawValue, nextHopMTU: $0.relay()?.nextHopMTU)
        }
        return found == expected ? nil : "read as \(found as Any), model says \(expected as Any)"
    }

    private func unreachableDefect(_ input: [UInt8], _ coverage: inout FuzzCoverage) -> String? {
        guard input.count >= 4, let code = ICMPv4.Unreachable(rawValue: input[0] % 6) else { return nil }
        let mtu = UInt16(input[1]) << 8 | UInt16(input[2])
        let room = Int(input[3]) * 4
        let packet = Array(input[4...])
        var buffer = [UInt8](repeating: 0xAA, count: room)
        var span = buffer.mutableSpan
        var raw = span.mutableBytes
        let length = ICMPv4.writeUnreachable(
            code, nextHopMTU: mtu, source: Cluster.local, identification: 7, about: packet.span.bytes, to: &raw)
        let expected = ReferenceICMP.unreachable(code.rawValue, mtu: mtu, about: packet, room: room)
        coverage.note(length == nil ? "silent" : "written")
        guard let length, let expected else {
            return length == nil && expected == nil && !buffer.contains { $0 != 0xAA }
                ? nil : "\(length as Any) bytes written, model says \(expected?.count as Any)"
        }
        return Array(buffer[..<length]) == expected && !buffer[length...].contains { $0 != 0xAA }
            ? nil : "wrote \(buffer), model says \(expected)"
    }

    private func checksumDefect(_ input: [UInt8], _ coverage: inout FuzzCoverage) -> String? {
        guard let header = parseVirtio(input) else { return input.count < 10 ? nil : "10 bytes are not read" }
        var written = [UInt8](repeating: 0, count: 10)
        var span = written.mutableSpan
        var raw = span.mutableBytes
        header.write(to: &raw)
        if written != Array(input[..<10]) { return "written back as \(written)" }
        var packet = Array(input[10...])
        let expected = ReferenceKernel.finished(packet, asked: Array(input[..<10]))
        let reason = finish(&packet, header)
        coverage.note(reason.map { "\($0)" } ?? "finished")
        guard let expected else { return reason == .badOffload && packet == Array(input[10...]) ? nil : "not refused" }
        return reason == nil && packet == expected ? nil : "finished as \(packet), model says \(expected)"
    }
}
