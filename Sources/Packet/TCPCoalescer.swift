// Received TCP segments that follow each other become one write with GSO: decided per flow, in order, without a copy.

/// The packets of one turn, gathered into groups that are one write to the tunnel device each. For one thread.
///
/// The packets stay where they are; a group names them by position. A group of two or more is cut by the kernel into
/// exactly the packets that arrived (the identification aside, where DF is set): nothing is merged across a gap or any
/// difference of a header. Within a flow groups are in the order of arrival; nothing is allocated after `init`.
@safe public struct TCPCoalescer: ~Copyable, @unchecked Sendable {
    /// One write to the device.
    public struct Group: Hashable, Sendable {
        /// The position of the first packet, whose headers stand for all.
        public let first: Int
        /// How many packets it is made of.
        public internal(set) var count = 1
        /// Bytes of the merged packet; at most 65,535.
        public internal(set) var length: Int
        var last: Int
        /// FIN and PSH of the last packet.
        var endings: UInt8 = 0
        /// Bytes of payload of the second packet and those after it, the last one perhaps fewer; 0 where it has none.
        var segmentSize = 0
        var headerLength = 0
        let offload: Offload

        /// Bytes of all the packets, as they arrived.
        public var receivedBytes: Int { length &+ (count &- 1) &* headerLength }
    }

    private struct Member: BitwiseCopyable {
        var start: Int
        var end: Int
        /// -1 at the end of the group.
        var next: Int
    }

    /// How many positions there are.
    public let capacity: Int
    /// How many groups the packets added so far make.
    public private(set) var groupCount = 0
    private var nextPosition = 0
    private var flows = TCPFlowTable()
    private let groups: UnsafeMutablePointer<Group>
    private let members: UnsafeMutablePointer<Member>

    /// Makes one with room for a turn of `capacity` packets, at least 1.
    public init(capacity: Int = 64) {
        self.capacity = max(1, capacity)
        unsafe groups = .allocate(capacity: max(1, capacity))
        unsafe members = .allocate(capacity: max(1, capacity))
        unsafe members.initialize(repeating: Member(start: 0, end: 0, next: -1), count: max(1, capacity))
    }

    deinit {
        unsafe groups.deallocate()
        unsafe members.deallocate()
    }

    /// Adds an inner packet, as decapsulation left it.
    ///
    /// - Parameters:
    ///   - packet: exactly the packet, without padding.
    ///   - offload: what decapsulation found; only a finished packet is merged.
    ///   - peer: the sender; packets of different peers are never merged.
    ///   - position: the packet's name, such as its slot in the arena. Positions ascend; some may be left out.
    /// - Precondition: the position is below ``capacity`` and above all that were added since the last ``reset()``.
    public mutating func add(_ packet: RawSpan, offload: Offload, peer: Int, at position: Int) {
        precondition(position >= nextPosition && position < capacity, "positions ascend within the capacity")
        nextPosition = position &+ 1
        guard case .success(let header) = IPv4Header.parse(packet), header.totalLength == packet.byteCount,
            header.protocolNumber == IPProtocol.tcp
        else { return start(packet, offload, at: position) }
        guard !header.isFragment else {
            // The ports are in the first fragment alone: it may be of any flow between the two.
            flows.close(addresses: FlowKey.addresses(of: header))
            return start(packet, offload, at: position)
        }
        guard let key = FlowKey(packet, header) else { return start(packet, offload, at: position) }
        let slot = flows.slot(of: key)
        guard case .none = offload, let segment = TCPSegment(packet, header) else {
            if let slot { flows.close(at: slot) }
            return start(packet, offload, at: position)
        }

        var continued = false
        if let slot { continued = flows.isContinued(at: slot, by: segment, of: packet, from: peer) }
        // One that neither joins a group nor can begin one is passed on as it is.
        let isMergeable = (continued || segment.endings == 0) && TCPSegment.checksumsAreRight(packet, header)
        if continued, isMergeable, let slot {
            return append(packet, segment, to: flows.extend(at: slot, by: segment), at: position)
        }
        let group = groupCount
        start(packet, offload, at: position)
        if isMergeable, segment.endings == 0 {
            let flow = TCPFlow(segment, of: packet, from: peer, group: group)
            if let slot { flows.replace(at: slot, flow) } else { flows.insert(flow, for: key) }
        } else if let slot {
            flows.close(at: slot)
        }
    }

    private mutating func start(_ packet: RawSpan, _ offload: Offload, at position: Int) {
        unsafe members[position] = Member(start: 0, end: packet.byteCount, next: -1)
        unsafe (groups + groupCount).initialize(
            to: Group(first: position, length: packet.byteCount, last: position, offload: offload))
        groupCount &+= 1
    }

    private mutating func append(_ packet: RawSpan, _ segment: TCPSegment, to index: Int, at position: Int) {
        unsafe members[position] = Member(start: segment.headerLength, end: packet.byteCount, next: -1)
        var group = unsafe groups[index]
        unsafe members[group.last].next = position
        if group.count == 1 {
            group.segmentSize = group.length &- segment.headerLength
            group.headerLength = segment.headerLength
        }
        group.count &+= 1
        group.length &+= segment.payloadLength
        group.last = position
        group.endings = segment.endings
        unsafe groups[index] = group
    }

    /// The group at `index`, in the order in which groups are to be written.
    ///
    /// - Precondition: `index` is below ``groupCount``.
    public func group(_ index: Int) -> Group {
        precondition(index >= 0 && index < groupCount, "no such group")
        return unsafe groups[index]
    }

    /// The position of the packet that follows in the same group, nil after the last.
    ///
    /// - Precondition: a packet was added at `position`.
    public func next(after position: Int) -> Int? {
        let next = unsafe members[checked(position)].next
        return next < 0 ? nil : next
    }

    /// The bytes of a packet that go into the write: all of a group's first one, the payload of the others.
    ///
    /// - Precondition: a packet was added at `position`.
    public func bytes(at position: Int) -> Range<Int> {
        let member = unsafe members[checked(position)]
        return member.start..<member.end
    }

    private func checked(_ position: Int) -> Int {
        precondition(position >= 0 && position < nextPosition, "no packet at this position")
        return position
    }

    /// Edits the headers of a group's first packet to those of the merged packet and tells what the device must know.
    ///
    /// Total length, header checksum, FIN and PSH change, and the TCP checksum becomes the pseudo-header sum. A packet
    /// that is alone is not touched and keeps the offload that was found.
    ///
    /// - Precondition: `packet` is the packet that was added at the group's first position.
    public func finish(_ index: Int, first packet: inout MutableRawSpan) -> Offload {
        let group = group(index)
        guard group.count > 1 else { return group.offload }
        let header = IPv4Header(unchecked: packet.bytes, at: 0)
        let length = UInt16(truncatingIfNeeded: group.length)
        let start = IPv4Header.minimumLength
        packet.store(length, at: TCPSegment.totalLengthOffset)
        packet.store(
            InternetChecksum.update(header.checksum, from: UInt16(header.totalLength), to: length),
            at: IPv4Header.checksumOffset)
        let flags = packet.bytes.uint8(at: start &+ TCPSegment.flagsOffset)
        packet.store(flags | group.endings, at: start &+ TCPSegment.flagsOffset)
        let pseudoHeader = InternetChecksum.pseudoHeaderSum(
            source: header.source, destination: header.destination, protocolNumber: header.protocolNumber,
            length: length &- UInt16(start))
        packet.store(pseudoHeader, at: start &+ Offload.tcpChecksumOffset)
        return .tcpSegments(
            size: UInt16(truncatingIfNeeded: group.segmentSize),
            headerLength: UInt16(truncatingIfNeeded: group.headerLength), checksumStart: UInt16(start),
            congestionWindowReduced: false)
    }

    /// Forgets all packets: the next turn begins.
    public mutating func reset() {
        groupCount = 0
        nextPosition = 0
        flows.removeAll()
    }
}
