// What can be asked of links: to be made, to be changed, to be removed.

internal import CMnl
public import Net

/// A device to be made.
public struct LinkSpecification: Hashable, Sendable {
    /// The other end of a veth.
    public struct Peer: Hashable, Sendable {
        public var name: String
        /// Bytes of an IP packet; nil for the kernel's choice.
        public var mtu: Int?
        /// An open descriptor of the namespace to make it in, which must stay open until the request was performed.
        public var namespace: Int32?

        /// A peer.
        public init(name: String, mtu: Int? = nil, namespace: Int32? = nil) {
            self.name = name
            self.mtu = mtu
            self.namespace = namespace
        }
    }

    public var name: String
    /// The driver: `veth`, `bridge`, `ipip`, …
    public var kind: String
    /// Bytes of an IP packet; nil for the kernel's choice.
    public var mtu: Int?
    public var isUp: Bool
    /// The bridge to join.
    public var master: Int32?
    /// An open descriptor of the namespace to make it in, which must stay open until the request was performed.
    public var namespace: Int32?
    /// For a veth only.
    public var peer: Peer?
    /// For an `ipip` device only.
    public var ipip: IPIPParameters?

    /// A device.
    public init(
        name: String, kind: String, mtu: Int? = nil, isUp: Bool = false, master: Int32? = nil,
        namespace: Int32? = nil, peer: Peer? = nil, ipip: IPIPParameters? = nil
    ) {
        self.name = name
        self.kind = kind
        self.mtu = mtu
        self.isUp = isUp
        self.master = master
        self.namespace = namespace
        self.peer = peer
        self.ipip = ipip
    }

    func encode(into requests: inout RequestBuffer) {
        let flags = MessageFlag.acknowledge | MessageFlag.create | MessageFlag.exclusive
        requests.append(type: MessageType.newLink, flags: flags) { request in
            request.put(linkHeader(up: isUp ? true : nil))
            request.put(LinkAttribute.name, name)
            if let mtu { request.put(LinkAttribute.mtu, UInt32(clamping: mtu)) }
            if let master { request.put(LinkAttribute.master, master) }
            if let namespace { request.put(LinkAttribute.namespaceDescriptor, namespace) }
            request.nest(LinkAttribute.info) {
                request.put(LinkAttribute.infoKind, kind)
                if let ipip { request.nest(LinkAttribute.infoData) { ipip.encode(into: request) } }
                guard let peer else { return }
                request.nest(LinkAttribute.infoData) {
                    request.nest(LinkAttribute.vethPeer) {
                        request.put(linkHeader())
                        request.put(LinkAttribute.name, peer.name)
                        if let mtu = peer.mtu { request.put(LinkAttribute.mtu, UInt32(clamping: mtu)) }
                        if let namespace = peer.namespace {
                            request.put(LinkAttribute.namespaceDescriptor, namespace)
                        }
                    }
                }
            }
        }
    }
}

/// How a device is named in a request.
public enum LinkSelector: Hashable, Sendable {
    /// By its interface index, positive.
    case index(Int32)
    case name(String)
}

/// What to change on a device; nil leaves a property as it is.
public struct LinkChange: Hashable, Sendable {
    public var isUp: Bool?
    /// Bytes of an IP packet.
    public var mtu: Int?
    /// The index of the bridge to join; 0 to leave it.
    public var master: Int32?
    /// An open descriptor of the namespace to move to, which must stay open until the request was performed.
    public var namespace: Int32?
    /// All parameters of an `ipip` device; `EINVAL` for the driver's fallback device.
    public var ipip: IPIPParameters?

    /// A change.
    public init(
        isUp: Bool? = nil, mtu: Int? = nil, master: Int32? = nil, namespace: Int32? = nil, ipip: IPIPParameters? = nil
    ) {
        self.isUp = isUp
        self.mtu = mtu
        self.master = master
        self.namespace = namespace
        self.ipip = ipip
    }
}

extension LinkSelector {
    /// Writes a request about the selected device.
    func encode(
        type: UInt16, change: LinkChange = LinkChange(), name newName: String? = nil,
        into requests: inout RequestBuffer
    ) {
        requests.append(type: type, flags: MessageFlag.acknowledge) { request in
            switch self {
            case .index(let index):
                request.put(linkHeader(index: index, up: change.isUp))
                if let newName { request.put(LinkAttribute.name, newName) }
            case .name(let name):
                request.put(linkHeader(up: change.isUp))
                request.put(LinkAttribute.name, name)
            }
            if let mtu = change.mtu { request.put(LinkAttribute.mtu, UInt32(clamping: mtu)) }
            if let master = change.master { request.put(LinkAttribute.master, master) }
            if let namespace = change.namespace { request.put(LinkAttribute.namespaceDescriptor, namespace) }
            guard let ipip = change.ipip else { return }
            request.nest(LinkAttribute.info) {
                request.put(LinkAttribute.infoKind, "ipip")
                request.nest(LinkAttribute.infoData) { ipip.encode(into: request) }
            }
        }
    }
}

/// The fixed part of a link request.
private func linkHeader(index: Int32 = 0, up: Bool? = nil) -> ifinfomsg {
    var header = ifinfomsg()
    header.ifi_family = UInt8(AF_UNSPEC)
    header.ifi_index = index
    if let up {
        header.ifi_change = UInt32(IFF_UP)
        header.ifi_flags = up ? UInt32(IFF_UP) : 0
    }
    return header
}
