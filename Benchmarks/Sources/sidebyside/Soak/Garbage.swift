// Datagrams of protocol 4 that no honest node sends; not one of them may come out of the tunnel.

import BenchmarkSupport
import Lab
import Net
import Packet

/// A kind of garbage.
enum Garbage: String, CaseIterable {
    /// Any bytes at all behind the outer header.
    case noise = "random bytes from the peer"
    case strangerNoise = "random bytes from strangers"
    /// A packet that would be welcome, had the peer sent it.
    case stranger = "good packets from strangers"
    case strangerOptions = "good packets from strangers, outer options"
    /// An inner source that is not the peer's.
    case foreign = "the peer, inner source of others"
    case cut = "the peer, inner packet cut short"
    case nested = "the peer, tunnel in the tunnel"
    case dead = "the peer, inner TTL 0"
    case fragment = "pieces that never become whole"

    /// Makes one, from its outer header.
    func make(using random: inout SplitMix64) -> [UInt8] {
        let good = ForgedPacket.udp(
            source: Garbage.workload, destination: Garbage.target, port: .random(in: 1 ... .max, using: &random),
            payload: Self.bytes(0...512, &random), timeToLive: 63)
        switch self {
        case .noise: return Self.outer(Garbage.peer, Self.bytes(0...600, &random), &random)
        case .strangerNoise: return Self.outer(Self.unknown(&random), Self.bytes(0...600, &random), &random)
        case .stranger: return Self.outer(Self.unknown(&random), good, &random)
        case .strangerOptions:
            var packet = Self.outer(Self.unknown(&random), good, &random)
            let words = Int.random(in: 1...10, using: &random)
            packet[0] = 0x45 + UInt8(words)
            // "No operation", which every host accepts; the kernel mends length and checksum.
            packet.insert(contentsOf: [UInt8](repeating: 1, count: words * 4), at: 20)
            return packet
        case .foreign:
            // Strangers' addresses, and the workload's own that is the target.
            let source = Bool.random(using: &random) ? Self.unknown(&random) : Garbage.target
            let inner = ForgedPacket.ipv4(
                source: source, destination: Garbage.target, protocolNumber: .random(in: 0 ... .max, using: &random),
                payload: Self.bytes(0...512, &random))
            return Self.outer(Garbage.peer, inner, &random)
        case .cut:
            return Self.outer(Garbage.peer, Array(good.prefix(.random(in: 0..<good.count, using: &random))), &random)
        case .nested:
            let inner = ForgedPacket.ipip(source: Garbage.peer, destination: Garbage.node, inner: good)
            return Self.outer(Garbage.peer, inner, &random)
        case .dead:
            let inner = ForgedPacket.ping(source: Garbage.workload, destination: Garbage.target, timeToLive: 0)
            return Self.outer(Garbage.peer, inner, &random)
        case .fragment:
            var packet = Self.outer(Garbage.peer, Self.bytes(8...256, &random), &random)
            // Anywhere but at the beginning, so that two of them never make a whole packet.
            packet[6] = 0x20 | .random(in: 1...0x1F, using: &random)
            return packet
        }
    }

    // n1, its workload, n2 and its workload, as the network of the paths has them.
    private static let peer = IPv4Address(rawValue: 0x0A00_0101)
    private static let workload = IPv4Address(rawValue: 0x0AF4_0102)
    static let node = IPv4Address(rawValue: 0x0A00_0201)
    private static let target = IPv4Address(rawValue: 0x0AF4_0202)

    /// 198.18.0.0/15, kept for measurements: nobody's here.
    private static func unknown(_ random: inout SplitMix64) -> IPv4Address {
        IPv4Address(rawValue: 0xC612_0000 | .random(in: 1...0x1_FFFE, using: &random))
    }

    private static func bytes(_ count: ClosedRange<Int>, _ random: inout SplitMix64) -> [UInt8] {
        var left: UInt64 = 0
        return (0 ..< .random(in: count, using: &random)).map { index in
            left = index % 8 == 0 ? random.next() : left >> 8
            return UInt8(truncatingIfNeeded: left)
        }
    }

    private static func outer(_ source: IPv4Address, _ inner: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
        ForgedPacket.ipip(
            source: source, destination: node, inner: inner, typeOfService: .random(in: 0 ... .max, using: &random),
            identification: .random(in: 1 ... .max, using: &random))
    }
}
