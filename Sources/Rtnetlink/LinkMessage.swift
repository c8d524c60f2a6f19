// A network device as the kernel tells it, and its decoding.

internal import CMnl
public import Net

/// A network device from a dump, a lookup or a notification.
public struct LinkMessage: Hashable, Sendable {
    /// The interface index, positive.
    public var index: Int32
    public var name: String
    /// Bytes of an IP packet.
    public var mtu: Int
    /// The raw `IFF_*` flags.
    public var flags: UInt32
    /// The driver as rtnetlink names it (`tun`, `veth`, `ipip`), empty for hardware.
    public var kind: String
    /// What a device of kind `ipip` was told; nil for another kind.
    public var ipip: IPIPParameters?
    /// The index of the bridge or bond it belongs to; 0 for none.
    public var master: Int32
    /// The index of the device below or of a veth's peer (`IFLA_LINK`); 0 for none.
    public var lowerLink: Int32
    /// The namespace of ``lowerLink`` as this one numbers it; nil where it is the same.
    public var lowerLinkNamespace: Int32?
    /// The link-layer address; four bytes for an IP tunnel, empty for a TUN.
    public var hardwareAddress: [UInt8]
    /// The link layer (`ARPHRD_*`); 0 where it was not told.
    public var hardwareType: UInt16

    /// Whether it is administratively up (`IFF_UP`).
    public var isUp: Bool { flags & UInt32(IFF_UP) != 0 }
    /// Whether it has a carrier (`IFF_LOWER_UP`).
    public var isLowerUp: Bool { flags & UInt32(IFF_LOWER_UP.rawValue) != 0 }
    /// Whether it sends (`IFF_RUNNING`): the kernel has taken notice of the carrier, and packets meet its queue.
    public var isRunning: Bool { flags & UInt32(IFF_RUNNING) != 0 }
    /// Whether its frames are Ethernet's (`ARPHRD_ETHER`).
    public var isEthernet: Bool { hardwareType == UInt16(ARPHRD_ETHER) }

    /// A device.
    public init(
        index: Int32, name: String, mtu: Int = 0, flags: UInt32 = 0, kind: String = "",
        ipip: IPIPParameters? = nil, master: Int32 = 0, lowerLink: Int32 = 0, lowerLinkNamespace: Int32? = nil,
        hardwareAddress: [UInt8] = [], hardwareType: UInt16 = 0
    ) {
        self.index = index
        self.name = name
        self.mtu = mtu
        self.flags = flags
        self.kind = kind
        self.ipip = ipip
        self.master = master
        self.lowerLink = lowerLink
        self.lowerLinkNamespace = lowerLinkNamespace
        self.hardwareAddress = hardwareAddress
        self.hardwareType = hardwareType
    }

    /// Decodes `RTM_NEWLINK` or `RTM_DELLINK`; nil for a truncated message and for another family:
    /// with `AF_BRIDGE` the message is about a bridge port, and its deletion is not the device's.
    init?(_ message: Message) {
        guard let header = message.fixed(ifinfomsg.self), header.ifi_family == UInt8(AF_UNSPEC), header.ifi_index > 0
        else { return nil }
        self.init(index: header.ifi_index, name: "", flags: header.ifi_flags, hardwareType: header.ifi_type)
        var attributes = message.attributes(at: MemoryLayout<ifinfomsg>.size)
        while let attribute = attributes.next() {
            switch attribute.type {
            case LinkAttribute.name:
                name = attribute.text
            case LinkAttribute.mtu:
                guard let value = attribute.load(UInt32.self) else { return nil }
                mtu = Int(value)
            case LinkAttribute.master:
                guard let value = attribute.load(Int32.self) else { return nil }
                master = value
            case LinkAttribute.lowerLink:
                guard let value = attribute.load(Int32.self) else { return nil }
                lowerLink = value
            case LinkAttribute.lowerLinkNamespace:
                guard let value = attribute.load(Int32.self) else { return nil }
                lowerLinkNamespace = value
            case LinkAttribute.hardwareAddress:
                hardwareAddress = attribute.bytes
            case LinkAttribute.info:
                var info = attribute.nested()
                while let entry = info.next() {
                    // The kernel writes the kind before its data.
                    if entry.type == LinkAttribute.infoKind { kind = entry.text }
                    guard entry.type == LinkAttribute.infoData, kind == "ipip" else { continue }
                    guard let data = IPIPParameters(entry.nested()) else { return nil }
                    ipip = data
                }
            default:
                break
            }
        }
        guard attributes.isExhausted else { return nil }
    }
}
