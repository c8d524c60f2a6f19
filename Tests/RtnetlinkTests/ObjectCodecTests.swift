// The bytes of link, address and rule messages and of acknowledgements.

import Net
import Testing

@testable import Rtnetlink

@Suite struct ObjectCodecTests {
    @Test func `A veth with its peer in another namespace is sent as annotated`() {
        let link = LinkSpecification(
            name: "v0", kind: "veth", mtu: 1400, isUp: true, peer: .init(name: "v1", namespace: 9))
        let bytes = hex(
            """
            68 00 00 00  # nlmsg_len 104
            10 00 05 06  # RTM_NEWLINK; REQUEST | ACK | EXCL | CREATE
            07 00 00 00  # nlmsg_seq
            00 00 00 00  # nlmsg_pid
            00 00 00 00  # ifi_family AF_UNSPEC, ifi_type
            00 00 00 00  # ifi_index: the kernel chooses
            01 00 00 00  # ifi_flags IFF_UP
            01 00 00 00  # ifi_change IFF_UP
            07 00 03 00 76 30 00 00  # IFLA_IFNAME "v0"
            08 00 04 00 78 05 00 00  # IFLA_MTU 1400
            38 00 12 80              # IFLA_LINKINFO, 56 bytes
            09 00 01 00 76 65 74 68 00 00 00 00  # IFLA_INFO_KIND "veth"
            28 00 02 80              # IFLA_INFO_DATA, 40 bytes
            24 00 01 80              # VETH_INFO_PEER, 36 bytes
            00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  # struct ifinfomsg
            07 00 03 00 76 31 00 00  # IFLA_IFNAME "v1"
            08 00 1c 00 09 00 00 00  # IFLA_NET_NS_FD 9
            """)
        #expect(encoded(.createLink(link)) == bytes)
    }

    @Test func `A change of a link touches only what is asked`() {
        let change = LinkChange(isUp: false, mtu: 1480, master: 4, namespace: 5)
        let bytes = hex(
            """
            38 00 00 00  # nlmsg_len 56
            13 00 05 00  # RTM_SETLINK; REQUEST | ACK
            07 00 00 00 00 00 00 00  # nlmsg_seq, nlmsg_pid
            00 00 00 00  # ifi_family, ifi_type
            03 00 00 00  # ifi_index 3
            00 00 00 00  # ifi_flags: down
            01 00 00 00  # ifi_change IFF_UP
            08 00 04 00 c8 05 00 00  # IFLA_MTU 1480
            08 00 0a 00 04 00 00 00  # IFLA_MASTER 4
            08 00 1c 00 05 00 00 00  # IFLA_NET_NS_FD 5
            """)
        #expect(encoded(.setLink(.index(3), change)) == bytes)
        let untouched = encoded(.setLink(.name("a"), LinkChange()))
        #expect(untouched[24...31].allSatisfy { $0 == 0 }, "ifi_flags and ifi_change")
    }

    @Test func `A link is decoded with every field`() {
        let bytes = hex(
            """
            68 00 00 00  # nlmsg_len 104
            10 00 00 00  # RTM_NEWLINK
            00 00 00 00 00 00 00 00
            00 00 01 00  # AF_UNSPEC, ARPHRD_ETHER
            05 00 00 00  # ifi_index 5
            43 10 01 00  # UP | BROADCAST | RUNNING | MULTICAST | LOWER_UP
            00 00 00 00  # ifi_change
            09 00 03 00 65 74 68 30 00 00 00 00  # IFLA_IFNAME "eth0"
            08 00 04 00 dc 05 00 00  # IFLA_MTU 1500
            08 00 05 00 06 00 00 00  # IFLA_LINK 6
            08 00 25 00 02 00 00 00  # IFLA_LINK_NETNSID 2
            08 00 0a 00 03 00 00 00  # IFLA_MASTER 3
            0a 00 01 00 02 00 00 00 00 01 00 00  # IFLA_ADDRESS 02:00:00:00:00:01
            10 00 12 00              # IFLA_LINKINFO
            09 00 01 00 76 65 74 68 00 00 00 00  # IFLA_INFO_KIND "veth"
            """)
        let link = decoded(bytes) { LinkMessage($0) }
        #expect(
            link
                == LinkMessage(
                    index: 5, name: "eth0", mtu: 1500, flags: 0x11043, kind: "veth", master: 3, lowerLink: 6,
                    lowerLinkNamespace: 2, hardwareAddress: [2, 0, 0, 0, 0, 1], hardwareType: 1))
        #expect(link?.isEthernet == true)
        #expect(link?.isUp == true)
        #expect(link?.isLowerUp == true)
    }

    @Test func `A bridge port that leaves is not a link that is deleted`() {
        let bytes = hex(
            """
            20 00 00 00  # nlmsg_len 32
            11 00 00 00  # RTM_DELLINK
            00 00 00 00 00 00 00 00
            07 00 00 00  # ifi_family AF_BRIDGE
            05 00 00 00 00 00 00 00 00 00 00 00
            """)
        #expect(decoded(bytes) { MonitorEvent($0) } == nil)
    }

    @Test func `An address goes both ways as annotated`() {
        let message = AddressMessage(
            link: 2, address: interfaceAddress("10.0.1.1/24"), scope: 253, flags: .noPrefixRoute)
        let bytes = hex(
            """
            30 00 00 00  # nlmsg_len 48
            14 00 05 06  # RTM_NEWADDR; REQUEST | ACK | EXCL | CREATE
            07 00 00 00 00 00 00 00
            02 18 00 fd  # AF_INET, /24, ifa_flags, link scope
            02 00 00 00  # ifa_index 2
            08 00 02 00 0a 00 01 01  # IFA_LOCAL 10.0.1.1
            08 00 01 00 0a 00 01 01  # IFA_ADDRESS 10.0.1.1
            08 00 08 00 00 02 00 00  # IFA_FLAGS IFA_F_NOPREFIXROUTE
            """)
        #expect(encoded(.addAddress(message)) == bytes)
        #expect(decoded(bytes) { AddressMessage($0) } == message)
        #expect(encoded(.replaceAddress(message))[6...7].elementsEqual([0x05, 0x05]))
        #expect(encoded(.deleteAddress(message))[4...7].elementsEqual([0x15, 0x00, 0x05, 0x00]))
    }

    @Test func `A rule goes both ways as annotated`() {
        let rule = RuleMessage(
            priority: 100, table: 1000, source: prefix("10.0.0.0/8"), mark: 1, markMask: 0xff,
            inputLink: "eth0", isInverted: true, ruleProtocol: 112)
        let bytes = hex(
            """
            58 00 00 00  # nlmsg_len 88
            20 00 05 06  # RTM_NEWRULE; REQUEST | ACK | EXCL | CREATE
            07 00 00 00 00 00 00 00
            02 00 08 00  # AF_INET, no destination, source /8, TOS 0
            00 00 00 01  # table in FRA_TABLE, FR_ACT_TO_TBL
            02 00 00 00  # FIB_RULE_INVERT
            08 00 06 00 64 00 00 00  # FRA_PRIORITY 100
            08 00 02 00 0a 00 00 00  # FRA_SRC 10.0.0.0
            08 00 0f 00 e8 03 00 00  # FRA_TABLE 1000
            08 00 0a 00 01 00 00 00  # FRA_FWMARK 1
            08 00 10 00 ff 00 00 00  # FRA_FWMASK 0xff
            09 00 03 00 65 74 68 30 00 00 00 00  # FRA_IIFNAME "eth0"
            05 00 15 00 70 00 00 00  # FRA_PROTOCOL 112
            """)
        #expect(encoded(.addRule(rule)) == bytes)
        #expect(decoded(bytes) { RuleMessage($0) } == rule)
    }

    @Test func `A capped acknowledgement keeps the kernel's words and the attribute's place`() {
        let bytes = hex(
            """
            38 00 00 00  # nlmsg_len 56
            02 00 00 03  # NLMSG_ERROR; NLM_F_CAPPED | NLM_F_ACK_TLVS
            07 00 00 00 d2 04 00 00
            ef ff ff ff  # -17, EEXIST
            34 00 00 00 18 00 05 06 07 00 00 00 00 00 00 00  # the request's nlmsghdr
            0b 00 01 00 74 61 6b 65 6e 21 00 00  # NLMSGERR_ATTR_MSG "taken!"
            08 00 02 00 1c 00 00 00  # NLMSGERR_ATTR_OFFS 28
            """)
        let answer = decoded(bytes) { Acknowledgement($0) }
        #expect(answer?.code == 17)
        #expect(answer?.message == "taken!")
        #expect(answer?.offset == 28)
    }

    @Test func `An error of one line names the object, the reason and the operation`() {
        let error = NetlinkError(
            code: 17, message: "", operation: "add route", object: "route 10.1.2.0/24 dev tunl0")
        #expect(error.description == "route 10.1.2.0/24 dev tunl0: File exists (add route)")
        #expect(!error.needsResync)
        #expect(NetlinkError(kind: .interrupted, code: 4, operation: "list links").needsResync)
    }

    @Test func `A dump is interrupted by one marked message, and passes over answers to others`() {
        let done = "14 00 00 00 03 00 02 00 07 00 00 00 00 00 00 00 00 00 00 00"
        var marked = RouteCodecTests.tunnelRouteBytes
        marked[6] = 0x12  // NLM_F_MULTI | NLM_F_DUMP_INTR
        marked[7] = 0
        var plain = marked
        plain[6] = 0x02
        var stranger = plain
        stranger[8] = 6
        func outcome(_ bytes: [UInt8]) -> (DumpProgress.Outcome?, Int) {
            var seen = 0
            var progress = DumpProgress(sequence: 7)
            bytes.withUnsafeBytes { raw in
                var messages = Messages(raw)
                progress.consume(&messages) { message in
                    seen += 1
                    return RouteMessage(message) != nil
                }
            }
            return (progress.outcome, seen)
        }
        #expect(outcome(plain + stranger + hex(done)) == (.complete, 1))
        #expect(outcome(plain + marked + plain + hex(done)) == (.interrupted, 3))
        #expect(outcome(plain) == (nil, 1), "more to come")
        var refused = hex(done)
        refused.replaceSubrange(16..., with: [0xfe, 0xff, 0xff, 0xff])
        #expect(outcome(plain + refused) == (.refused(2, ""), 1))
        plain[17] = 40
        #expect(outcome(plain + hex(done)) == (.malformed, 1))
    }
}
