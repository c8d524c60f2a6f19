// A filter of traffic control (tc) on one side of a device, and its decoding.

internal import CMnl

/// Which packets of a device a filter sees, where a `clsact` discipline holds it.
public enum TrafficSide: Hashable, Sendable, CaseIterable {
    /// What the device receives.
    case ingress
    /// What it sends.
    case egress

    /// The filter's parent: a class of `clsact` (`TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)`).
    var parent: UInt32 {
        switch self {
        case .ingress: UInt32(TC_H_CLSACT) & 0xFFFF_0000 | UInt32(TC_H_MIN_INGRESS)
        case .egress: UInt32(TC_H_CLSACT) & 0xFFFF_0000 | UInt32(TC_H_MIN_EGRESS)
        }
    }
}

/// A filter from a dump or a notification.
public struct TrafficFilterMessage: Hashable, Sendable {
    /// Of a filter for packets of every kind (`ETH_P_ALL`).
    public static let allEtherTypes: UInt16 = 3

    /// The device's index; negative where a block of several devices shares the filter.
    public var link: Int32
    /// Nil for a filter that hangs elsewhere, on a class of a discipline that queues, say.
    public var side: TrafficSide?
    /// Lower ones see a packet first.
    public var priority: UInt16
    /// The EtherType that it is for, in host byte order.
    public var etherType: UInt16
    /// Which of the filters of this priority; 0 for the place of all of them.
    public var handle: UInt32
    /// As `tc` names it: `bpf`, `flower`, `matchall`.
    public var kind: String
    /// What a filter of kind `bpf` is called, by whoever attached it.
    public var name: String
    /// The program of a filter of kind `bpf`, by the kernel's number for it; 0 where the kernel does not say.
    public var program: UInt32

    /// A filter.
    public init(
        link: Int32, side: TrafficSide?, priority: UInt16, etherType: UInt16 = allEtherTypes, handle: UInt32 = 1,
        kind: String = "bpf", name: String = "", program: UInt32 = 0
    ) {
        self.link = link
        self.side = side
        self.priority = priority
        self.etherType = etherType
        self.handle = handle
        self.kind = kind
        self.name = name
        self.program = program
    }

    /// Decodes `RTM_NEWTFILTER` or `RTM_DELTFILTER`; nil for a truncated message.
    init?(_ message: Message) {
        guard let header = message.fixed(tcmsg.self) else { return nil }
        self.init(
            link: header.tcm_ifindex, side: TrafficSide.allCases.first { $0.parent == header.tcm_parent },
            priority: UInt16(header.tcm_info >> 16),
            etherType: UInt16(bigEndian: UInt16(truncatingIfNeeded: header.tcm_info)), handle: header.tcm_handle,
            kind: "")
        var attributes = message.attributes(at: MemoryLayout<tcmsg>.size)
        while let attribute = attributes.next() {
            switch attribute.type {
            case TrafficAttribute.kind: kind = attribute.text
            // The kind stands before what is of the kind.
            case TrafficAttribute.options where kind == "bpf": read(attribute.nested())
            default: break
            }
        }
        guard attributes.isExhausted else { return nil }
    }

    private mutating func read(_ options: Attributes) {
        var options = options
        while let option = options.next() {
            switch option.type {
            case TrafficAttribute.programName: name = option.text
            case TrafficAttribute.programID: program = option.load(UInt32.self) ?? 0
            default: break
            }
        }
    }
}

extension NetlinkSocket {
    /// The filters of a device, in the order in which packets meet them; none where the device is not there or has neither
    /// `clsact` nor, for what it receives, `ingress`.
    public mutating func trafficFilters(link: Int32) throws(NetlinkError) -> [TrafficFilterMessage] {
        try trafficFilters(link: link, side: .ingress) + trafficFilters(link: link, side: .egress)
    }

    /// The same of one side.
    public mutating func trafficFilters(
        link: Int32, side: TrafficSide
    ) throws(NetlinkError) -> [TrafficFilterMessage] {
        var header = tcmsg()
        header.tcm_ifindex = link
        header.tcm_parent = side.parent
        var request = RequestBuffer()
        request.append(type: MessageType.getTrafficFilter, flags: MessageFlag.dump) { $0.put(header) }
        return try list(&request, operation: "list traffic filters") { TrafficFilterMessage($0) }
            // A priority is listed by itself too, before its filters.
            .filter { $0.handle != 0 }
    }
}
