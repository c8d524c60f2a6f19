// A queueing discipline of a device, and its decoding.

internal import CMnl

/// A queueing discipline from a dump or a notification.
public struct QdiscMessage: Hashable, Sendable {
    /// The parent of the discipline that the device's packets come to first (`TC_H_ROOT`).
    public static let root: UInt32 = 0xFFFF_FFFF

    /// The device's index.
    public var link: Int32
    /// As `tc` names it: `fq_codel`, `tbf`; `ingress` and `clsact` hold filters and queue nothing.
    public var kind: String
    /// The class that it hangs on; ``root`` for none.
    public var parent: UInt32
    /// 0 for one that the kernel made.
    public var handle: UInt32

    /// A queueing discipline.
    public init(link: Int32, kind: String, parent: UInt32 = root, handle: UInt32 = 0) {
        self.link = link
        self.kind = kind
        self.parent = parent
        self.handle = handle
    }

    /// Decodes `RTM_NEWQDISC` or `RTM_DELQDISC`; nil for a truncated message.
    init?(_ message: Message) {
        guard let header = message.fixed(tcmsg.self) else { return nil }
        self.init(link: header.tcm_ifindex, kind: "", parent: header.tcm_parent, handle: header.tcm_handle)
        var attributes = message.attributes(at: MemoryLayout<tcmsg>.size)
        while let attribute = attributes.next() {
            if attribute.type == TrafficAttribute.kind { kind = attribute.text }
        }
        guard attributes.isExhausted else { return nil }
    }
}
