// What the tunnel's programs and the agent share: settings, counters and the layout of the table.

#ifndef TUNNEL_PROGRAM_H
#define TUNNEL_PROGRAM_H

#include <linux/types.h>

// Read-only data of the programs (`settings`), written before they are loaded.
struct tunnel_settings {
    // This node's address, network byte order: the outer source, and the only outer destination that is taken.
    __u32 local_address;
    // The index of the tunnel device.
    __u32 tunnel_link;
    // The outer TTL; 0 copies the inner one.
    __u8 time_to_live;
    // The outer DSCP, 0 to 63, or TUNNEL_DSCP_COPY for the inner one.
    __u8 dscp;
    // Whether inner sources that are not the sending peer's are taken (D4 switched off).
    __u8 accepts_foreign_sources;
    // Whether packets of this host's workloads go past its own IP (`workloads`).
    __u8 takes_shortcut;
};
_Static_assert(sizeof(struct tunnel_settings) == 12, "as the agent writes it");

#define TUNNEL_DSCP_COPY 255

// The table (`tables`, its only entry) is an array of 64-bit elements, each two 32-bit words in the byte order of the
// host, the first in the lower half. It begins with this header; all places are word offsets from its beginning.
struct tunnel_table {
    // An IPv4PrefixTable of the peers' prefixes (Sources/Net/IPv4PrefixTable.swift has its layout; references in it are
    // relative to its own beginning). Its values are the places of peers.
    __u32 prefixes;
    // The same of the peers' outer addresses.
    __u32 addresses;
};
_Static_assert(sizeof(struct tunnel_table) == 8, "the first element");

// A peer in the table.
struct tunnel_peer {
    // The outer address, host byte order.
    __u32 address;
    // The address of the peer's tunnel device, host byte order; 0 where it has none.
    __u32 tunnel_address;
    // TUNNEL_PEER_*.
    __u32 flags;
};
_Static_assert(sizeof(struct tunnel_peer) == 12, "three words of the table");

// Outer packets to this peer must pass the host's own IP output: they are left to the agent.
#define TUNNEL_PEER_LEFT_TO_AGENT 1

// One CPU's counts for a peer (`traffic`, by outer address in network byte order); bytes are those of inner packets.
struct tunnel_traffic {
    __u64 tx_packets;
    __u64 tx_bytes;
    __u64 rx_packets;
    __u64 rx_bytes;
};
_Static_assert(sizeof(struct tunnel_traffic) == 32, "as the agent reads it");

// Why a packet was dropped (`drops`, one CPU's counts by reason): the raw values of DropReason
// (Sources/Packet/DropReason.swift).
enum tunnel_drop {
    TUNNEL_DROP_UNKNOWN_OUTER_SOURCE = 7,
    TUNNEL_DROP_INNER_SOURCE_NOT_OF_PEER = 8,
    TUNNEL_DROP_TTL_ZERO = 9,
    TUNNEL_DROP_ECN_ILLEGAL_COMBINATION = 10,
    TUNNEL_DROP_RECURSION = 11,
    TUNNEL_DROP_NO_PEER = 12,
    TUNNEL_DROP_IO_ERROR = 16,
    TUNNEL_DROP_COUNT = 18,
};

#endif
