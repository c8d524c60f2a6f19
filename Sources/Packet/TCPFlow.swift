// What the next segment of a flow must look like, bit for bit, to be merged with those before it.

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
