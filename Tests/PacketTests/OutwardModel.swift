// The whole outward step on one read from the device: which datagrams leave, byte by byte, or why none does.

import Net
import Packet

enum OutwardModel {
    private enum Outcome: Equatable {
        case drop(DropReason)
        case datagrams([[UInt8]])
    }

    /// What the settings byte of an input stands for.
    private struct Settings {
        var inheritsTimeToLive: Bool
        var fixedDSCP: Bool
        var refusesLocalSource: Bool

        init(_ byte: UInt8) {
            inheritsTimeToLive = byte & 1 != 0
            fixedDSCP = byte & 2 != 0
            refusesLocalSource = byte & 4 != 0
        }

        var encapsulator: Encapsulator {
            Encapsulator(
                settings: Encapsulator.Settings(
                    localAddress: Cluster.local, timeToLive: inheritsTimeToLive ? .inherit : .fixed(64),
                    dscp: fixedDSCP ? .fixed(46) : .copy, refusesLocalSource: refusesLocalSource))
        }
    }

    static func defect(_ input: [UInt8], _ coverage: inout FuzzCoverage) -> String? {
        guard input.count >= 11 else { return nil }
        let settings = Settings(input[0])
        let header = Array(input[1..<11])
        let packet = Array(input[11...])
        let actual = step(header, packet, settings)
        let expected = model(header, packet, settings)
        switch actual {
        case .drop(let reason): coverage.note("\(reason)")
        case .datagrams(let datagrams): coverage.note(datagrams.count > 1 ? "segments" : "sent")
        }
        return actual == expected ? nil : "\(actual), model says \(expected)"
    }

    /// As a thread of the tunnel puts the parts together: first what the device asks for, then the outer header.
    private static func step(_ header: [UInt8], _ packet: [UInt8], _ settings: Settings) -> Outcome {
        guard let offload = parseVirtio(header) else { return .drop(.truncated) }
        var encapsulator = settings.encapsulator
        if offload.gsoType == VirtioNetHeader.gsoNone {
            var packet = packet
            if let reason = finish(&packet, offload) { return .drop(reason) }
            return encapsulated([packet], &encapsulator)
        }
        let span = packet.span.bytes
        switch IPv4Header.parse(span).flatMap({ TCPSegmentation.plan(span, $0, offload) }) {
        case .failure(let reason): return .drop(reason)
        case .success(let plan):
            let segments = (0..<plan.count).map { index in
                var bytes = [UInt8](repeating: 0xAA, count: plan.headerLength)
                var mutable = bytes.mutableSpan
                var raw = mutable.mutableBytes
                plan.writeHeader(index, of: span, to: &raw, at: 0)
                return bytes + packet[plan.payload(index)]
            }
            if segments.map(\.count).max() != plan.longestSegment { return .drop(.ioError) }
            return encapsulated(segments, &encapsulator)
        }
    }

    private static func encapsulated(_ packets: [[UInt8]], _ encapsulator: inout Encapsulator) -> Outcome {
        var datagrams: [[UInt8]] = []
        for packet in packets {
            let out = encapsulate(packet, with: &encapsulator)
            switch out.decision {
            case .drop(let reason): return .drop(reason)
            case .send(_, let length): datagrams.append(out.header + packet[..<length])
            }
        }
        return .datagrams(datagrams)
    }

    private static func model(_ header: [UInt8], _ packet: [UInt8], _ settings: Settings) -> Outcome {
        guard header[1] != 0 else {
            guard let packet = ReferenceKernel.finished(packet, asked: header) else { return .drop(.badOffload) }
            return encapsulatedByModel([packet], settings)
        }
        if let reason = ReferenceModel.headerDefect(packet) { return .drop(reason) }
        func number(_ offset: Int) -> Int { Int(header[offset]) + Int(header[offset + 1]) * 256 }
        let request = SegmentationRequest(
            flags: header[0], gsoType: header[1], gsoSize: number(4), checksumStart: number(6),
            checksumOffset: number(8))
        guard let segments = referenceSegments(packet, request) else { return .drop(.badOffload) }
        return encapsulatedByModel(segments, settings)
    }

    private static func encapsulatedByModel(_ packets: [[UInt8]], _ settings: Settings) -> Outcome {
        var identification: UInt16 = 1
        var datagrams: [[UInt8]] = []
        for packet in packets {
            if let reason = ReferenceModel.headerDefect(packet) { return .drop(reason) }
            let inner = packet[..<(Int(packet[2]) * 256 + Int(packet[3]))]
            if inner[8] == 0 { return .drop(.ttlZero) }
            if inner.count > 65_515 { return .drop(.tooBig) }
            func address(_ offset: Int) -> IPv4Address {
                IPv4Address(rawValue: inner[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) })
            }
            let cluster = ReferenceModel.cluster(acceptsForeignSources: false)
            guard let peer = cluster.peer(of: address(16)) else { return .drop(.noPeer) }
            let node = peer == 0 ? Cluster.first : ip("192.0.2.3")
            let outer = cluster.peers[peer][0]
            if [outer, node].contains(address(16)) { return .drop(.recursion) }
            if address(12) == Cluster.local, inner[9] == 4 || settings.refusesLocalSource { return .drop(.recursion) }
            let isAtomic = inner[6] & 0x40 != 0
            datagrams.append(
                PacketSpec(
                    source: Cluster.local, destination: outer, protocolNumber: 4,
                    timeToLive: settings.inheritsTimeToLive ? inner[8] : 64,
                    typeOfService: settings.fixedDSCP ? 46 << 2 | inner[1] & 3 : inner[1],
                    identification: isAtomic ? 0 : identification, flagsAndOffset: isAtomic ? 0x4000 : 0,
                    payload: Array(inner)
                ).bytes)
            if !isAtomic { identification = identification == 0xFFFF ? 1 : identification + 1 }
        }
        return .datagrams(datagrams)
    }
}
