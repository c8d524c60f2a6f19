// The wrapped calls; the only place that sees the C library's GNU extensions.
#define _GNU_SOURCE

#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <malloc.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/icmp.h>
#include <linux/if_tun.h>

_Static_assert(sizeof(struct clinux_mmsghdr) == sizeof(struct mmsghdr), "mmsghdr differs in size");
_Static_assert(offsetof(struct clinux_mmsghdr, msg_len) == offsetof(struct mmsghdr, msg_len), "mmsghdr differs");
_Static_assert(sizeof(struct signalfd_siginfo) == 128, "signalfd_siginfo is 128 bytes");
_Static_assert(IFNAMSIZ == 16, "an interface name has 16 bytes");

int clinux_recvmmsg(int fd, struct clinux_mmsghdr *messages, unsigned int count, int flags) {
    return recvmmsg(fd, (struct mmsghdr *)messages, count, flags, NULL);
}

int clinux_sendmmsg(int fd, struct clinux_mmsghdr *messages, unsigned int count, int flags) {
    return sendmmsg(fd, (struct mmsghdr *)messages, count, flags);
}

int clinux_keep_icmp_errors(int fd, uint8_t protocol, uint32_t source) {
    // A load beyond the packet's end ends the program with 0: the packet is not taken.
    struct sock_filter program[] = {
        // X is the length of the packet's own header, which a raw socket's filter sees too.
        BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
        BPF_STMT(BPF_LD | BPF_B | BPF_IND, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP_DEST_UNREACH, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP_TIME_EXCEEDED, 0, 5),
        // The quoted header comes after the 8 bytes of ICMP: its protocol, then its source.
        BPF_STMT(BPF_LD | BPF_B | BPF_IND, 8 + 9),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, protocol, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_IND, 8 + 12),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, source, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0xFFFFFFFF),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog filter = {.len = sizeof program / sizeof program[0], .filter = program};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
}

int clinux_accept(int fd) {
    return accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int clinux_unshare_network(void) {
    return unshare(CLONE_NEWNET);
}

int clinux_enter_network(int fd) {
    return setns(fd, CLONE_NEWNET);
}

pid_t clinux_thread_id(void) {
    return (pid_t)syscall(SYS_gettid);
}

int clinux_thread_start(pthread_t *thread, int cpu, void *(*body)(void *), void *context) {
    pthread_attr_t attributes;
    int code = pthread_attr_init(&attributes);
    if (code != 0) return code;
    if (cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        // CPU_SET ignores a number beyond the set; an empty set is then refused with EINVAL below.
        CPU_SET((size_t)cpu, &set);
        code = pthread_attr_setaffinity_np(&attributes, sizeof set, &set);
    }
    if (code == 0) code = pthread_create(thread, &attributes, body, context);
    pthread_attr_destroy(&attributes);
    return code;
}

int clinux_thread_set_name(const char *name) {
    return pthread_setname_np(pthread_self(), name);
}

int clinux_pipe(int ends[2]) {
    return pipe2(ends, O_CLOEXEC);
}

int clinux_spawn_close_from(posix_spawn_file_actions_t *actions, int first) {
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

int clinux_pidfd_open(pid_t pid) {
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

int clinux_pidfd_send_signal(int pidfd, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

int clinux_exit_code(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int clinux_exit_signal(int status) {
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

const unsigned short clinux_tun_multi_queue = IFF_MULTI_QUEUE;
const unsigned short clinux_tun_vnet_header = IFF_VNET_HDR;
const unsigned int clinux_tun_offload_checksum = TUN_F_CSUM;
const unsigned int clinux_tun_offload_tso4 = TUN_F_TSO4;

int clinux_tun_attach(int fd, char *name, unsigned short flags) {
    struct ifreq request;
    memset(&request, 0, sizeof request);
    memcpy(request.ifr_name, name, IFNAMSIZ - 1);
    request.ifr_flags = (short)(IFF_TUN | IFF_NO_PI | flags);
    int result = ioctl(fd, TUNSETIFF, &request);
    if (result == 0) memcpy(name, request.ifr_name, IFNAMSIZ);
    return result;
}

int clinux_tun_set_persistent(int fd, int persistent) {
    return ioctl(fd, TUNSETPERSIST, (unsigned long)(persistent != 0));
}

int clinux_tun_set_offload(int fd, unsigned int flags) {
    return ioctl(fd, TUNSETOFFLOAD, (unsigned long)flags);
}

int clinux_set_transmit_queue_length(int socket, const char *name, int packets) {
    struct ifreq request;
    memset(&request, 0, sizeof request);
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    request.ifr_qlen = packets;
    return ioctl(socket, SIOCSIFTXQLEN, &request);
}

int clinux_egress_program_count(unsigned int link) {
    // BPF_PROG_QUERY and BPF_TCX_EGRESS of linux/bpf.h, whose older versions do not have the latter.
    enum { program_query = 16, tcx_egress = 47 };
    struct {
        uint32_t target, type, query_flags, attach_flags;
        uint64_t identifiers;
        uint32_t count, padding;
        uint64_t rest[8];
    } request;
    memset(&request, 0, sizeof request);
    request.target = link;
    request.type = tcx_egress;
    if (syscall(SYS_bpf, program_query, &request, sizeof request) < 0) return -1;
    return (int)request.count;
}

void clinux_return_freed_memory(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

void clinux_map_large_allocations(int bytes) {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, bytes);
#else
    (void)bytes;
#endif
}
