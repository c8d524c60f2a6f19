// A filter of traffic control on a device's clsact discipline, and its decoding.

internal import CMnl

/// A filter that sees a device's packets on their way in or out.
public struct TrafficFilterMessage: Hashable, Sendable {
    /// The device's index.
    public var link: Int32
    /// Whether it sees what is sent; otherwise what was received.
    public var isEgress: Bool
    /// Smaller ones come first.
    public var priority: UInt16
    /// Its number within the priority.
    public var handle: UInt32
    /// As `tc` names it: `bpf`, `flower`.
    public var kind: String
    /// The name that a `bpf` filter was given; empty for others.
    public var name: String
    /// The kernel's number of a `bpf` filter's program; 0 for others.
    public var program: UInt32

    /// A filter.
    public init(
        link: Int32, isEgress: Bool, priority: UInt16, handle: UInt32, kind: String, name: String = "",
        program: UInt32 = 0
    ) {
        self.link = link
        self.isEgress = isEgress
        self.priority = priority
        self.handle = handle
        self.kind = kind
        self.name = name
        self.program = program
    }

    /// Decodes `RTM_NEWTFILTER`; nil for a truncated message.
    init?(_ message: Message) {
        guard let header = message.fixed(tcmsg.self) else { return nil }
        self.init(
            link: header.tcm_ifindex, isEgress: header.tcm_parent == TrafficHookParent.egress,
            // The lower half is the protocol.
            priority: UInt16(truncatingIfNeeded: header.tcm_info >> 16), handle: header.tcm_handle, kind: "")
        var attributes = message.attributes(at: MemoryLayout<tcmsg>.size)
        while let attribute = attributes.next() {
            switch attribute.type {
            case QdiscAttribute.kind: kind = attribute.text
            case UInt16(TCA_OPTIONS): readOptions(attribute.nested())
            default: break
            }
        }
        guard attributes.isExhausted else { return nil }
    }

    private mutating func readOptions(_ attributes: Attributes) {
        guard kind == "bpf" else { return }
        var attributes = attributes
        while let attribute = attributes.next() {
            switch attribute.type {
            case UInt16(TCA_BPF_NAME): name = attribute.text
            case UInt16(TCA_BPF_ID): program = attribute.load(UInt32.self) ?? 0
            default: break
            }
        }
    }
}

/// What the filters of a `clsact` hang on (`TC_H_CLSACT` with `TC_H_MIN_INGRESS` or `TC_H_MIN_EGRESS`).
enum TrafficHookParent {
    static let ingress: UInt32 = 0xFFFF_FFF2
    static let egress: UInt32 = 0xFFFF_FFF3
}

extension NetlinkSocket {
    /// The filters on a device's `clsact`, of both directions; none where it has none.
    public mutating func trafficFilters(link: Int32) throws(NetlinkError) -> [TrafficFilterMessage] {
        var filters: [TrafficFilterMessage] = []
        for parent in [TrafficHookParent.ingress, TrafficHookParent.egress] {
            var header = tcmsg()
            header.tcm_ifindex = link
            header.tcm_parent = parent
            var request = RequestBuffer()
            request.append(type: MessageType.getTrafficFilter, flags: MessageFlag.dump) { $0.put(header) }
            filters += try list(&request, operation: "list filters") { TrafficFilterMessage($0) }
        }
        // Each priority is listed once more for itself, as a filter without a number.
        return filters.filter { $0.handle != 0 }
    }
}
