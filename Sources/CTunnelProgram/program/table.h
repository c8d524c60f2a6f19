// The peers and prefixes in force: swapped as a whole, and searched as Sources/Net/IPv4PrefixTable.swift does.

#ifndef TABLE_H
#define TABLE_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "tunnel_program.h"

// Bits of an entry of a prefix table.
#define ENTRY_NONE 0x80000000U
#define ENTRY_OFFSET_BITS 27
#define ENTRY_OFFSET 0x07ffffffU
#define ENTRY_BITS 15

struct table {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_INNER_MAP | BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, 1);
    __type(key, __u32);
    __array(values, struct table);
} tables SEC(".maps");

static __always_inline __u32 word(void *table, __u32 place)
{
    __u32 index = place >> 1;
    __u64 *pair = bpf_map_lookup_elem(table, &index);

    if (!pair)
        return ENTRY_NONE;
    return place & 1 ? *pair >> 32 : (__u32)*pair;
}

// The value of the longest prefix that holds an address (host byte order), or ENTRY_NONE: the twin of
// IPv4PrefixTable.lookup.
static __always_inline __u32 longest_match(void *table, __u32 base, __u32 address)
{
    __u32 entry = word(table, base + (address >> 16));
    __u32 rest = address << 16;

    // One direct table takes at least one of the 16 bits that are left; real tables are two or three deep.
    for (int depth = 0; depth < 16 && entry > ENTRY_NONE; depth++) {
        __u32 block = base + (entry & ENTRY_OFFSET);
        __u32 bits = entry >> ENTRY_OFFSET_BITS & ENTRY_BITS;

        if (bits == 0) {
            __u32 key = rest >> 16;
            __u32 low = word(table, block), high = word(table, block + 1);
            __u32 index = (low & 0xffff) < key;

            index += low >> 16 < key;
            index += (high & 0xffff) < key;
            index += high >> 16 < key;
            return word(table, block + 2 + index);
        }
        entry = word(table, block + (rest >> (32 - bits)));
        rest <<= bits;
    }
    return entry;
}

static __always_inline struct tunnel_peer peer_at(void *table, __u32 place)
{
    struct tunnel_peer peer = {
        .address = word(table, place),
        .tunnel_address = word(table, place + 1),
        .flags = word(table, place + 2),
    };
    return peer;
}

// The table in force; its peers and prefixes are those of one moment.
static __always_inline struct tunnel_table *table_in_force(void **table)
{
    __u32 zero = 0;

    *table = bpf_map_lookup_elem(&tables, &zero);
    return *table ? bpf_map_lookup_elem(*table, &zero) : (void *)0;
}

#endif
