// What a device has counted, asked for by name: statistics change with every packet, so they are no part of LinkMessage.

internal import CMnl
internal import Glibc

/// Counters of a device (`struct rtnl_link_stats64`), as far as they are asked for.
public struct LinkStatistics: Hashable, Sendable {
    public var transmitPackets: UInt64
    /// With the link layer's header.
    public var transmitBytes: UInt64
    /// Outer CE on an inner packet without ECN (RFC 3168).
    public var receiveFrameErrors: UInt64
    /// All that was not sent, but for what is counted as ``transmitDropped``.
    public var transmitErrors: UInt64
    /// No memory for the outer header.
    public var transmitDropped: UInt64
    /// No route to the far end; a part of ``transmitErrors``.
    public var transmitCarrierErrors: UInt64
    /// The outer packet was refused on its way out; a part of ``transmitErrors``.
    public var transmitAbortedErrors: UInt64
    /// The far end is reached through the device itself; a part of ``transmitErrors``.
    public var collisions: UInt64

    /// Counters.
    public init(
        transmitPackets: UInt64 = 0, transmitBytes: UInt64 = 0, receiveFrameErrors: UInt64 = 0,
        transmitErrors: UInt64 = 0, transmitDropped: UInt64 = 0, transmitCarrierErrors: UInt64 = 0,
        transmitAbortedErrors: UInt64 = 0, collisions: UInt64 = 0
    ) {
        self.transmitPackets = transmitPackets
        self.transmitBytes = transmitBytes
        self.receiveFrameErrors = receiveFrameErrors
        self.transmitErrors = transmitErrors
        self.transmitDropped = transmitDropped
        self.transmitCarrierErrors = transmitCarrierErrors
        self.transmitAbortedErrors = transmitAbortedErrors
        self.collisions = collisions
    }

    /// What was counted after `earlier`; 0 for a counter that has begun anew.
    public func since(_ earlier: LinkStatistics) -> LinkStatistics {
        func more(_ now: UInt64, _ then: UInt64) -> UInt64 { now - min(now, then) }
        return LinkStatistics(
            transmitPackets: more(transmitPackets, earlier.transmitPackets),
            transmitBytes: more(transmitBytes, earlier.transmitBytes),
            receiveFrameErrors: more(receiveFrameErrors, earlier.receiveFrameErrors),
            transmitErrors: more(transmitErrors, earlier.transmitErrors),
            transmitDropped: more(transmitDropped, earlier.transmitDropped),
            transmitCarrierErrors: more(transmitCarrierErrors, earlier.transmitCarrierErrors),
            transmitAbortedErrors: more(transmitAbortedErrors, earlier.transmitAbortedErrors),
            collisions: more(collisions, earlier.collisions))
    }

    /// Decodes `RTM_NEWLINK`; nil where it has no statistics.
    init?(_ message: Message) {
        var attributes = message.attributes(at: MemoryLayout<ifinfomsg>.size)
        while let attribute = attributes.next() {
            // Kernels append to the structure, so it is shorter in older ones than in the header: only the part up to
            // `tx_carrier_errors` is looked at, which all have.
            guard attribute.type == LinkAttribute.statistics,
                let counts = attribute.prefix(InlineArray<18, UInt64>.self)
            else { continue }
            self.init(
                transmitPackets: counts[1], transmitBytes: counts[3], receiveFrameErrors: counts[13],
                transmitErrors: counts[5], transmitDropped: counts[7], transmitCarrierErrors: counts[17],
                transmitAbortedErrors: counts[16], collisions: counts[9])
            return
        }
        return nil
    }
}

extension NetlinkSocket {
    /// What the device of this name has counted; nil where there is none.
    public mutating func statistics(ofLink name: String) throws(NetlinkError) -> LinkStatistics? {
        var request = RequestBuffer()
        LinkSelector.name(name).encode(type: MessageType.getLink, into: &request)
        return try ask(&request, absent: ENODEV) { LinkStatistics($0) }
    }
}
