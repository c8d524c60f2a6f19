// RTM_NEWROUTE and RTM_DELROUTE into RouteMessage: no allocation and no reference counting, for it runs 65,536 times.
//
//      0               1               2               3
//     +---------------+---------------+---------------+---------------+
//     | family        | dst_len       | src_len       | tos           |   struct rtmsg
//     | table         | protocol      | scope         | type          |
//     | flags                                                         |
//     +---------------+---------------+---------------+---------------+
//     | attributes: RTA_*                                             |

internal import CMnl
internal import Net

extension RouteMessage {
    /// Decodes a route; nil for another family, a truncated message or a value that cannot be.
    @inline(__always)
    init?(_ message: Message) {
        guard let header = message.fixed(rtmsg.self), header.rtm_family == ipv4Family, header.rtm_dst_len <= 32 else {
            return nil
        }
        var destination: UInt32 = 0
        var gateway: UInt32 = 0
        var source: UInt32 = 0
        var link: Int32 = 0
        var metric: UInt32 = 0
        var table = UInt32(header.rtm_table)
        var mtu: UInt32 = 0
        var hasDestination = header.rtm_dst_len == 0
        var foreign = header.rtm_src_len != 0

        var attributes = message.attributes(at: MemoryLayout<rtmsg>.size)
        while let attribute = attributes.next() {
            switch attribute.type {
            case RouteAttribute.destination:
                guard let value = attribute.bigEndian32 else { return nil }
                destination = value
                hasDestination = true
            case RouteAttribute.gateway:
                guard let value = attribute.bigEndian32 else { return nil }
                gateway = value
            case RouteAttribute.preferredSource:
                guard let value = attribute.bigEndian32 else { return nil }
                source = value
            case RouteAttribute.outputLink:
                guard let value = attribute.load(Int32.self) else { return nil }
                link = value
            case RouteAttribute.priority:
                guard let value = attribute.load(UInt32.self) else { return nil }
                metric = value
            case RouteAttribute.table:
                guard let value = attribute.load(UInt32.self) else { return nil }
                table = value
            case RouteAttribute.metrics:
                var metrics = attribute.nested()
                while let entry = metrics.next() {
                    guard entry.type == RouteAttribute.metricMTU else {
                        foreign = true
                        continue
                    }
                    guard let value = entry.load(UInt32.self) else { return nil }
                    mtu = value
                }
                guard metrics.isExhausted else { return nil }
            case RouteAttribute.multipath:
                // The first of several next hops tells how the destination is reached.
                foreign = true
                if let hop = attribute.firstNextHop { (link, gateway) = (hop.link, hop.gateway) }
            case RouteAttribute.cacheInfo, RouteAttribute.userID, RouteAttribute.padding:
                break
            default:
                foreign = true
            }
        }
        guard attributes.isExhausted, hasDestination else { return nil }

        self.init(
            destination: IPv4Prefix(containing: IPv4Address(rawValue: destination), length: header.rtm_dst_len),
            gateway: IPv4Address(rawValue: gateway), source: IPv4Address(rawValue: source), link: link,
            metric: metric, table: table, mtu: mtu, tos: header.rtm_tos, routeProtocol: header.rtm_protocol,
            scope: header.rtm_scope, kind: RouteKind(rawValue: header.rtm_type),
            flags: Flags(nextHop: header.rtm_flags, foreign: foreign))
    }
}

extension RouteMessage.Flags {
    /// Gathers the bits of `rtm_flags` that are told on.
    @inline(__always)
    fileprivate init(nextHop flags: UInt32, foreign: Bool) {
        var bits: UInt8 = foreign ? Self.foreignDetail.rawValue : 0
        if flags & UInt32(RTNH_F_ONLINK) != 0 { bits |= Self.onlink.rawValue }
        if flags & UInt32(RTNH_F_LINKDOWN) != 0 { bits |= Self.linkDown.rawValue }
        if flags & UInt32(RTNH_F_DEAD) != 0 { bits |= Self.dead.rawValue }
        if flags & UInt32(RTNH_F_OFFLOAD) != 0 { bits |= Self.offload.rawValue }
        self.init(rawValue: bits)
    }
}

extension Attribute {
    /// The first `struct rtnexthop` of `RTA_MULTIPATH`: its device, and its gateway or 0.
    fileprivate var firstNextHop: (link: Int32, gateway: UInt32)? {
        guard let hop = prefix(rtnexthop.self) else { return nil }
        var attributes = nested(at: MemoryLayout<rtnexthop>.size)
        guard Int(hop.rtnh_len) > MemoryLayout<rtnexthop>.size, let first = attributes.next(),
            first.type == RouteAttribute.gateway
        else { return (hop.rtnh_ifindex, 0) }
        return first.bigEndian32.map { (hop.rtnh_ifindex, $0) }
    }
}
