// The bytes of route messages, both ways, written out field by field.

import Net
import Testing

@testable import Rtnetlink

@Suite struct RouteCodecTests {
    static let tunnelRoute = RouteSpecification(
        destination: prefix("10.244.3.0/26"), gateway: address("10.0.2.1"), link: 7, isOnlink: true,
        routeProtocol: 112)

    static let tunnelRouteBytes = hex(
        """
        34 00 00 00  # nlmsg_len 52
        18 00        # nlmsg_type RTM_NEWROUTE
        05 06        # nlmsg_flags REQUEST | ACK | EXCL | CREATE
        07 00 00 00  # nlmsg_seq 7
        00 00 00 00  # nlmsg_pid: the kernel
        02           # rtm_family AF_INET
        1a           # rtm_dst_len 26
        00 00        # rtm_src_len, rtm_tos
        fe           # rtm_table 254, main
        70           # rtm_protocol 112
        00           # rtm_scope universe
        01           # rtm_type unicast
        04 00 00 00  # rtm_flags RTNH_F_ONLINK
        08 00 01 00  # nla_len 8, RTA_DST
        0a f4 03 00  # 10.244.3.0
        08 00 05 00  # RTA_GATEWAY
        0a 00 02 01  # 10.0.2.1
        08 00 04 00  # RTA_OIF
        07 00 00 00  # 7
        """)

    @Test func `A tunnel route is sent as annotated`() {
        #expect(encoded(.addRoute(Self.tunnelRoute)) == Self.tunnelRouteBytes)
    }

    @Test func `The ways to make a route differ only in their flags`() {
        let replace = encoded(.replaceRoute(Self.tunnelRoute))
        #expect(replace[6...7].elementsEqual([0x05, 0x05]), "REQUEST | ACK | REPLACE | CREATE")
        #expect(replace[8...].elementsEqual(Self.tunnelRouteBytes[8...]))
        let append = encoded(.appendRoute(Self.tunnelRoute))
        #expect(append[6...7].elementsEqual([0x05, 0x0c]), "REQUEST | ACK | CREATE | APPEND")
        #expect(append[8...].elementsEqual(Self.tunnelRouteBytes[8...]))
    }

    @Test func `A blackhole with metric, MTU and source in a large table is sent as annotated`() {
        let route = RouteSpecification(
            destination: prefix("10.244.0.64/26"), kind: .blackhole, source: address("10.0.1.1"),
            metric: 0x7FFF_0000, mtu: 1480, tos: 8, routeProtocol: 112, table: 1000)
        let bytes = hex(
            """
            48 00 00 00  # nlmsg_len 72
            18 00 05 06  # RTM_NEWROUTE; REQUEST | ACK | EXCL | CREATE
            07 00 00 00  # nlmsg_seq
            00 00 00 00  # nlmsg_pid
            02 1a 00 08  # AF_INET, /26, no source prefix, TOS 8
            fc 70 00 06  # RT_TABLE_COMPAT, protocol 112, universe, blackhole
            00 00 00 00  # rtm_flags
            08 00 01 00  # RTA_DST
            0a f4 00 40  # 10.244.0.64
            08 00 06 00  # RTA_PRIORITY
            00 00 ff 7f  # 0x7fff0000
            08 00 0f 00  # RTA_TABLE
            e8 03 00 00  # 1000
            08 00 07 00  # RTA_PREFSRC
            0a 00 01 01  # 10.0.1.1
            0c 00 08 80  # RTA_METRICS, nested
            08 00 02 00  # RTAX_MTU
            c8 05 00 00  # 1480
            """)
        #expect(encoded(.addRoute(route)) == bytes)
        let told = decoded(bytes) { RouteMessage($0) }
        #expect(told.map { RouteSpecification($0) } == Self.scoped(route, 0))
        #expect(told?.hasForeignDetail == false)
    }

    @Test func `A removal names what a route is found by, and nothing more`() {
        var route = Self.tunnelRoute
        route.metric = 5
        route.mtu = 1400
        route.source = address("10.0.0.9")
        let bytes = hex(
            """
            3c 00 00 00  # nlmsg_len 60
            19 00 05 00  # RTM_DELROUTE; REQUEST | ACK
            07 00 00 00  # nlmsg_seq
            00 00 00 00  # nlmsg_pid
            02 1a 00 00  # AF_INET, /26
            fe 70 ff 01  # main, protocol 112, RT_SCOPE_NOWHERE: any scope, unicast
            04 00 00 00  # RTNH_F_ONLINK
            08 00 01 00 0a f4 03 00  # RTA_DST 10.244.3.0
            08 00 05 00 0a 00 02 01  # RTA_GATEWAY 10.0.2.1
            08 00 04 00 07 00 00 00  # RTA_OIF 7
            08 00 06 00 05 00 00 00  # RTA_PRIORITY 5
            """)
        #expect(encoded(.deleteRoute(route)) == bytes)
    }

    @Test func `A route without a gateway has link scope, and the default route has no RTA_DST`() {
        let bytes = encoded(
            .addRoute(RouteSpecification(destination: prefix("0.0.0.0/0"), link: 3, routeProtocol: 4)))
        #expect(bytes.count == 16 + 12 + 8)
        #expect(bytes[22] == 253)
        #expect(decoded(bytes) { RouteMessage($0) }?.destination == prefix("0.0.0.0/0"))
    }

    @Test func `A notification is decoded with every field`() {
        let bytes = hex(
            """
            5c 00 00 00  # nlmsg_len 92
            18 00 00 00  # RTM_NEWROUTE
            09 00 00 00  # nlmsg_seq
            d2 04 00 00  # nlmsg_pid 1234: who asked for it
            02 18 00 10  # AF_INET, /24, TOS 16
            fe 02 fd 01  # main, RTPROT_KERNEL, link, unicast
            1d 00 00 00  # DEAD | ONLINK | OFFLOAD | LINKDOWN
            08 00 0f 00 fe 00 00 00  # RTA_TABLE 254
            08 00 01 00 0a 00 01 00  # RTA_DST 10.0.1.0
            08 00 06 00 64 00 00 00  # RTA_PRIORITY 100
            08 00 07 00 0a 00 01 01  # RTA_PREFSRC 10.0.1.1
            08 00 05 00 0a 00 01 fe  # RTA_GATEWAY 10.0.1.254
            08 00 04 00 02 00 00 00  # RTA_OIF 2
            0c 00 08 00              # RTA_METRICS, 12 bytes: the MTU alone
            08 00 02 00 dc 05 00 00  # RTAX_MTU 1500
            04 00 18 00              # RTA_PAD, empty
            """)
        let expected = RouteMessage(
            destination: prefix("10.0.1.0/24"), gateway: address("10.0.1.254"), source: address("10.0.1.1"),
            link: 2, metric: 100, table: 254, mtu: 1500, tos: 16, routeProtocol: 2, scope: 253, kind: .unicast,
            flags: [.dead, .onlink, .offload, .linkDown])
        #expect(decoded(bytes) { RouteMessage($0) } == expected)
        #expect(
            decoded(bytes) { MonitorEvent($0) } == .route(.new, expected, senderPortID: 1234))
    }

    @Test(arguments: [
        ("RTA_MULTIPATH", "08 00 09 00 00 00 00 00"), ("RTA_FLOW", "08 00 0b 00 01 00 00 00"),
        ("RTA_VIA", "0a 00 12 00 0a 00 00 00 00 00 00 00"), ("RTA_ENCAP_TYPE", "06 00 15 00 06 00 00 00"),
        ("RTA_ENCAP", "04 00 16 80"), ("RTA_NH_ID", "08 00 1e 00 01 00 00 00"),
        ("RTAX_ADVMSS in RTA_METRICS", "0c 00 08 00 08 00 08 00 00 05 00 00"),
        ("unknown", "08 00 ff 0f 00 00 00 00"),
    ])
    func `What has no field is flagged as foreign`(name: String, attribute: String) {
        let bytes = Self.withLength(Self.tunnelRouteBytes + hex(attribute))
        #expect(decoded(bytes) { RouteMessage($0) }?.hasForeignDetail == true, "\(name)")
    }

    @Test func `Of several next hops the first is told`() {
        // rtattr RTA_MULTIPATH of 36 bytes: two rtnexthop of 16 (len, flags, hops, ifindex), each with RTA_GATEWAY
        let multipath = """
            24 00 09 00 10 00 00 00 05 00 00 00 08 00 05 00 c0 00 02 01
            10 00 00 00 06 00 00 00 08 00 05 00 c0 00 02 02
            """
        let bytes = Self.withLength(Self.tunnelRouteBytes + hex(multipath))
        let route = decoded(bytes) { RouteMessage($0) }
        #expect(route?.link == 5)
        #expect(route?.gateway == address("192.0.2.1"))
    }

    @Test(arguments: [
        ("a longer prefix than there is", 17, UInt8(33)), ("another family", 16, UInt8(10)),
        ("an address of three bytes", 28, UInt8(7)), ("an attribute beyond the message", 44, UInt8(12)),
        ("an attribute shorter than its header", 44, UInt8(3)),
        ("no RTA_DST for a /26", 30, UInt8(27)),
    ])
    func `A message that cannot be is nil`(name: String, offset: Int, value: UInt8) {
        var bytes = Self.tunnelRouteBytes
        bytes[offset] = value
        #expect(decoded(bytes) { RouteMessage($0) } == nil, "\(name)")
    }

    /// The bytes with `nlmsg_len` set to their number.
    static func withLength(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        bytes[0] = UInt8(bytes.count & 255)
        bytes[1] = UInt8(bytes.count >> 8)
        return bytes
    }

    private static func scoped(_ route: RouteSpecification, _ scope: UInt8) -> RouteSpecification {
        var route = route
        route.scope = scope
        return route
    }
}
