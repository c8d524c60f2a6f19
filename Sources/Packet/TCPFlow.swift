// What the next segment of a flow must look like to be merged, and the few flows for which that is remembered.

/// The open group of one flow: its first segment, and where it goes on.
struct TCPFlow: BitwiseCopyable {
    /// Whether the group still takes segments.
    var isOpen = true
    /// The group's index.
    let group: Int
    /// Bytes of payload of all segments but the last.
    let segmentSize: Int

    private let peer: Int
    private let first: TCPSegment
    private let options: InlineArray<10, UInt32>
    private var nextSequence: UInt32
    private var count: UInt16 = 1
    private var length: Int
    /// Whether all segments bear the first one's identification; the second one decides.
    private var identificationIsFixed = false

    /// The flow of a group's first segment.
    init(_ segment: TCPSegment, of packet: RawSpan, from peer: Int, group: Int) {
        var options = InlineArray<10, UInt32>(repeating: 0)
        for index in 0..<Self.optionWords(segment) { options[index] = Self.option(index, packet) }
        self.options = options
        self.group = group
        self.peer = peer
        first = segment
        segmentSize = segment.payloadLength
        nextSequence = segment.sequence &+ UInt32(truncatingIfNeeded: segment.payloadLength)
        length = packet.byteCount
    }

    /// Whether the segment is exactly the one that a cut of the merged packet would make next.
    func isContinued(by segment: TCPSegment, of packet: RawSpan, from peer: Int) -> Bool {
        guard isOpen, segment.sequence == nextSequence, peer == self.peer,
            segment.networkFields == first.networkFields, segment.transportFields == first.transportFields,
            segment.acknowledgement == first.acknowledgement,
            segment.payloadLength <= segmentSize, length &+ segment.payloadLength <= 0xFFFF,
            identificationContinues(segment)
        else { return false }
        // The data offset is among the transport fields: both have as many.
        for index in 0..<Self.optionWords(segment) where options[index] != Self.option(index, packet) {
            return false
        }
        return true
    }

    /// Takes the segment in, and closes the group where it is the last one possible.
    mutating func extend(by segment: TCPSegment) {
        if count == 1 { identificationIsFixed = segment.identification == first.identification }
        count &+= 1
        length &+= segment.payloadLength
        nextSequence &+= UInt32(truncatingIfNeeded: segment.payloadLength)
        isOpen = segment.payloadLength == segmentSize && segment.endings == 0
    }

    /// A cut counts up. Where DF makes identifications meaningless (RFC 6864 section 4.1), one for all will do too.
    private func identificationContinues(_ segment: TCPSegment) -> Bool {
        if segment.identification == first.identification {
            return segment.dontFragment && (count == 1 || identificationIsFixed)
        }
        return segment.identification == first.identification &+ count && !identificationIsFixed
    }

    private static func optionWords(_ segment: TCPSegment) -> Int {
        (segment.headerLength &- IPv4Header.minimumLength &- TCPSegment.minimumHeaderLength) / 4
    }

    private static func option(_ index: Int, _ packet: RawSpan) -> UInt32 {
        packet.uint32(at: IPv4Header.minimumLength &+ TCPSegment.minimumHeaderLength &+ index &* 4)
    }
}

/// The flows seen last, in a fixed number of slots; the oldest one gives way, and its group is merely not extended.
@safe struct TCPFlowTable: ~Copyable {
    static let capacity = 32

    private var count = 0
    private var oldest = 0
    private let keys: UnsafeMutablePointer<FlowKey>
    private let flows: UnsafeMutablePointer<TCPFlow>

    init() {
        unsafe keys = .allocate(capacity: Self.capacity)
        unsafe flows = .allocate(capacity: Self.capacity)
    }

    deinit {
        unsafe keys.deallocate()
        unsafe flows.deallocate()
    }

    /// The flow's slot, for the calls below, until the next ``insert(_:for:)``.
    func slot(of key: FlowKey) -> Int? {
        for slot in 0..<count where unsafe keys[slot] == key { return slot }
        return nil
    }

    func isContinued(at slot: Int, by segment: TCPSegment, of packet: RawSpan, from peer: Int) -> Bool {
        unsafe flows[slot].isContinued(by: segment, of: packet, from: peer)
    }

    /// Returns the index of the group that was extended.
    mutating func extend(at slot: Int, by segment: TCPSegment) -> Int {
        unsafe flows[slot].extend(by: segment)
        return unsafe flows[slot].group
    }

    mutating func close(at slot: Int) { unsafe flows[slot].isOpen = false }

    /// Closes all flows from one address to another.
    mutating func close(addresses: UInt64) {
        for slot in 0..<count where unsafe keys[slot].addresses == addresses { close(at: slot) }
    }

    mutating func replace(at slot: Int, _ flow: TCPFlow) { unsafe flows[slot] = flow }

    mutating func insert(_ flow: TCPFlow, for key: FlowKey) {
        var slot = count
        if count < Self.capacity {
            count &+= 1
        } else {
            slot = oldest
            oldest = (oldest &+ 1) % Self.capacity
        }
        unsafe (keys + slot).initialize(to: key)
        unsafe (flows + slot).initialize(to: flow)
    }

    mutating func removeAll() {
        count = 0
        oldest = 0
    }
}
