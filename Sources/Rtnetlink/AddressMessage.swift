// An IPv4 address on a device: what the kernel tells, and what is asked of it.

internal import CMnl
public import Net

/// An IPv4 address on a device.
public struct AddressMessage: Hashable, Sendable {
    /// The state of an address (`IFA_F_*`).
    public struct Flags: OptionSet, Hashable, Sendable {
        public let rawValue: UInt32
        /// Flags by their bits.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// The kernel makes no route to the subnet for it.
        public static let noPrefixRoute = Flags(rawValue: UInt32(IFA_F_NOPREFIXROUTE))
    }

    /// The device's index.
    public var link: Int32
    public var address: IPv4InterfaceAddress
    /// The other end of a point-to-point address; nil for none.
    public var peer: IPv4Address?
    /// `ifa_scope`: 0 universe, 253 link, 254 host.
    public var scope: UInt8
    public var flags: Flags

    /// An address on the device with index `link`.
    public init(
        link: Int32, address: IPv4InterfaceAddress, peer: IPv4Address? = nil, scope: UInt8 = 0, flags: Flags = []
    ) {
        self.link = link
        self.address = address
        self.peer = peer
        self.scope = scope
        self.flags = flags
    }

    /// Decodes `RTM_NEWADDR` or `RTM_DELADDR`; nil for another family or a truncated message.
    init?(_ message: Message) {
        guard let header = message.fixed(ifaddrmsg.self), header.ifa_family == ipv4Family, header.ifa_prefixlen <= 32
        else { return nil }
        var local: UInt32?
        var remote: UInt32?
        var flags = UInt32(header.ifa_flags)
        var attributes = message.attributes(at: MemoryLayout<ifaddrmsg>.size)
        while let attribute = attributes.next() {
            switch attribute.type {
            case AddressAttribute.local:
                guard let value = attribute.bigEndian32 else { return nil }
                local = value
            case AddressAttribute.address:
                guard let value = attribute.bigEndian32 else { return nil }
                remote = value
            case AddressAttribute.flags:
                guard let value = attribute.load(UInt32.self) else { return nil }
                flags = value
            default:
                break
            }
        }
        // IFA_ADDRESS is the other end where there is one; only IFA_LOCAL is always ours.
        guard attributes.isExhausted, let own = local ?? remote else { return nil }
        self.init(
            link: Int32(bitPattern: header.ifa_index),
            address: IPv4InterfaceAddress(
                address: IPv4Address(rawValue: own), prefixLength: header.ifa_prefixlen),
            peer: remote == own ? nil : remote.map { IPv4Address(rawValue: $0) },
            scope: header.ifa_scope, flags: Flags(rawValue: flags))
    }

    /// Writes the request of the given type.
    func encode(type: UInt16, flags messageFlags: UInt16, into requests: inout RequestBuffer) {
        var header = ifaddrmsg()
        header.ifa_family = ipv4Family
        header.ifa_prefixlen = address.prefixLength
        header.ifa_scope = scope
        header.ifa_index = UInt32(bitPattern: link)
        requests.append(type: type, flags: messageFlags) { request in
            request.put(header)
            request.put(AddressAttribute.local, address.address)
            request.put(AddressAttribute.address, peer ?? address.address)
            let requested = self.flags.intersection(.noPrefixRoute)
            if !requested.isEmpty { request.put(AddressAttribute.flags, requested.rawValue) }
        }
    }
}
