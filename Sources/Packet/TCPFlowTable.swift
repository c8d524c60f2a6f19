// The few TCP flows of one turn that may go on, in fixed storage, found by addresses and ports.

import Net

/// Addresses and ports of a TCP flow, in one direction.
struct FlowKey: Equatable, BitwiseCopyable {
    /// Source and destination, the source in the upper half.
    let addresses: UInt64
    /// Source and destination port, the source in the upper half.
    let ports: UInt32

    /// The flow of a whole TCP packet; nil where it ends before the ports do.
    init?(_ packet: RawSpan, _ header: IPv4Header) {
        guard packet.byteCount >= header.headerLength &+ 4 else { return nil }
        addresses = Self.addresses(of: header)
        ports = packet.uint32(at: header.headerLength)
    }

    /// The part of the key that fragments have too.
    static func addresses(of header: IPv4Header) -> UInt64 {
        UInt64(header.source.rawValue) &<< 32 | UInt64(header.destination.rawValue)
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
