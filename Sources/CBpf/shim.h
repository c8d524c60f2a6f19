// What Swift needs of libbpf and of the kernel's BPF headers.
#ifndef POPLIN_CBPF_SHIM_H
#define POPLIN_CBPF_SHIM_H

#include <stddef.h>

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

// Sizes that end with the last field: libbpf refuses padding that is not zero, and Swift does not keep it so.
static const size_t cbpf_tc_hook_size = offsetof(struct bpf_tc_hook, parent) + sizeof(__u32);
static const size_t cbpf_tc_opts_size = offsetof(struct bpf_tc_opts, priority) + sizeof(__u32);
static const size_t cbpf_object_open_opts_size =
    offsetof(struct bpf_object_open_opts, kernel_log_level) + sizeof(__u32);

#endif
