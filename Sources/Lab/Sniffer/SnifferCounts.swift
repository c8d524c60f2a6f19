// What a sniffer saw, by addresses and protocols; sums are taken from it.

public import Net

/// What packets have in common.
public struct PacketKey: Hashable, Sendable {
    /// The packet inside an IP-in-IP packet.
    public struct Inner: Hashable, Sendable {
        public var source: IPv4Address
        public var destination: IPv4Address
        public var protocolNumber: UInt8
    }

    public var source: IPv4Address
    public var destination: IPv4Address
    /// The outer protocol number; 4 is IP-in-IP.
    public var protocolNumber: UInt8
    /// Nil for plain packets, and for later fragments of IP-in-IP packets.
    public var inner: Inner?
}

/// Packets that a sniffer saw since it was last cleared.
public struct SnifferCounts: Hashable, Sendable {
    /// Packets and bytes of one kind; a segmentation-offload packet counts once, with its whole length.
    public struct Tally: Hashable, Sendable {
        public var packets = 0
        public var bytes = 0
        /// Bytes of the largest.
        public var largest = 0

        mutating func add(_ length: Int) {
            packets += 1
            bytes += length
            largest = max(largest, length)
        }
    }

    /// Each kind that was seen; at most 4096 kinds are told apart.
    public internal(set) var kinds: [PacketKey: Tally] = [:]
    /// Packets of further kinds, and such as are no valid IPv4.
    public internal(set) var others = 0

    /// Nothing seen.
    public init() {}

    /// Packets of all kinds that a condition holds for.
    public func packets(where condition: (PacketKey) -> Bool) -> Int {
        kinds.reduce(0) { condition($1.key) ? $0 + $1.value.packets : $0 }
    }

    /// Bytes of the largest packet of all kinds that a condition holds for; 0 where there was none.
    public func largestPacket(where condition: (PacketKey) -> Bool) -> Int {
        kinds.reduce(0) { condition($1.key) ? max($0, $1.value.largest) : $0 }
    }

    /// IP-in-IP packets.
    public var ipip: Int { packets { $0.protocolNumber == 4 } }
    /// All others.
    public var plain: Int { packets { $0.protocolNumber != 4 } + others }
    /// IP-in-IP packets between two nodes, in this direction.
    public func ipip(from source: IPv4Address, to destination: IPv4Address) -> Int {
        packets { $0.protocolNumber == 4 && $0.source == source && $0.destination == destination }
    }
    /// Plain packets of a protocol; nil for all.
    public func plain(protocolNumber: UInt8? = nil) -> Int {
        packets { $0.protocolNumber != 4 && (protocolNumber == nil || $0.protocolNumber == protocolNumber) }
    }
    /// IP-in-IP packets with an inner packet of a protocol.
    public func ipip(innerProtocol: UInt8) -> Int {
        packets { $0.inner?.protocolNumber == innerProtocol }
    }
    /// Plain packets from one address to another: workloads', say, where nothing is encapsulated.
    public func plain(from source: IPv4Address, to destination: IPv4Address) -> Int {
        packets { $0.protocolNumber != 4 && $0.source == source && $0.destination == destination }
    }
}
