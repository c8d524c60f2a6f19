// What Swift needs of libmnl and of the kernel's rtnetlink headers; libc's socket headers come first, or they clash.
#ifndef POPLIN_CMNL_SHIM_H
#define POPLIN_CMNL_SHIM_H

#include <sys/socket.h>
#include <netinet/in.h>
#include <net/if.h>

#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/if_link.h>
#include <linux/if_addr.h>
#include <linux/if_tunnel.h>
#include <linux/fib_rules.h>
#include <linux/veth.h>
#include <linux/neighbour.h>
#include <linux/pkt_sched.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/pkt_cls.h>
#include <linux/xfrm.h>
#include <libmnl/libmnl.h>

#endif
