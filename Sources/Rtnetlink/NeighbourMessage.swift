// A neighbour on a link, as the kernel's ARP table has it, and its decoding.

internal import CMnl
public import Net

/// An IPv4 neighbour from a dump or a notification.
public struct NeighbourMessage: Hashable, Sendable {
    /// How sure the kernel is of a neighbour (`NUD_*`); one of these, or none for an entry without any.
    public struct State: OptionSet, Hashable, Sendable {
        public let rawValue: UInt16
        /// A state by its bit.
        public init(rawValue: UInt16) { self.rawValue = rawValue }
        /// Asked for, and not answered yet.
        public static let incomplete = State(rawValue: UInt16(NUD_INCOMPLETE))
        public static let reachable = State(rawValue: UInt16(NUD_REACHABLE))
        /// Not heard from lately; asked again only after it has been used.
        public static let stale = State(rawValue: UInt16(NUD_STALE))
        /// Used while stale: it will be asked unless something else confirms it.
        public static let delay = State(rawValue: UInt16(NUD_DELAY))
        /// Being asked, while packets still go to it.
        public static let probe = State(rawValue: UInt16(NUD_PROBE))
        public static let failed = State(rawValue: UInt16(NUD_FAILED))
        /// A device that needs no ARP, or an address that has none.
        public static let noARP = State(rawValue: UInt16(NUD_NOARP))
        /// Set by a person or a program.
        public static let permanent = State(rawValue: UInt16(NUD_PERMANENT))
    }

    /// The device's index.
    public var link: Int32
    public var address: IPv4Address
    /// The link-layer address; empty while it is not known.
    public var hardwareAddress: [UInt8]
    public var state: State
    /// The raw `NTF_*` flags.
    public var flags: UInt8

    /// A neighbour.
    public init(link: Int32, address: IPv4Address, hardwareAddress: [UInt8] = [], state: State, flags: UInt8 = 0) {
        self.link = link
        self.address = address
        self.hardwareAddress = hardwareAddress
        self.state = state
        self.flags = flags
    }

    /// Decodes `RTM_NEWNEIGH` or `RTM_DELNEIGH`; nil for another family (a bridge's table, say) or a truncated message.
    init?(_ message: Message) {
        guard let header = message.fixed(ndmsg.self), header.ndm_family == ipv4Family else { return nil }
        var address: UInt32?
        var hardwareAddress: [UInt8] = []
        var attributes = message.attributes(at: MemoryLayout<ndmsg>.size)
        while let attribute = attributes.next() {
            switch attribute.type {
            case NeighbourAttribute.destination:
                guard let value = attribute.bigEndian32 else { return nil }
                address = value
            case NeighbourAttribute.hardwareAddress:
                hardwareAddress = attribute.bytes
            default:
                break
            }
        }
        guard attributes.isExhausted, let address else { return nil }
        self.init(
            link: header.ndm_ifindex, address: IPv4Address(rawValue: address), hardwareAddress: hardwareAddress,
            state: State(rawValue: header.ndm_state), flags: header.ndm_flags)
    }
}
