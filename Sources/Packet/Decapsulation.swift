// The inward step: one outer datagram becomes an inner packet of a known peer, edited in place, or a drop reason.

public import Net

/// What becomes of a datagram on its way in.
public enum DecapsulationDecision: Hashable, Sendable {
    /// Write `length` bytes from `offset` of the datagram to the tunnel device, with what the device must be told.
    case deliver(offset: Int, length: Int, peer: Int, offload: Offload)
    case drop(DropReason)
}

/// The inward step; it keeps no state of its own.
public struct Decapsulator: Sendable {
    /// What is let in.
    public struct Settings: Hashable, Sendable {
        /// This node's address: the only outer destination that is taken.
        public var localAddress: IPv4Address
        /// The tunnel device's MTU in bytes; longer TCP packets are handed over as segments to cut.
        public var deviceMTU: Int
        /// Take inner sources that belong to nobody or to another peer: D4 switched off, for hosts that forward.
        public var acceptsForeignSources: Bool

        /// Settings, with the conforming default.
        public init(localAddress: IPv4Address, deviceMTU: Int, acceptsForeignSources: Bool = false) {
            self.localAddress = localAddress
            self.deviceMTU = deviceMTU
            self.acceptsForeignSources = acceptsForeignSources
        }
    }

    /// What is let in; may change between packets.
    public var settings: Settings

    /// A step with these settings.
    public init(settings: Settings) {
        self.settings = settings
    }

    /// Decides over one datagram as a raw socket of protocol 4 hands it over, outer header included.
    ///
    /// A delivered packet's ECN field, and with it the header checksum, may have been edited in place; a dropped one
    /// is untouched. The kernel has checked the outer checksum and reassembled fragments (D1, D5); the inner TTL is
    /// not changed (D7).
    public func decapsulate(_ datagram: inout MutableRawSpan, table: ForwardingTable) -> DecapsulationDecision {
        let outer: IPv4Header
        switch IPv4Header.parse(datagram.bytes) {
        case .success(let parsed): outer = parsed
        case .failure(let reason): return .drop(reason)
        }
        guard outer.protocolNumber == IPProtocol.ipip else { return .drop(.notIPIP) }
        guard outer.destination == settings.localAddress else { return .drop(.notForUs) }
        guard !outer.isFragment else { return .drop(.outerFragment) }
        let offset = outer.headerLength
        guard outer.totalLength >= offset &+ IPv4Header.minimumLength else { return .drop(.badTotalLength) }
        guard let peer = table.peer(forOuter: outer.source) else { return .drop(.unknownOuterSource) }

        let inner: IPv4Header
        // The span ends where the outer total length does: padding behind it is no part of the inner packet.
        switch IPv4Header.parse(datagram.bytes.extracting(0..<outer.totalLength), at: offset) {
        case .success(let parsed): inner = parsed
        case .failure(let reason): return .drop(reason)
        }
        guard inner.timeToLive > 0 else { return .drop(.ttlZero) }
        if let reason = refusal(of: inner, from: peer, table: table) { return .drop(reason) }

        guard let ecn = ECN.decapsulated(outer: outer.ecn, inner: inner.ecn) else {
            return .drop(.ecnIllegalCombination)
        }
        if ecn != inner.ecn { mark(ecn, inner, at: offset, in: &datagram) }
        let offload = Offload.detect(inner, at: offset, in: &datagram, mtu: settings.deviceMTU)
        return .deliver(offset: offset, length: inner.totalLength, peer: peer, offload: offload)
    }

    /// D4, and D9 for tunnels in tunnels.
    private func refusal(of inner: IPv4Header, from peer: Int, table: ForwardingTable) -> DropReason? {
        let isNested = inner.protocolNumber == IPProtocol.ipip
        // A packet for another tunnel must name its peer even where foreign sources are let in, or it could pass for
        // anybody's once it comes round.
        if isNested || !settings.acceptsForeignSources {
            guard table.owns(peer: peer, innerSource: inner.source) else { return .innerSourceNotOfPeer }
        }
        // It would come straight back to this step: one datagram must not buy many rounds.
        return isNested && inner.destination == settings.localAddress ? .recursion : nil
    }

    /// Writes the new ECN codepoint and mends the checksum by the difference (RFC 1624).
    private func mark(_ ecn: ECN, _ inner: IPv4Header, at offset: Int, in datagram: inout MutableRawSpan) {
        let typeOfService = inner.typeOfService & 0xFC | ecn.rawValue
        // Version and IHL share the 16-bit word, unchanged; only the low byte differs.
        let checksum = InternetChecksum.update(
            inner.checksum, from: UInt16(inner.typeOfService), to: UInt16(typeOfService))
        datagram.store(typeOfService, at: offset &+ IPv4Header.typeOfServiceOffset)
        datagram.store(checksum, at: offset &+ IPv4Header.checksumOffset)
    }
}
