// The shortcut: packets between workloads and the underlay, past the host's own IP. Whatever is not plain goes the host's
// own way. Included by tunnel.bpf.c, of whose functions it is made.

// The devices of this host's workloads, by index; the values mean nothing. Only for the shortcut.
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1 << 14);
    __type(key, __u32);
    __type(value, __u32);
} workloads SEC(".maps");

// Where the host would send an inner packet on that came by a device: the answer of bpf_fib_lookup, and the route. A
// packet that the host should look at itself is none to be sent on.
static __always_inline long route_inner(struct __sk_buff *skb, const struct iphdr *inner, __u32 length,
                                        struct bpf_fib_lookup *route)
{
    if (inner->ihl != 5 || inner->ttl <= 1 || header_sum(inner) != 0xffff)
        return BPF_FIB_LKUP_RET_NOT_FWDED;
    route->family = AF_INET;
    route->l4_protocol = inner->protocol;
    // A segment is its share of the payload behind an IPv4 and a TCP header; a longer one is the kernel's to refuse.
    route->tot_len = skb->gso_size ? skb->gso_size + sizeof(*inner) + TCP_HEADER : length;
    route->tos = inner->tos & 0xfc;
    route->ipv4_src = inner->saddr;
    route->ipv4_dst = inner->daddr;
    route->ifindex = skb->ingress_ifindex;
    return bpf_fib_lookup(skb, route, sizeof(*route), 0);
}

// Takes the hop off that the host would (E2), and mends the checksum by it (RFC 1624).
static __always_inline long take_hop(struct __sk_buff *skb, const struct iphdr *inner)
{
    // TTL and protocol share a 16-bit word.
    __be16 before = *(const __be16 *)&inner->ttl, after = before - bpf_htons(0x0100);
    __u8 ttl = inner->ttl - 1;

    return bpf_l3_csum_replace(skb, ETH_HLEN + offsetof(struct iphdr, check), before, after, 2) ||
           bpf_skb_store_bytes(skb, ETH_HLEN + offsetof(struct iphdr, ttl), &ttl, 1, 0);
}

// The shortcut outward, on the ingress of a workload's device: what the host would route into the tunnel is encapsulated
// here. Everything else takes the host's own way.
SEC("tc")
int poplin_workload(struct __sk_buff *skb)
{
    __u32 place, length = skb->len - ETH_HLEN, count;
    struct iphdr outer = {}, *inner;
    struct bpf_fib_lookup route = {};
    struct tunnel_table *layout;
    struct tunnel_peer peer;
    void *table;
    long verdict;

    if (skb->protocol != bpf_htons(ETH_P_IP) || skb->vlan_present || skb->pkt_type != PACKET_HOST)
        return TC_ACT_UNSPEC;
    if (skb->data + ETH_HLEN + sizeof(*inner) > skb->data_end && bpf_skb_pull_data(skb, ETH_HLEN + sizeof(*inner)))
        return TC_ACT_UNSPEC;
    inner = (void *)(long)skb->data + ETH_HLEN;
    if ((void *)(inner + 1) > (void *)(long)skb->data_end || inner->version != 4)
        return TC_ACT_UNSPEC;
    // The tunnel device has no neighbours to be known.
    verdict = route_inner(skb, inner, length, &route);
    if ((verdict != BPF_FIB_LKUP_RET_SUCCESS && verdict != BPF_FIB_LKUP_RET_NO_NEIGH) ||
        route.ifindex != settings.tunnel_link)
        return TC_ACT_UNSPEC;
    layout = table_in_force(&table);
    if (!layout)
        return TC_ACT_UNSPEC;
    place = longest_match(table, layout->addresses, bpf_ntohl(route.ipv4_dst));
    if (place == ENTRY_NONE)
        return TC_ACT_UNSPEC;
    peer = peer_at(table, place);
    if (peer.flags & TUNNEL_PEER_LEFT_TO_AGENT || length + sizeof(outer) > 0xffff || inner->daddr == route.ipv4_dst)
        return TC_ACT_UNSPEC;
    count = segments(skb, ETH_HLEN, inner);
    fill_outer(&outer, inner, peer.address, length, count);
    if (!settings.time_to_live) {
        outer.ttl -= 1;
        outer.check = 0;
        outer.check = ~header_sum(&outer);
    }
    if (take_hop(skb, inner))
        return drop(TUNNEL_DROP_IO_ERROR);
    return encapsulate(skb, ETH_HLEN, &outer, settings.tunnel_link, length, count);
}

// The shortcut inward: what the host would send on to a workload goes into its device from here.
static __always_inline int deliver(struct __sk_buff *skb, __u32 length)
{
    struct bpf_fib_lookup route = {};
    struct iphdr *inner;

    if (skb->data + ETH_HLEN + sizeof(*inner) > skb->data_end && bpf_skb_pull_data(skb, ETH_HLEN + sizeof(*inner)))
        return bpf_redirect(settings.tunnel_link, BPF_F_INGRESS);
    inner = (void *)(long)skb->data + ETH_HLEN;
    if ((void *)(inner + 1) > (void *)(long)skb->data_end ||
        route_inner(skb, inner, length, &route) != BPF_FIB_LKUP_RET_SUCCESS ||
        !bpf_map_lookup_elem(&workloads, &route.ifindex))
        return bpf_redirect(settings.tunnel_link, BPF_F_INGRESS);
    if (take_hop(skb, inner) || bpf_skb_store_bytes(skb, 0, route.dmac, ETH_ALEN, 0) ||
        bpf_skb_store_bytes(skb, ETH_ALEN, route.smac, ETH_ALEN, 0))
        return drop(TUNNEL_DROP_IO_ERROR);
    return bpf_redirect(route.ifindex, 0);
}
