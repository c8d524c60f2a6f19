// Devices of the ipip driver: the bytes, and what the driver itself makes of them.

import Glibc
import Net
import TestSupport
import Testing

@testable import Rtnetlink

@Suite("ipip devices")
struct IPIPLinkTests {
    private static let pinned = IPIPParameters(
        local: address("10.0.1.1"), timeToLive: 64, typeOfService: 1, alwaysDF: true)
    /// `IFLA_INFO_DATA` of ``pinned``.
    private static let data = """
        2c 00 02 80              # IFLA_INFO_DATA, 44 bytes
        08 00 02 00 0a 00 01 01  # IFLA_IPTUN_LOCAL 10.0.1.1
        08 00 03 00 00 00 00 00  # IFLA_IPTUN_REMOTE
        05 00 04 00 40 00 00 00  # IFLA_IPTUN_TTL 64
        05 00 05 00 01 00 00 00  # IFLA_IPTUN_TOS inherit
        05 00 0a 00 01 00 00 00  # IFLA_IPTUN_PMTUDISC
        """

    @Test func `One is asked for with all its parameters`() {
        let bytes = hex(
            """
            68 00 00 00  # nlmsg_len 104
            10 00 05 06  # RTM_NEWLINK; REQUEST | ACK | EXCL | CREATE
            07 00 00 00 00 00 00 00
            00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  # struct ifinfomsg
            0a 00 03 00 74 75 6e 6c 30 00 00 00  # IFLA_IFNAME "tunl0"
            3c 00 12 80                          # IFLA_LINKINFO, 60 bytes
            09 00 01 00 69 70 69 70 00 00 00 00  # IFLA_INFO_KIND "ipip"
            """ + "\n" + Self.data)
        let link = LinkSpecification(name: "tunl0", kind: "ipip", ipip: Self.pinned)
        let sent = encoded(.createLink(link))
        #expect(sent == bytes)
    }

    @Test func `A change of parameters makes no device`() {
        let sent = encoded(.setLink(.name("tunl0"), LinkChange(ipip: Self.pinned)))
        #expect(Array(sent[4..<8]) == hex("10 00 05 00"), "RTM_NEWLINK; REQUEST | ACK")
        #expect(Array(sent.suffix(44)) == hex(Self.data))
    }

    private static func link(_ data: String) -> [UInt8] {
        let data = hex(data)
        let head = hex(
            """
            10 00 00 00 00 00 00 00 00 00 00 00
            00 00 00 03 09 00 00 00 00 00 00 00 00 00 00 00  # struct ifinfomsg, index 9
            0a 00 03 00 74 75 6e 6c 30 00 00 00
            """)
        let info = [UInt8(data.count + 16), 0, 0x12, 0x80] + hex("09 00 01 00 69 70 69 70 00 00 00 00") + data
        return [UInt8(head.count + 4 + info.count), 0, 0, 0] + head + info
    }

    @Test func `What the kernel tells is decoded`() {
        let link = decoded(Self.link(Self.data)) { LinkMessage($0) }
        #expect(link?.kind == "ipip")
        #expect(link?.ipip == Self.pinned)
    }

    @Test(arguments: [
        "0c 00 02 80 08 00 01 00 02 00 00 00",  // bound to a device
        "0c 00 02 80 05 00 09 00 89 00 00 00",  // MPLS inside
        "0c 00 02 80 06 00 0f 00 01 00 00 00",  // foo over UDP
        "0c 00 02 80 08 00 14 00 07 00 00 00",  // marked
        "08 00 02 80 04 00 13 00",  // metadata
    ])
    func `What is not asked for here is told as a foreign detail`(data: String) {
        let link = decoded(Self.link(data)) { LinkMessage($0) }
        #expect(link?.ipip?.hasDetail == true)
    }

    @Test func `A parameter of another length is no device at all`() {
        let link = decoded(Self.link("0c 00 02 80 06 00 04 00 40 00 00 00")) { LinkMessage($0) }
        #expect(link == nil)
    }

    @Test(.needsNamespaces, .needs(.ipip)) func `The driver takes, tells and changes what is asked`() throws {
        try TestNamespace().run {
            var socket = try NetlinkSocket()
            try socket.perform(.createLink(LinkSpecification(name: "ip0", kind: "ipip", ipip: Self.pinned)))
            var link = try #require(try socket.link(named: "ip0"))
            #expect(link.kind == "ipip")
            #expect(link.ipip == Self.pinned)
            var changed = Self.pinned
            (changed.timeToLive, changed.alwaysDF, changed.typeOfService) = (0, false, 46 << 2)
            try socket.perform(.setLink(.name("ip0"), LinkChange(ipip: changed)))
            link = try #require(try socket.link(named: "ip0"))
            #expect(link.ipip == changed)
            #expect(try socket.statistics(ofLink: "ip0") == LinkStatistics())
            #expect(try socket.statistics(ofLink: "ip9") == nil)
        }
    }

    @Test(.needsNamespaces, .needs(.ipip)) func `A fixed TTL comes with DF, whatever is asked`() throws {
        try TestNamespace().run {
            var socket = try NetlinkSocket()
            var asked = Self.pinned
            asked.alwaysDF = false
            try socket.perform(.createLink(LinkSpecification(name: "ip0", kind: "ipip", ipip: asked)))
            #expect(try socket.link(named: "ip0")?.ipip == Self.pinned)
        }
    }

    @Test(.needsNamespaces, .needs(.ipip)) func `The same two ends twice are EEXIST`() throws {
        try TestNamespace().run {
            var socket = try NetlinkSocket()
            try socket.perform(.createLink(LinkSpecification(name: "ip0", kind: "ipip", ipip: Self.pinned)))
            let refused = failure(
                of: .createLink(LinkSpecification(name: "ip1", kind: "ipip", ipip: Self.pinned)), on: &socket)
            #expect(refused?.code == EEXIST)
        }
    }
}
