// IP-in-IP on the traffic control hooks: poplin_out on the tunnel device's egress, poplin_in on the ingress of each
// underlay device. What a program cannot do right it leaves alone: outward the packet goes on into the device's
// queue, inward up the stack to a raw socket, and behind both the agent does the same in its own way.

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "table.h"
#include "tunnel_program.h"

#define NULL ((void *)0)
#define IP_DF 0x4000
#define IP_FRAGMENT 0x3fff
#define AF_INET 2
#define PACKET_HOST 0
#define TCP_HEADER 20

char terms[] SEC("license") = "GPL";

// In a section of its own, which is a map of its own: so it begins at its first byte.
const volatile struct tunnel_settings settings SEC(".rodata.settings");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1 << 16);
    __type(key, __u32);
    __type(value, struct tunnel_traffic);
} traffic SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, TUNNEL_DROP_COUNT);
    __type(key, __u32);
    __type(value, __u64);
} drops SEC(".maps");

// How many identifications outer packets that may be cut have taken.
__u32 identification;

static __always_inline int drop(__u32 reason)
{
    __u64 *count = bpf_map_lookup_elem(&drops, &reason);

    if (count)
        *count += 1;
    return TC_ACT_SHOT;
}

// How many packets a superframe stands for; its inner header begins at an offset.
static __always_inline __u32 segments(struct __sk_buff *skb, __u32 offset, const struct iphdr *inner)
{
    __u32 header = inner->ihl * 4, length = skb->len - offset;
    __u8 words;

    if (skb->gso_segs)
        return skb->gso_segs;
    if (!skb->gso_size)
        return 1;
    // Byte 12 of a TCP header has its length in its upper half; UDP's is 8 bytes.
    if (inner->protocol != IPPROTO_TCP)
        header += 8;
    else if (!bpf_skb_load_bytes(skb, offset + header + 12, &words, 1))
        header += words >> 4 << 2;
    return length > header ? (length - header + skb->gso_size - 1) / skb->gso_size : 1;
}

static __always_inline __u32 header_sum(const struct iphdr *header)
{
    const __u16 *half = (const __u16 *)header;
    __u32 sum = 0;

    for (int i = 0; i < 10; i++)
        sum += half[i];
    sum = (sum & 0xffff) + (sum >> 16);
    return (sum & 0xffff) + (sum >> 16);
}

// The outer header for an inner packet, or for the superframe that bears it, of a length in bytes.
static __always_inline void fill_outer(struct iphdr *outer, const struct iphdr *inner, __u32 address, __u32 length,
                                       __u32 count)
{
    outer->version = 4;
    outer->ihl = 5;
    // E9: the inner ECN, and the inner DSCP unless there is one for all.
    outer->tos = settings.dscp == TUNNEL_DSCP_COPY ? inner->tos : settings.dscp << 2 | (inner->tos & 3);
    outer->tot_len = bpf_htons(length + sizeof(*outer));
    outer->frag_off = inner->frag_off & bpf_htons(IP_DF);
    // The datagram is whole, so that DF alone makes it atomic (RFC 6864 section 4).
    if (!outer->frag_off)
        outer->id = bpf_htons(settings.first_identification + __sync_fetch_and_add(&identification, count));
    outer->ttl = settings.time_to_live ? settings.time_to_live : inner->ttl;
    outer->protocol = IPPROTO_IPIP;
    outer->saddr = settings.local_address;
    outer->daddr = bpf_htonl(address);
    outer->check = ~header_sum(outer);
}

// Puts an outer header in front of the inner one, which begins at an offset, and sends the packet by the kernel's route
// to its destination. Where that cannot be done the packet is left as it was.
static __always_inline int encapsulate(struct __sk_buff *skb, __u32 offset, struct iphdr *outer, __u32 link,
                                       __u32 length, __u32 count)
{
    struct bpf_fib_lookup route = {};
    struct bpf_redir_neigh next_hop = {};
    struct tunnel_traffic *counts;
    long verdict;

    route.family = AF_INET;
    route.l4_protocol = IPPROTO_IPIP;
    // The segments of a superframe fit: the kernel has seen to that before it came here.
    route.tot_len = skb->gso_size ? 0 : length + sizeof(*outer);
    route.tos = outer->tos & 0xfc;
    route.ipv4_src = outer->saddr;
    route.ipv4_dst = outer->daddr;
    route.ifindex = link;
    verdict = bpf_fib_lookup(skb, &route, sizeof(route), 0);
    // A gateway of another family is the kernel's to use.
    if ((verdict != BPF_FIB_LKUP_RET_SUCCESS && verdict != BPF_FIB_LKUP_RET_NO_NEIGH) || route.family != AF_INET)
        return TC_ACT_UNSPEC;
    if (route.ifindex == settings.tunnel_link)
        return drop(TUNNEL_DROP_RECURSION);

    // Of a superframe that is neither TCP nor UDP, the kernel refuses this.
    if (bpf_skb_adjust_room(skb, sizeof(*outer), BPF_ADJ_ROOM_MAC,
                            BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L3_IPV4))
        return TC_ACT_UNSPEC;
    if (bpf_skb_store_bytes(skb, offset, outer, sizeof(*outer), 0) ||
        // A packet without an Ethernet header gets room for one: redirect_neigh writes over it.
        (offset == 0 && bpf_skb_change_head(skb, ETH_HLEN, 0)))
        return drop(TUNNEL_DROP_IO_ERROR);
    counts = bpf_map_lookup_elem(&traffic, &outer->daddr);
    if (counts) {
        counts->tx_packets += count;
        counts->tx_bytes += length;
    }
    // A packet that waits for its neighbour is sent by the route it bears then, which is the tunnel device's unless the
    // kernel looks for one itself (__neigh_update).
    if (verdict == BPF_FIB_LKUP_RET_NO_NEIGH)
        return bpf_redirect_neigh(route.ifindex, NULL, 0, 0);
    next_hop.nh_family = AF_INET;
    next_hop.ipv4_nh = route.ipv4_dst;
    return bpf_redirect_neigh(route.ifindex, &next_hop, sizeof(next_hop), 0);
}

SEC("tc")
int poplin_out(struct __sk_buff *skb)
{
    __u32 place, length = skb->len, count;
    struct tunnel_table *layout;
    struct tunnel_peer peer;
    struct iphdr outer = {}, *inner;
    void *table;

    if (skb->protocol != bpf_htons(ETH_P_IP))
        return TC_ACT_UNSPEC;
    if (skb->data + sizeof(*inner) > skb->data_end && bpf_skb_pull_data(skb, sizeof(*inner)))
        return TC_ACT_UNSPEC;
    inner = (void *)(long)skb->data;
    if ((void *)(inner + 1) > (void *)(long)skb->data_end || inner->version != 4)
        return TC_ACT_UNSPEC;
    if (inner->ttl == 0)
        return drop(TUNNEL_DROP_TTL_ZERO);

    layout = table_in_force(&table);
    if (!layout)
        return TC_ACT_UNSPEC;
    place = longest_match(table, layout->prefixes, bpf_ntohl(inner->daddr));
    if (place == ENTRY_NONE)
        return drop(TUNNEL_DROP_NO_PEER);
    peer = peer_at(table, place);
    // E3: neither to the far end itself, nor a tunnel of this node's in the tunnel.
    if (bpf_ntohl(inner->daddr) == peer.address ||
        (inner->saddr == settings.local_address && inner->protocol == IPPROTO_IPIP))
        return drop(TUNNEL_DROP_RECURSION);
    if (peer.flags & TUNNEL_PEER_LEFT_TO_AGENT || length + sizeof(outer) > 0xffff)
        return TC_ACT_UNSPEC;
    count = segments(skb, 0, inner);
    fill_outer(&outer, inner, peer.address, length, count);
    return encapsulate(skb, 0, &outer, settings.tunnel_link, length, count);
}

#include "shortcut.h"

SEC("tc")
int poplin_in(struct __sk_buff *skb)
{
    const __u32 headers = ETH_HLEN + 2 * sizeof(struct iphdr);
    void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
    struct iphdr *outer = data + ETH_HLEN, *inner = outer + 1;
    struct tunnel_traffic *counts;
    struct tunnel_peer peer;
    struct tunnel_table *layout;
    __u32 place, source, length, count;
    __be32 outer_source;
    __u8 mark, inner_tos, tos;
    void *table;

    if (skb->protocol != bpf_htons(ETH_P_IP) || skb->vlan_present)
        return TC_ACT_UNSPEC;
    if ((void *)(outer + 1) > end || outer->protocol != IPPROTO_IPIP || outer->daddr != settings.local_address)
        return TC_ACT_UNSPEC;
    if ((void *)(inner + 1) > end) {
        if (bpf_skb_pull_data(skb, headers))
            return TC_ACT_UNSPEC;
        data = (void *)(long)skb->data;
        end = (void *)(long)skb->data_end;
        outer = data + ETH_HLEN;
        inner = outer + 1;
        if ((void *)(inner + 1) > end)
            return TC_ACT_UNSPEC;
    }
    // D1; options and fragments are the kernel's to read. The kernel's own segments have no length of their own.
    length = bpf_ntohs(outer->tot_len);
    if (skb->pkt_type != PACKET_HOST || outer->version != 4 || outer->ihl != 5 || outer->frag_off & bpf_htons(IP_FRAGMENT) ||
        header_sum(outer) != 0xffff ||
        (!skb->gso_size && (length > skb->len - ETH_HLEN || length < 2 * sizeof(*inner))))
        return TC_ACT_UNSPEC;

    layout = table_in_force(&table);
    if (!layout)
        return TC_ACT_UNSPEC;
    // D3.
    outer_source = outer->saddr;
    place = longest_match(table, layout->addresses, bpf_ntohl(outer_source));
    if (place == ENTRY_NONE)
        return drop(TUNNEL_DROP_UNKNOWN_OUTER_SOURCE);
    // D2: what is not as it should be is the agent's to count.
    if (inner->version != 4 || inner->ihl < 5 || bpf_ntohs(inner->tot_len) < inner->ihl * 4 ||
        (!skb->gso_size && bpf_ntohs(inner->tot_len) > length - sizeof(*outer)))
        return TC_ACT_UNSPEC;
    if (inner->ttl == 0)
        return drop(TUNNEL_DROP_TTL_ZERO);
    // D4; a packet for another tunnel must name its peer in any case.
    source = bpf_ntohl(inner->saddr);
    if ((!settings.accepts_foreign_sources || inner->protocol == IPPROTO_IPIP) &&
        longest_match(table, layout->prefixes, source) != place) {
        peer = peer_at(table, place);
        if (source != peer.address && (source != peer.tunnel_address || source == 0))
            return drop(TUNNEL_DROP_INNER_SOURCE_NOT_OF_PEER);
    }
    if (inner->protocol == IPPROTO_IPIP && inner->daddr == settings.local_address)
        return drop(TUNNEL_DROP_RECURSION);
    // D6, RFC 6040 section 4.2: the outer mark if it says more than the inner one.
    inner_tos = inner->tos;
    mark = outer->tos & 3;
    if (mark == 3 && (inner_tos & 3) == 0)
        return drop(TUNNEL_DROP_ECN_ILLEGAL_COMBINATION);
    tos = (mark == 3 || (mark == 1 && (inner_tos & 3) == 2)) ? (inner_tos & ~3) | mark : inner_tos;

    length = skb->len - ETH_HLEN - sizeof(*outer);
    count = segments(skb, ETH_HLEN + sizeof(*outer), inner);
    // Of a superframe that is neither TCP nor UDP, the kernel refuses this.
    if (bpf_skb_adjust_room(skb, -(__s32)sizeof(*outer), BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO))
        return TC_ACT_UNSPEC;
    // Version and length share the 16-bit word with it, and stay.
    if (tos != inner_tos &&
        (bpf_l3_csum_replace(skb, ETH_HLEN + offsetof(struct iphdr, check), bpf_htons(inner_tos), bpf_htons(tos), 2) ||
         bpf_skb_store_bytes(skb, ETH_HLEN + offsetof(struct iphdr, tos), &tos, 1, 0)))
        return drop(TUNNEL_DROP_IO_ERROR);
    counts = bpf_map_lookup_elem(&traffic, &outer_source);
    if (counts) {
        counts->rx_packets += count;
        counts->rx_bytes += length;
    }
    return settings.takes_shortcut ? deliver(skb, length) : bpf_redirect(settings.tunnel_link, BPF_F_INGRESS);
}
