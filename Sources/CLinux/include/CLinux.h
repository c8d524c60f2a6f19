// Kernel interfaces that Swift cannot import: ioctl numbers, GNU-only calls, function-like macros.
//
// Invariant: this header reads the same with and without _GNU_SOURCE; whatever needs it is wrapped in the .c file.
#ifndef POPLIN_CLINUX_H
#define POPLIN_CLINUX_H

// These come before any <linux/*.h>, or the two families define the same names twice.
#include <sys/socket.h>
#include <netinet/in.h>
#include <net/if.h>

#include <pthread.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/types.h>

#include <linux/if_ether.h>
#include <linux/filter.h>
#include <linux/if_packet.h>

// MARK: Batched datagrams

/// `struct mmsghdr`, which the C library shows only with _GNU_SOURCE; the sizes are asserted equal.
struct clinux_mmsghdr {
    struct msghdr msg_hdr;
    unsigned int msg_len;
};

int clinux_recvmmsg(int fd, struct clinux_mmsghdr *messages, unsigned int count, int flags);
int clinux_sendmmsg(int fd, struct clinux_mmsghdr *messages, unsigned int count, int flags);

/// Accepts a connection as a non-blocking descriptor that is closed on exec; the peer's address is not asked for.
int clinux_accept(int fd);

// MARK: Descriptors between processes

/// Descriptors that one message can carry; the kernel's own limit is 253.
#define CLINUX_MOST_DESCRIPTORS 64

/// Sends a message with descriptors (SCM_RIGHTS) over a Unix socket; never blocks, never raises SIGPIPE.
ssize_t clinux_send_descriptors(int fd, const void *message, size_t length, const int *descriptors, int count);
/// Receives one, never blocking; `descriptors` has room for CLINUX_MOST_DESCRIPTORS, and what is put there is closed on
/// exec and the caller's. `truncated` is set where message or descriptors did not fit.
ssize_t clinux_receive_descriptors(int fd, void *message, size_t length, int *descriptors, int *count, int *truncated);
/// SO_PEERCRED: who made the other end.
int clinux_peer_credentials(int fd, pid_t *process, uid_t *user);

// MARK: Capabilities of the calling thread, a bit each

int clinux_get_capabilities(uint64_t *effective, uint64_t *permitted, uint64_t *inheritable);
int clinux_set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable);
int clinux_clear_ambient_capabilities(void);
/// Needs CAP_SETPCAP.
int clinux_drop_from_bounding_set(int capability);
int clinux_set_no_new_privileges(void);

// MARK: Namespaces, threads, processes

/// Moves the calling thread into a new network namespace.
int clinux_unshare_network(void);
/// Moves the calling thread into the network namespace behind the descriptor.
int clinux_enter_network(int fd);
/// The kernel's number of the calling thread.
pid_t clinux_thread_id(void);
/// Starts a joinable thread; `cpu` below 0 leaves the placement to the scheduler. Returns 0 or an error number.
int clinux_thread_start(pthread_t *thread, int cpu, void *(*body)(void *), void *context);
/// Names the calling thread (at most 15 bytes). Returns 0 or an error number.
int clinux_thread_set_name(const char *name);
/// How much later than asked the calling thread may be woken by a timer, in nanoseconds.
int clinux_thread_set_timer_slack(unsigned long nanoseconds);
/// A pipe whose two ends are closed on exec.
int clinux_pipe(int ends[2]);
/// Has the child of a spawn close every descriptor from this number on. Returns 0 or an error number.
int clinux_spawn_close_from(posix_spawn_file_actions_t *actions, int first);
int clinux_pidfd_open(pid_t pid);
int clinux_pidfd_send_signal(int pidfd, int signal);
/// The exit code of a `waitpid` status, or -1 where a signal ended the process.
int clinux_exit_code(int status);
/// The signal that ended the process of a `waitpid` status, or 0.
int clinux_exit_signal(int status);

// MARK: TUN

extern const unsigned short clinux_tun_multi_queue;
extern const unsigned short clinux_tun_vnet_header;
extern const unsigned int clinux_tun_offload_checksum;
extern const unsigned int clinux_tun_offload_tso4;

/// TUNSETIFF with IFF_TUN | IFF_NO_PI | flags; `name` has IFNAMSIZ bytes and receives the name that was given.
int clinux_tun_attach(int fd, char *name, unsigned short flags);
/// TUNGETIFF: the name of the device that the queue belongs to, into IFNAMSIZ bytes.
int clinux_tun_name(int fd, char *name);
int clinux_tun_set_persistent(int fd, int persistent);
int clinux_tun_set_offload(int fd, unsigned int flags);
/// How many packets may wait in a device (`ip link set txqueuelen`), asked through any socket.
int clinux_set_transmit_queue_length(int socket, const char *name, int packets);

/// What a device may do for the kernel (`ethtool -K`): tx, tso, gso, gro.
enum clinux_offload_kind {
    clinux_transmit_checksum,
    clinux_tcp_segmentation,
    clinux_generic_segmentation,
    clinux_generic_receive,
};
/// ETHTOOL_GTXCSUM and its like: whether a device does it; `on` becomes 0 or 1.
int clinux_offload(int socket, const char *name, enum clinux_offload_kind kind, int *on);
/// ETHTOOL_STXCSUM and its like: the same set.
int clinux_set_offload(int socket, const char *name, enum clinux_offload_kind kind, int on);

/// How many BPF programs are linked to a device's egress beside its queueing discipline (tcx, kernel 6.6), in the calling
/// thread's network namespace; -1 with errno where the kernel cannot be asked.
int clinux_egress_program_count(unsigned int link);

/// Gives freed memory back to the kernel, where the C library can.
void clinux_return_freed_memory(void);

// Has allocations from this many bytes on mapped each on its own, so that freeing them gives their memory back at once
// and a new one is never made of pages that are in use already. A C library without mallopt() does as it likes.
void clinux_map_large_allocations(int bytes);

#endif
