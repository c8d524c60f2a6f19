// What Swift needs of libbpf and of the kernel's BPF headers.
#ifndef POPLIN_CBPF_SHIM_H
#define POPLIN_CBPF_SHIM_H

#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#endif
