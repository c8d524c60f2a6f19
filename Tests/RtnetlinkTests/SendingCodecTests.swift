// The bytes of what the kernel tells of neighbours, traffic control, filter chains and IPsec policies.

import Net
import Testing

@testable import Rtnetlink

@Suite struct SendingCodecTests {
    static let neighbourBytes = hex(
        """
        44 00 00 00  # nlmsg_len 68
        1c 00 00 00  # RTM_NEWNEIGH
        00 00 00 00 00 00 00 00
        02 00 00 00  # AF_INET
        05 00 00 00  # ndm_ifindex 5
        04 00 40 01  # NUD_STALE, NTF_STICKY, unicast
        08 00 01 00 0a 00 01 fe  # NDA_DST 10.0.1.254
        0a 00 02 00 02 00 00 00 00 fe 00 00  # NDA_LLADDR 02:00:00:00:00:fe
        14 00 03 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  # NDA_CACHEINFO
        """)

    static let qdiscBytes = hex(
        """
        34 00 00 00  # nlmsg_len 52
        24 00 00 00  # RTM_NEWQDISC
        00 00 00 00 00 00 00 00
        00 00 00 00  # AF_UNSPEC
        03 00 00 00  # tcm_ifindex 3
        00 00 01 80  # tcm_handle 8001:
        ff ff ff ff  # tcm_parent: root
        02 00 00 00  # tcm_info: references
        08 00 01 00 74 62 66 00  # TCA_KIND "tbf"
        05 00 0c 00 00 00 00 00  # TCA_HW_OFFLOAD
        """)

    static let filterBytes = hex(
        """
        64 00 00 00  # nlmsg_len 100
        2c 00 00 00  # RTM_NEWTFILTER
        00 00 00 00 00 00 00 00
        00 00 00 00  # AF_UNSPEC
        03 00 00 00  # tcm_ifindex 3
        01 00 00 00  # tcm_handle 1
        f2 ff ff ff  # tcm_parent: ingress of clsact
        00 03 70 00  # tcm_info: priority 112, ETH_P_ALL
        08 00 01 00 62 70 66 00  # TCA_KIND "bpf"
        08 00 0b 00 00 00 00 00  # TCA_CHAIN 0
        30 00 02 00              # TCA_OPTIONS
        0e 00 07 00 70 6f 70 6c 69 6e 5f 69 6e 00 00 00  # TCA_BPF_NAME "poplin_in"
        08 00 0b 00 2a 00 00 00  # TCA_BPF_ID 42
        0c 00 0a 00 01 02 03 04 05 06 07 08  # TCA_BPF_TAG
        08 00 08 00 01 00 00 00  # TCA_BPF_FLAGS direct action
        """)

    static let chainBytes = hex(
        """
        58 00 00 00  # nlmsg_len 88
        03 0a 00 00  # NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWCHAIN
        00 00 00 00 00 00 00 00
        01 00 00 07  # NFPROTO_INET, version, generation
        0b 00 01 00 66 69 6c 74 65 72 00 00  # NFTA_CHAIN_TABLE "filter"
        08 00 03 00 6f 75 74 00              # NFTA_CHAIN_NAME "out"
        14 00 04 80                          # NFTA_CHAIN_HOOK
        08 00 01 00 00 00 00 03              # NFTA_HOOK_HOOKNUM 3: output
        08 00 02 00 ff ff ff ce              # NFTA_HOOK_PRIORITY -50
        08 00 05 00 00 00 00 00              # NFTA_CHAIN_POLICY drop
        08 00 06 00 00 00 00 02              # NFTA_CHAIN_USE 2
        0b 00 07 00 66 69 6c 74 65 72 00 00  # NFTA_CHAIN_TYPE "filter"
        """)

    static let policyBytes = hex(
        """
        30 00 00 00  # nlmsg_len 48
        24 00 00 00  # XFRM_MSG_NEWSPDINFO
        00 00 00 00 00 00 00 00
        00 00 00 00  # flags
        1c 00 01 00  # XFRMA_SPD_INFO, 28 bytes
        01 00 00 00 03 00 00 00 02 00 00 00  # in 1, out 3, forwarded 2
        00 00 00 00 00 00 00 00 00 00 00 00  # of sockets: none
        """)

    @Test func `A neighbour is decoded with every field`() {
        let expected = NeighbourMessage(
            link: 5, address: address("10.0.1.254"), hardwareAddress: [2, 0, 0, 0, 0, 0xfe], state: .stale, flags: 0x40)
        #expect(decoded(Self.neighbourBytes) { NeighbourMessage($0) } == expected)
        #expect(decoded(Self.neighbourBytes) { MonitorEvent($0) } == .neighbour(.new, expected))
        var deleted = Self.neighbourBytes
        deleted[4] = 0x1d
        #expect(decoded(deleted) { MonitorEvent($0) } == .neighbour(.deleted, expected))
    }

    @Test func `A neighbour of another family is nobody's event, and one cut short is an overrun`() {
        var other = Self.neighbourBytes
        other[16] = 7  // AF_BRIDGE
        #expect(decoded(other) { NeighbourMessage($0) } == nil)
        #expect(decoded(other) { MonitorEvent($0) } == nil)
        let short = RouteCodecTests.withLength(Array(Self.neighbourBytes[..<28]))
        #expect(decoded(short) { MonitorEvent($0) } == .overrun, "without an address")
    }

    @Test func `A queueing discipline is decoded with every field`() {
        let expected = QdiscMessage(link: 3, kind: "tbf", parent: QdiscMessage.root, handle: 0x8001_0000)
        #expect(decoded(Self.qdiscBytes) { QdiscMessage($0) } == expected)
        #expect(decoded(Self.qdiscBytes) { MonitorEvent($0) } == .qdisc(.new, expected))
    }

    @Test func `A traffic filter is decoded with every field`() {
        let expected = TrafficFilterMessage(link: 3, side: .ingress, priority: 112, name: "poplin_in", program: 42)
        #expect(decoded(Self.filterBytes) { TrafficFilterMessage($0) } == expected)
        #expect(decoded(Self.filterBytes) { MonitorEvent($0) } == .trafficFilter(.new, expected))
        var deleted = Self.filterBytes
        deleted[4] = 0x2d
        #expect(decoded(deleted) { MonitorEvent($0) } == .trafficFilter(.deleted, expected))
        var elsewhere = Self.filterBytes
        elsewhere[28] = 0x01
        #expect(decoded(elsewhere) { TrafficFilterMessage($0)?.side } == .some(.none))
    }

    @Test func `A base chain is decoded with hook, policy and the number of its rules`() {
        let chain = decoded(Self.chainBytes) { FilterChain($0) }
        #expect(
            chain
                == FilterChain(
                    family: .inet, table: "filter", name: "out", hook: 3, dropsByDefault: true, ruleCount: 2))
        #expect(chain?.description == "chain out of table inet filter")
    }

    @Test func `A chain without a hook is none that packets meet by themselves`() {
        let bytes = RouteCodecTests.withLength(Array(Self.chainBytes[..<40]))
        #expect(decoded(bytes) { FilterChain($0) } == nil)
    }

    @Test(arguments: [
        (FilterChain.Family.ip, UInt32(3), true), (.inet, 4, true), (.ip, 1, false), (.inet, 2, false),
        (.netdev, 1, true), (.netdev, 0, false), (.other(10), 3, false),
    ])
    func `Sent IPv4 packets meet output and postrouting, and a device's egress`(
        family: FilterChain.Family, hook: UInt32, sees: Bool
    ) {
        #expect(FilterChain(family: family, table: "t", name: "c", hook: hook).seesSentPackets == sees)
    }

    @Test func `The count of IPsec policies is that of the direction out`() {
        #expect(decoded(Self.policyBytes) { IPsecPolicy.count($0) } == 3)
    }
}
