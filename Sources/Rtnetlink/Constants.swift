// The kernel's numbers in the width that they have on the wire: C enums arrive in Swift as Int or as structs.

internal import CMnl

/// Message types.
enum MessageType {
    static var newLink: UInt16 { UInt16(RTM_NEWLINK) }
    static var deleteLink: UInt16 { UInt16(RTM_DELLINK) }
    static var getLink: UInt16 { UInt16(RTM_GETLINK) }
    static var setLink: UInt16 { UInt16(RTM_SETLINK) }
    static var newAddress: UInt16 { UInt16(RTM_NEWADDR) }
    static var deleteAddress: UInt16 { UInt16(RTM_DELADDR) }
    static var getAddress: UInt16 { UInt16(RTM_GETADDR) }
    static var newRoute: UInt16 { UInt16(RTM_NEWROUTE) }
    static var deleteRoute: UInt16 { UInt16(RTM_DELROUTE) }
    static var getRoute: UInt16 { UInt16(RTM_GETROUTE) }
    static var newRule: UInt16 { UInt16(RTM_NEWRULE) }
    static var deleteRule: UInt16 { UInt16(RTM_DELRULE) }
    static var getRule: UInt16 { UInt16(RTM_GETRULE) }
    static var newNeighbour: UInt16 { UInt16(RTM_NEWNEIGH) }
    static var deleteNeighbour: UInt16 { UInt16(RTM_DELNEIGH) }
    static var getNeighbour: UInt16 { UInt16(RTM_GETNEIGH) }
    static var newQdisc: UInt16 { UInt16(RTM_NEWQDISC) }
    static var deleteQdisc: UInt16 { UInt16(RTM_DELQDISC) }
    static var getQdisc: UInt16 { UInt16(RTM_GETQDISC) }
    static var newTrafficFilter: UInt16 { UInt16(RTM_NEWTFILTER) }
    static var deleteTrafficFilter: UInt16 { UInt16(RTM_DELTFILTER) }
    static var getTrafficFilter: UInt16 { UInt16(RTM_GETTFILTER) }
    static var newConfiguration: UInt16 { UInt16(RTM_NEWNETCONF) }
    static var error: UInt16 { UInt16(NLMSG_ERROR) }
    static var done: UInt16 { UInt16(NLMSG_DONE) }
    static var overrun: UInt16 { UInt16(NLMSG_OVERRUN) }
}

/// Flags of `nlmsghdr`; the meaning of several depends on the kind of message.
package enum MessageFlag {
    package static var request: UInt16 { UInt16(NLM_F_REQUEST) }
    package static var acknowledge: UInt16 { UInt16(NLM_F_ACK) }
    package static var dump: UInt16 { UInt16(NLM_F_DUMP) }
    static var dumpInterrupted: UInt16 { UInt16(NLM_F_DUMP_INTR) }
    package static var create: UInt16 { UInt16(NLM_F_CREATE) }
    static var exclusive: UInt16 { UInt16(NLM_F_EXCL) }
    static var replace: UInt16 { UInt16(NLM_F_REPLACE) }
    package static var append: UInt16 { UInt16(NLM_F_APPEND) }
    static var capped: UInt16 { UInt16(NLM_F_CAPPED) }
    static var acknowledgeAttributes: UInt16 { UInt16(NLM_F_ACK_TLVS) }
}

/// Attributes of a route (`linux/rtnetlink.h`).
enum RouteAttribute {
    static var destination: UInt16 { UInt16(RTA_DST.rawValue) }
    static var outputLink: UInt16 { UInt16(RTA_OIF.rawValue) }
    static var gateway: UInt16 { UInt16(RTA_GATEWAY.rawValue) }
    static var priority: UInt16 { UInt16(RTA_PRIORITY.rawValue) }
    static var preferredSource: UInt16 { UInt16(RTA_PREFSRC.rawValue) }
    static var metrics: UInt16 { UInt16(RTA_METRICS.rawValue) }
    static var table: UInt16 { UInt16(RTA_TABLE.rawValue) }
    static var cacheInfo: UInt16 { UInt16(RTA_CACHEINFO.rawValue) }
    static var userID: UInt16 { UInt16(RTA_UID.rawValue) }
    static var padding: UInt16 { UInt16(RTA_PAD.rawValue) }
    static var multipath: UInt16 { UInt16(RTA_MULTIPATH.rawValue) }
    /// Inside ``metrics``.
    static var metricMTU: UInt16 { UInt16(RTAX_MTU) }
}

/// Attributes of a link (`linux/if_link.h`, `linux/veth.h`).
enum LinkAttribute {
    static var hardwareAddress: UInt16 { UInt16(IFLA_ADDRESS) }
    static var name: UInt16 { UInt16(IFLA_IFNAME) }
    static var mtu: UInt16 { UInt16(IFLA_MTU) }
    static var lowerLink: UInt16 { UInt16(IFLA_LINK) }
    static var master: UInt16 { UInt16(IFLA_MASTER) }
    static var info: UInt16 { UInt16(IFLA_LINKINFO) }
    static var namespaceDescriptor: UInt16 { UInt16(IFLA_NET_NS_FD) }
    static var statistics: UInt16 { UInt16(IFLA_STATS64) }
    static var lowerLinkNamespace: UInt16 { UInt16(IFLA_LINK_NETNSID) }
    /// Inside ``info``.
    static var infoKind: UInt16 { UInt16(IFLA_INFO_KIND) }
    /// Inside ``info``.
    static var infoData: UInt16 { UInt16(IFLA_INFO_DATA) }
    /// Inside ``infoData`` of a veth: `ifinfomsg`, then link attributes.
    static var vethPeer: UInt16 { UInt16(VETH_INFO_PEER) }
}

/// Attributes inside ``LinkAttribute/infoData`` of an `ipip` device (`linux/if_tunnel.h`).
enum IPIPAttribute {
    static var link: UInt16 { UInt16(IFLA_IPTUN_LINK) }
    static var local: UInt16 { UInt16(IFLA_IPTUN_LOCAL) }
    static var remote: UInt16 { UInt16(IFLA_IPTUN_REMOTE) }
    static var timeToLive: UInt16 { UInt16(IFLA_IPTUN_TTL) }
    static var typeOfService: UInt16 { UInt16(IFLA_IPTUN_TOS) }
    static var innerProtocol: UInt16 { UInt16(IFLA_IPTUN_PROTO) }
    static var pathMTUDiscovery: UInt16 { UInt16(IFLA_IPTUN_PMTUDISC) }
    static var encapsulation: UInt16 { UInt16(IFLA_IPTUN_ENCAP_TYPE) }
    static var collectMetadata: UInt16 { UInt16(IFLA_IPTUN_COLLECT_METADATA) }
    static var mark: UInt16 { UInt16(IFLA_IPTUN_FWMARK) }
}

/// Attributes of an address (`linux/if_addr.h`).
enum AddressAttribute {
    static var address: UInt16 { UInt16(IFA_ADDRESS) }
    static var local: UInt16 { UInt16(IFA_LOCAL) }
    static var flags: UInt16 { UInt16(IFA_FLAGS) }
}

/// Attributes of a rule (`linux/fib_rules.h`).
enum RuleAttribute {
    static var destination: UInt16 { UInt16(FRA_DST) }
    static var source: UInt16 { UInt16(FRA_SRC) }
    static var inputLink: UInt16 { UInt16(FRA_IIFNAME) }
    static var outputLink: UInt16 { UInt16(FRA_OIFNAME) }
    static var priority: UInt16 { UInt16(FRA_PRIORITY) }
    static var mark: UInt16 { UInt16(FRA_FWMARK) }
    static var markMask: UInt16 { UInt16(FRA_FWMASK) }
    static var table: UInt16 { UInt16(FRA_TABLE) }
    static var ruleProtocol: UInt16 { UInt16(FRA_PROTOCOL) }
    static var suppressPrefixLength: UInt16 { UInt16(FRA_SUPPRESS_PREFIXLEN) }
    static var padding: UInt16 { UInt16(FRA_PAD) }
}

/// Attributes of a neighbour (`linux/neighbour.h`).
enum NeighbourAttribute {
    static var destination: UInt16 { UInt16(NDA_DST) }
    static var hardwareAddress: UInt16 { UInt16(NDA_LLADDR) }
}

/// Attributes of traffic control: of a queueing discipline or a filter (`linux/rtnetlink.h`).
enum TrafficAttribute {
    static var kind: UInt16 { UInt16(TCA_KIND) }
    static var options: UInt16 { UInt16(TCA_OPTIONS) }
    /// Inside ``options`` of a filter of kind `bpf` (`linux/pkt_cls.h`).
    static var programName: UInt16 { UInt16(TCA_BPF_NAME) }
    /// Inside ``options`` of a filter of kind `bpf`.
    static var programID: UInt16 { UInt16(TCA_BPF_ID) }
}

/// Messages of nf_tables, with the number of their subsystem (`linux/netfilter/nfnetlink.h`, `nf_tables.h`).
enum FilterMessageType {
    private static func number(_ type: nf_tables_msg_types) -> UInt16 {
        UInt16(NFNL_SUBSYS_NFTABLES) << 8 | UInt16(type.rawValue)
    }

    static var newTable: UInt16 { number(NFT_MSG_NEWTABLE) }
    static var deleteTable: UInt16 { number(NFT_MSG_DELTABLE) }
    static var newChain: UInt16 { number(NFT_MSG_NEWCHAIN) }
    static var getChain: UInt16 { number(NFT_MSG_GETCHAIN) }
    static var deleteChain: UInt16 { number(NFT_MSG_DELCHAIN) }
    static var newRule: UInt16 { number(NFT_MSG_NEWRULE) }
    static var deleteRule: UInt16 { number(NFT_MSG_DELRULE) }
}

/// Attributes of a chain of nf_tables; their numbers are in network byte order.
enum FilterChainAttribute {
    static var table: UInt16 { UInt16(NFTA_CHAIN_TABLE.rawValue) }
    static var name: UInt16 { UInt16(NFTA_CHAIN_NAME.rawValue) }
    static var hook: UInt16 { UInt16(NFTA_CHAIN_HOOK.rawValue) }
    static var policy: UInt16 { UInt16(NFTA_CHAIN_POLICY.rawValue) }
    static var use: UInt16 { UInt16(NFTA_CHAIN_USE.rawValue) }
    /// Inside ``hook``.
    static var hookNumber: UInt16 { UInt16(NFTA_HOOK_HOOKNUM.rawValue) }
}

/// Attributes of an extended acknowledgement (`linux/netlink.h`).
enum AcknowledgementAttribute {
    static var message: UInt16 { UInt16(NLMSGERR_ATTR_MSG.rawValue) }
    static var offset: UInt16 { UInt16(NLMSGERR_ATTR_OFFS.rawValue) }
}

/// The address family of everything here.
let ipv4Family = UInt8(truncatingIfNeeded: AF_INET)
