// Preloaded into a program: lets its netlink calls fail as an order says, and writes down every call and every fault.
//
// FAULTS_ORDER is a file that may come, change and go while the program runs; without it nothing fails. It says
//     every P from I for B     of the calls since the order came, I, I + P, I + 2P … fail, at most B of them; or
//     deal S share J of N      every kind of call meets every fault that it can meet once (of which every N-th from the
//                              J-th is dealt here), with at least S requests and receives before one that is about more
//                              than one object.
// FAULTS_TRACE is appended to, one line each, separated by tabs:
//     order  TEXT                      a new order is in force
//     kind   KIND POINT COUNT          the order's first call of a kind, and how many faults the kind can meet
//     fault  NUMBER KIND POINT FAULT   a fault that the program has really met; calls are numbered from the order on
// FAULTS_CALLS has a byte for each call since the order.
//
// A request whose answer is replaced either never reached the kernel (it becomes NLMSG_NOOP, which is acknowledged) or
// was carried out all the same. A receive that fails with ENOBUFS loses what was waiting.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

struct error {
    int code;
    const char *name;
};
#define ERROR(name) {name, #name}
// Of the call itself, where it opens something; of sends and receives; and as an answer.
static const struct error opening[] = {ERROR(ENOBUFS), ERROR(EPERM)};
static const struct error calling[] = {ERROR(EINTR), ERROR(ENOBUFS), ERROR(EPERM), ERROR(ENETDOWN)};
static const struct error answers[] = {
    ERROR(ENODEV), ERROR(ENETDOWN), ERROR(EEXIST), ERROR(ESRCH), ERROR(EPERM), ERROR(EBUSY), ERROR(ENOBUFS)};

enum point { OPEN, SEND, RECEIVE };
static const char *const point_names[] = {"open", "send", "receive"};

enum form { PLAIN, DUMP, EXCLUSIVE, REPLACE, TRANSACTION, SUBSCRIPTION };
static const char *const form_names[] = {"", " dump", " exclusive", " replace", " transaction", "changes"};

// What calls are told apart by: the same request, with the same flags, to the same part of the kernel.
struct kind {
    enum point point;
    int protocol;
    uint16_t type;
    enum form form;
    const char *opening;
    // Whether the order has met it, and the faults that it has met itself.
    bool is_known;
    uint64_t dealt;
    // It was just met by one: the next call of the kind goes through, so that its object is not held back for long.
    bool rests;
};
static struct kind kinds[256];
static int kind_count;

// What the order says.
static enum { NOTHING, EVERY, DEAL } mode;
static int period, from, budget, spacing, share, shares;
static struct timespec order_time;
static ino_t order_file;

static unsigned calls, faults, ticks, last_fault;

static struct netlink_socket {
    bool is_open;
    int protocol;
    // The latest request, or the subscription.
    bool has_kind;
    uint16_t type;
    enum form form;
    // Requests whose answers are to be replaced.
    struct victim {
        uint32_t sequence;
        unsigned call;
        const struct error *error;
        bool is_done, is_met;
        int kind, fault;
    } victims[256];
    int victim_count;
} sockets[1024];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *order_path;
static int trace = -1, call_file = -1;

static void *next(const char *name) {
    void *function = dlsym(RTLD_NEXT, name);
    if (function == NULL) abort();
    return function;
}

#define REAL(result, name, ...)                                                                                        \
    static result (*real_##name)(__VA_ARGS__);                                                                         \
    if (real_##name == NULL) real_##name = next(#name)

static void describe(const struct kind *kind, char *text, size_t size) {
    static const char *const objects[] = {"link", "address", "route", "neighbour", "rule",
                                          "qdisc", "class", "filter"};
    static const char *const verbs[] = {"new", "delete", "get", "set"};
    unsigned object = (kind->type - 16u) / 4;
    if (kind->opening != NULL)
        snprintf(text, size, "%d %s", kind->protocol, kind->opening);
    else if (kind->form == SUBSCRIPTION)
        snprintf(text, size, "%d %s", kind->protocol, form_names[kind->form]);
    else if (kind->protocol == NETLINK_ROUTE && kind->type >= 16 && object < COUNT(objects))
        snprintf(text, size, "%s %s%s", verbs[kind->type % 4], objects[object], form_names[kind->form]);
    else
        snprintf(text, size, "%d/%#x%s", kind->protocol, kind->type, form_names[kind->form]);
}

static int fault_count(const struct kind *kind) {
    if (kind->point == OPEN) return COUNT(opening);
    if (kind->point == RECEIVE) return COUNT(calling) + (kind->form == DUMP);
    // A listing has no answer of its own, and what a transaction has done it has done as a whole.
    bool can_be_done = kind->form != DUMP && kind->form != TRANSACTION;
    return COUNT(calling) + COUNT(answers) * (can_be_done ? 2 : 1);
}

static int find_kind(struct kind wanted) {
    for (int index = 0; index < kind_count; index++) {
        struct kind *kind = &kinds[index];
        if (kind->point == wanted.point && kind->protocol == wanted.protocol && kind->type == wanted.type &&
            kind->form == wanted.form && kind->opening == wanted.opening)
            return index;
    }
    if (kind_count == COUNT(kinds)) abort();
    kinds[kind_count] = wanted;
    return kind_count++;
}

static void note_kind(int index) {
    struct kind *kind = &kinds[index];
    if (kind->is_known) return;
    char text[64];
    describe(kind, text, sizeof text);
    dprintf(trace, "kind\t%s\t%s\t%d\n", text, point_names[kind->point], fault_count(kind));
    kind->is_known = true;
}

static void note_fault(unsigned number, int kind, const char *fault, const char *more) {
    char text[64];
    describe(&kinds[kind], text, sizeof text);
    dprintf(trace, "fault\t%u\t%s\t%s\t%s%s\n", number, text, point_names[kinds[kind].point], fault, more);
}

static void read_order(void) {
    struct stat status;
    if (stat(order_path, &status) != 0) {
        mode = NOTHING;
        order_file = 0;
        return;
    }
    if (status.st_ino == order_file && memcmp(&status.st_mtim, &order_time, sizeof order_time) == 0) return;
    order_file = status.st_ino;
    order_time = status.st_mtim;
    char text[128] = "";
    int file = open(order_path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || read(file, text, sizeof text - 1) < 0) abort();
    close(file);
    if (sscanf(text, "every %d from %d for %d", &period, &from, &budget) == 3)
        mode = EVERY;
    else if (sscanf(text, "deal %d share %d of %d", &spacing, &share, &shares) == 3)
        mode = DEAL;
    else
        abort();
    calls = faults = ticks = last_fault = 0;
    for (int index = 0; index < kind_count; index++) kinds[index].is_known = false;
    if (ftruncate(call_file, 0) != 0) abort();
    text[strcspn(text, "\n")] = 0;
    dprintf(trace, "order\t%s\n", text);
}

// Counts a call, and whether it is the turn of this one in the mode EVERY.
static bool is_due(int index) {
    unsigned number = calls++;
    if (write(call_file, ".", 1) != 1) abort();
    note_kind(index);
    if (mode != EVERY || (int)faults >= budget) return false;
    return (int)number >= from && ((int)number - from) % period == 0;
}

// Whether a fault concerns one object alone: then none has to be waited for before the next.
static bool is_change(const struct kind *kind) {
    if (kind->point != SEND || kind->form == DUMP) return false;
    return kind->form != PLAIN || (kind->protocol == NETLINK_ROUTE && kind->type % 4 != RTM_GETLINK % 4);
}

// The next fault for a call of the kind, among those numbered from `first` to before `end`; -1 for none.
static int deal(int index, int first, int end) {
    struct kind *kind = &kinds[index];
    note_kind(index);
    ticks++;
    if (mode != DEAL || (!is_change(kind) && (int)(ticks - last_fault) < spacing)) return -1;
    if (kind->rests) {
        kind->rests = false;
        return -1;
    }
    for (int fault = first; fault < end; fault++) {
        if (kind->dealt >> fault & 1 || fault % shares != share) continue;
        kind->dealt |= 1ull << fault;
        kind->rests = true;
        last_fault = ticks;
        return fault;
    }
    return -1;
}

// MARK: - Opening

static int open_fault(int protocol, const char *call) {
    int kind = find_kind((struct kind){.point = OPEN, .protocol = protocol, .opening = call});
    int fault = is_due(kind) ? (int)(faults + from) % COUNT(opening) : deal(kind, 0, COUNT(opening));
    if (fault < 0) return 0;
    faults++;
    note_fault(calls - 1, kind, opening[fault].name, "");
    return opening[fault].code;
}

static struct netlink_socket *socket_of(int descriptor) {
    if (trace < 0 || descriptor < 0 || descriptor >= COUNT(sockets) || !sockets[descriptor].is_open) return NULL;
    return &sockets[descriptor];
}

int socket(int domain, int type, int protocol) {
    REAL(int, socket, int, int, int);
    if (domain != AF_NETLINK || trace < 0) return real_socket(domain, type, protocol);
    pthread_mutex_lock(&lock);
    read_order();
    int code = open_fault(protocol, "socket"), descriptor = -1;
    if (code == 0) descriptor = real_socket(domain, type, protocol);
    if (descriptor >= COUNT(sockets)) abort();
    if (descriptor >= 0) sockets[descriptor] = (struct netlink_socket){.is_open = true, .protocol = protocol};
    pthread_mutex_unlock(&lock);
    if (code != 0) errno = code;
    return descriptor;
}

int close(int descriptor) {
    REAL(int, close, int);
    struct netlink_socket *known = socket_of(descriptor);
    if (known != NULL) known->is_open = false;
    return real_close(descriptor);
}

int bind(int descriptor, const struct sockaddr *address, socklen_t size) {
    REAL(int, bind, int, const struct sockaddr *, socklen_t);
    struct netlink_socket *known = socket_of(descriptor);
    if (known == NULL) return real_bind(descriptor, address, size);
    pthread_mutex_lock(&lock);
    read_order();
    int code = open_fault(known->protocol, "bind");
    pthread_mutex_unlock(&lock);
    if (code == 0) return real_bind(descriptor, address, size);
    errno = code;
    return -1;
}

int setsockopt(int descriptor, int level, int option, const void *value, socklen_t size) {
    REAL(int, setsockopt, int, int, int, const void *, socklen_t);
    struct netlink_socket *known = socket_of(descriptor);
    if (known == NULL || level != SOL_NETLINK || option != NETLINK_ADD_MEMBERSHIP)
        return real_setsockopt(descriptor, level, option, value, size);
    pthread_mutex_lock(&lock);
    read_order();
    int code = open_fault(known->protocol, "subscribe");
    known->has_kind = true;
    known->form = SUBSCRIPTION;
    pthread_mutex_unlock(&lock);
    if (code == 0) return real_setsockopt(descriptor, level, option, value, size);
    errno = code;
    return -1;
}

// MARK: - Sending

static enum form form_of(const struct netlink_socket *known, const struct nlmsghdr *header, bool is_transaction) {
    if (is_transaction) return TRANSACTION;
    bool is_new = known->protocol == NETLINK_ROUTE && header->nlmsg_type % 4 == 0;
    if (is_new && header->nlmsg_flags & NLM_F_EXCL) return EXCLUSIVE;
    if (is_new && header->nlmsg_flags & NLM_F_REPLACE) return REPLACE;
    return !is_new && (header->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP ? DUMP : PLAIN;
}

// Answers that never came are no faults: they are dealt again.
static void forget_victims(struct netlink_socket *known) {
    for (int index = 0; index < known->victim_count; index++) {
        const struct victim *victim = &known->victims[index];
        if (!victim->is_met) kinds[victim->kind].dealt &= ~(1ull << victim->fault);
    }
    known->victim_count = 0;
}

// Has the answer to a request replaced; `fault` counts from the first fault that is an answer.
static void make_victim(struct netlink_socket *known, struct nlmsghdr *header, int kind, int fault) {
    if (known->victim_count == COUNT(known->victims)) forget_victims(known);
    bool is_done = fault >= COUNT(answers);
    known->victims[known->victim_count++] = (struct victim){
        header->nlmsg_seq, calls - 1, &answers[fault % COUNT(answers)], is_done, false, kind, COUNT(calling) + fault};
    faults++;
    if (!is_done) header->nlmsg_type = NLMSG_NOOP;
    header->nlmsg_flags = (is_done ? header->nlmsg_flags : NLM_F_REQUEST) | NLM_F_ACK;
}

// The error number of the call itself, or 0; the requests may be changed.
static int send_fault(struct netlink_socket *known, char *bytes, size_t size) {
    struct nlmsghdr *first = (struct nlmsghdr *)bytes;
    if (size < sizeof *first) return 0;
    bool is_transaction = known->protocol == NETLINK_NETFILTER && first->nlmsg_type == NFNL_MSG_BATCH_BEGIN;
    forget_victims(known);
    struct nlmsghdr *header = first;
    int number = 0, left = (int)size;
    bool is_call_due = false;
    for (; NLMSG_OK(header, (unsigned)left); header = NLMSG_NEXT(header, left)) {
        bool is_mark = is_transaction &&
                       (header->nlmsg_type == NFNL_MSG_BATCH_BEGIN || header->nlmsg_type == NFNL_MSG_BATCH_END);
        if (is_mark) continue;
        struct kind wanted = {.point = SEND, .protocol = known->protocol, .type = header->nlmsg_type};
        wanted.form = form_of(known, header, is_transaction);
        int kind = find_kind(wanted), count = fault_count(&wanted), fault = -1;
        if (number++ == 0) {
            known->has_kind = true;
            known->type = wanted.type;
            known->form = wanted.form;
            is_call_due = is_due(kind);
            if (is_call_due) fault = (int)(faults * 5 + (unsigned)from) % count;
            if (!is_call_due) fault = deal(kind, 0, count);
        } else {
            fault = deal(kind, COUNT(calling), count);
        }
        if (fault < 0) continue;
        if (fault >= COUNT(calling)) {
            make_victim(known, header, kind, fault - COUNT(calling));
            continue;
        }
        faults++;
        note_fault(calls - 1, kind, calling[fault].name, "");
        return calling[fault].code;
    }
    return 0;
}

static ssize_t send_all(
    struct netlink_socket *known, int descriptor, const struct iovec *parts, size_t count, int flags,
    const struct sockaddr *address, socklen_t address_size) {
    REAL(ssize_t, sendto, int, const void *, size_t, int, const struct sockaddr *, socklen_t);
    size_t size = 0;
    for (size_t index = 0; index < count; index++) size += parts[index].iov_len;
    char *bytes = malloc(size == 0 ? 1 : size), *end = bytes;
    if (bytes == NULL) abort();
    for (size_t index = 0; index < count; index++) end = mempcpy(end, parts[index].iov_base, parts[index].iov_len);
    pthread_mutex_lock(&lock);
    read_order();
    int code = send_fault(known, bytes, size);
    pthread_mutex_unlock(&lock);
    ssize_t sent = code == 0 ? real_sendto(descriptor, bytes, size, flags, address, address_size) : -1;
    if (code == 0) code = errno;
    free(bytes);
    errno = code;
    return sent;
}

ssize_t sendto(
    int descriptor, const void *bytes, size_t size, int flags, const struct sockaddr *address, socklen_t address_size) {
    REAL(ssize_t, sendto, int, const void *, size_t, int, const struct sockaddr *, socklen_t);
    struct netlink_socket *known = socket_of(descriptor);
    if (known == NULL) return real_sendto(descriptor, bytes, size, flags, address, address_size);
    struct iovec part = {(void *)bytes, size};
    return send_all(known, descriptor, &part, 1, flags, address, address_size);
}

ssize_t sendmsg(int descriptor, const struct msghdr *message, int flags) {
    REAL(ssize_t, sendmsg, int, const struct msghdr *, int);
    struct netlink_socket *known = socket_of(descriptor);
    if (known == NULL) return real_sendmsg(descriptor, message, flags);
    return send_all(
        known, descriptor, message->msg_iov, message->msg_iovlen, flags, message->msg_name, message->msg_namelen);
}

// MARK: - Receiving

static int receive_fault(const struct netlink_socket *known, int *kind) {
    struct kind wanted = {
        .point = RECEIVE, .protocol = known->protocol, .type = known->type, .form = known->form};
    *kind = find_kind(wanted);
    int count = fault_count(&wanted);
    return is_due(*kind) ? (int)(faults + (unsigned)from) % count : deal(*kind, 0, count);
}

static void lose_all(int descriptor) {
    char bytes[16];
    while (recv(descriptor, bytes, sizeof bytes, MSG_DONTWAIT | MSG_TRUNC) >= 0) continue;
}

static void replace_answers(struct netlink_socket *known, struct nlmsghdr *header, ssize_t size) {
    int left = (int)size;
    for (; NLMSG_OK(header, (unsigned)left); header = NLMSG_NEXT(header, left)) {
        if (header->nlmsg_type != NLMSG_ERROR || header->nlmsg_len < NLMSG_LENGTH(sizeof(int))) continue;
        for (int index = 0; index < known->victim_count; index++) {
            struct victim *victim = &known->victims[index];
            if (victim->sequence != header->nlmsg_seq) continue;
            *(int *)NLMSG_DATA(header) = -victim->error->code;
            victim->is_met = true;
            note_fault(victim->call, victim->kind, victim->error->name, victim->is_done ? " though done" : " undone");
        }
    }
}

ssize_t recvmsg(int descriptor, struct msghdr *message, int flags) {
    REAL(ssize_t, recvmsg, int, struct msghdr *, int);
    struct netlink_socket *known = socket_of(descriptor);
    if (known == NULL || !known->has_kind) return real_recvmsg(descriptor, message, flags);
    pthread_mutex_lock(&lock);
    read_order();
    int kind = 0, fault = receive_fault(known, &kind);
    if (fault >= 0) faults++;
    if (fault >= 0 && fault < COUNT(calling)) {
        note_fault(calls - 1, kind, calling[fault].name, "");
        if (calling[fault].code == ENOBUFS) lose_all(descriptor);
        pthread_mutex_unlock(&lock);
        errno = calling[fault].code;
        return -1;
    }
    ssize_t size = real_recvmsg(descriptor, message, flags);
    int code = errno;
    if (size < 0 && fault >= 0) kinds[kind].dealt &= ~(1ull << fault);
    if (size > 0 && message->msg_iovlen == 1) {
        struct nlmsghdr *header = message->msg_iov[0].iov_base;
        replace_answers(known, header, size);
        int left = (int)size;
        if (fault >= 0) note_fault(calls - 1, kind, "interrupted", "");
        for (; fault >= 0 && NLMSG_OK(header, (unsigned)left); header = NLMSG_NEXT(header, left))
            header->nlmsg_flags |= NLM_F_DUMP_INTR;
    }
    pthread_mutex_unlock(&lock);
    errno = code;
    return size;
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULTS_TRACE"), *call_path = getenv("FAULTS_CALLS");
    order_path = getenv("FAULTS_ORDER");
    if (path == NULL || call_path == NULL || order_path == NULL) return;
    call_file = open(call_path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    trace = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (trace < 0 || call_file < 0) abort();
}
