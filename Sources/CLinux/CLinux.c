// The wrapped calls; the only place that sees the C library's GNU extensions.
#define _GNU_SOURCE

#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>

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

int clinux_accept(int fd) {
    return accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

ssize_t clinux_send_descriptors(int fd, const void *message, size_t length, const int *descriptors, int count) {
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int) * CLINUX_MOST_DESCRIPTORS)];
    } control;
    if (count < 0 || count > CLINUX_MOST_DESCRIPTORS) {
        errno = EINVAL;
        return -1;
    }
    struct iovec part = {.iov_base = (void *)message, .iov_len = length};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    if (count > 0) {
        memset(&control, 0, sizeof control);
        header.msg_control = &control;
        header.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
        struct cmsghdr *first = CMSG_FIRSTHDR(&header);
        first->cmsg_level = SOL_SOCKET;
        first->cmsg_type = SCM_RIGHTS;
        first->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
        memcpy(CMSG_DATA(first), descriptors, sizeof(int) * (size_t)count);
    }
    return sendmsg(fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
}

ssize_t clinux_receive_descriptors(int fd, void *message, size_t length, int *descriptors, int *count, int *truncated) {
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int) * CLINUX_MOST_DESCRIPTORS)];
    } control;
    struct iovec part = {.iov_base = message, .iov_len = length};
    struct msghdr header = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    *count = 0;
    *truncated = 0;
    ssize_t result = recvmsg(fd, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (result < 0) return result;
    for (struct cmsghdr *each = CMSG_FIRSTHDR(&header); each != NULL; each = CMSG_NXTHDR(&header, each)) {
        if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
        int bytes = (int)(each->cmsg_len - CMSG_LEN(0));
        memcpy(descriptors + *count, CMSG_DATA(each), (size_t)bytes);
        *count += bytes / (int)sizeof(int);
    }
    *truncated = (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    return result;
}

int clinux_peer_credentials(int fd, pid_t *process, uid_t *user) {
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    int result = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length);
    if (result == 0) {
        *process = credentials.pid;
        *user = credentials.uid;
    }
    return result;
}

int clinux_get_capabilities(uint64_t *effective, uint64_t *permitted, uint64_t *inheritable) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[2];
    int result = (int)syscall(SYS_capget, &header, data);
    if (result == 0) {
        *effective = (uint64_t)data[1].effective << 32 | data[0].effective;
        *permitted = (uint64_t)data[1].permitted << 32 | data[0].permitted;
        *inheritable = (uint64_t)data[1].inheritable << 32 | data[0].inheritable;
    }
    return result;
}

int clinux_set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[2] = {
        {.effective = (uint32_t)effective, .permitted = (uint32_t)permitted, .inheritable = (uint32_t)inheritable},
        {.effective = (uint32_t)(effective >> 32),
         .permitted = (uint32_t)(permitted >> 32),
         .inheritable = (uint32_t)(inheritable >> 32)},
    };
    return (int)syscall(SYS_capset, &header, data);
}

int clinux_clear_ambient_capabilities(void) {
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

int clinux_drop_from_bounding_set(int capability) {
    return prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}

int clinux_set_no_new_privileges(void) {
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
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

int clinux_thread_set_timer_slack(unsigned long nanoseconds) {
    return prctl(PR_SET_TIMERSLACK, nanoseconds);
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

int clinux_tun_name(int fd, char *name) {
    struct ifreq request;
    memset(&request, 0, sizeof request);
    int result = ioctl(fd, TUNGETIFF, &request);
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

static int offload(int socket, const char *name, uint32_t command, int *on) {
    struct ethtool_value value = {.cmd = command, .data = (uint32_t)*on};
    struct ifreq request;
    memset(&request, 0, sizeof request);
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    request.ifr_data = (char *)&value;
    int result = ioctl(socket, SIOCETHTOOL, &request);
    *on = value.data != 0;
    return result;
}

static const uint32_t offload_commands[][2] = {
    [clinux_transmit_checksum] = {ETHTOOL_GTXCSUM, ETHTOOL_STXCSUM},
    [clinux_tcp_segmentation] = {ETHTOOL_GTSO, ETHTOOL_STSO},
    [clinux_generic_segmentation] = {ETHTOOL_GGSO, ETHTOOL_SGSO},
    [clinux_generic_receive] = {ETHTOOL_GGRO, ETHTOOL_SGRO},
};

int clinux_offload(int socket, const char *name, enum clinux_offload_kind kind, int *on) {
    *on = 0;
    return offload(socket, name, offload_commands[kind][0], on);
}

int clinux_set_offload(int socket, const char *name, enum clinux_offload_kind kind, int on) {
    return offload(socket, name, offload_commands[kind][1], &on);
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
