// An IP-in-IP tunnel to one peer as two tc programs, which hand on superframes whole: the far end of the mixed network.
//
// Given at compile time: LOCAL, PEER (addresses as numbers), UNDERLAY, TUNNEL (interface indexes).

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define OUTER_LENGTH ((int)sizeof(struct iphdr))

static __always_inline __sum16 header_checksum(struct iphdr *header) {
    __u32 sum = bpf_csum_diff(0, 0, (__be32 *)header, OUTER_LENGTH, 0);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return ~sum;
}

// On the egress of the tunnel device, whose packets begin with the inner header.
SEC("outward")
int encapsulate(struct __sk_buff *skb) {
    struct iphdr inner;
    if (skb->protocol != bpf_htons(ETH_P_IP) || bpf_skb_load_bytes(skb, 0, &inner, sizeof(inner))) return TC_ACT_SHOT;
    if (skb->len + OUTER_LENGTH > 65535) return TC_ACT_SHOT;
    struct iphdr outer = {
        .version = 4,
        .ihl = 5,
        .tos = inner.tos,
        .tot_len = bpf_htons(skb->len + OUTER_LENGTH),
        .frag_off = inner.frag_off & bpf_htons(0x4000),
        .ttl = 64,
        .protocol = IPPROTO_IPIP,
        .saddr = bpf_htonl(LOCAL),
        .daddr = bpf_htonl(PEER),
    };
    outer.check = header_checksum(&outer);
    __u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L3_IPV4;
    if (bpf_skb_adjust_room(skb, OUTER_LENGTH, BPF_ADJ_ROOM_MAC, flags)) return TC_ACT_SHOT;
    if (bpf_skb_store_bytes(skb, 0, &outer, sizeof(outer), 0)) return TC_ACT_SHOT;
    // The helper that finds the neighbour expects an Ethernet header in front.
    if (bpf_skb_change_head(skb, ETH_HLEN, 0)) return TC_ACT_SHOT;
    return bpf_redirect_neigh(UNDERLAY, 0, 0, 0);
}

// On the ingress of the underlay device; what is not the tunnel's goes its ordinary way.
SEC("inward")
int decapsulate(struct __sk_buff *skb) {
    struct iphdr outer;
    if (skb->protocol != bpf_htons(ETH_P_IP) || bpf_skb_load_bytes(skb, ETH_HLEN, &outer, sizeof(outer))) return TC_ACT_OK;
    if (outer.protocol != IPPROTO_IPIP || outer.ihl != 5) return TC_ACT_OK;
    if (outer.saddr != bpf_htonl(PEER) || outer.daddr != bpf_htonl(LOCAL)) return TC_ACT_SHOT;
    if (bpf_skb_adjust_room(skb, -OUTER_LENGTH, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO)) return TC_ACT_SHOT;
    return bpf_redirect(TUNNEL, BPF_F_INGRESS);
}

// Helpers that look into the packet are refused to programs under other licences.
char licence[] SEC("license") = "GPL";
