// Preloaded into a program: counts what its threads of one name ask of the allocator, of the Swift runtime and of locks.
//
// COUNTED_THREAD is how the threads' names begin; COUNTED_FILE is made and holds `struct counters` from then on, so
// that whoever looks at it does not disturb the program.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

// What is counted, in the order of the file.
#define KINDS(KIND)                                                                                                    \
    KIND(malloc)                                                                                                       \
    KIND(calloc)                                                                                                       \
    KIND(realloc)                                                                                                      \
    KIND(aligned_alloc)                                                                                                \
    KIND(free)                                                                                                         \
    KIND(swift_allocObject)                                                                                            \
    KIND(swift_retain)                                                                                                 \
    KIND(swift_release)                                                                                                \
    KIND(swift_weak)                                                                                                   \
    KIND(swift_unowned)                                                                                                \
    KIND(pthread_lock)                                                                                                 \
    KIND(futex)

#define NAME(kind) COUNT_##kind,
enum { KINDS(NAME) COUNT_OF_KINDS };

// Counters.swift reads this layout.
enum { CALLERS = 15 };
struct counters {
    // Threads of the name that have begun: without one, nothing was counted.
    uint64_t threads;
    struct {
        char name[32];
        uint64_t calls;
        // The first places in the program that led to a call, as addresses of its file, and how often each did.
        struct {
            uint64_t address;
            uint64_t calls;
        } callers[CALLERS];
    } kinds[COUNT_OF_KINDS];
};

static struct counters *counters;
static const char *counted_name;
// The memory that the program itself lies in, without its libraries.
static uintptr_t program_base, program_begin, program_end;

#define PER_THREAD static __thread __attribute__((tls_model("initial-exec")))
PER_THREAD bool is_counted;
PER_THREAD uintptr_t stack_end;

// The innermost place in the program itself, found by the chain of frame pointers; 0 where that leads nowhere.
static uint64_t caller(void) {
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    for (int depth = 0; depth < 32; depth++) {
        uintptr_t next = ((uintptr_t *)frame)[0], address = ((uintptr_t *)frame)[1];
        if (address >= program_begin && address < program_end) return address - program_base;
        if (next <= frame || next + 2 * sizeof(uintptr_t) > stack_end || next % sizeof(uintptr_t) != 0) return 0;
        frame = next;
    }
    return 0;
}

static void count(int kind) {
    if (!is_counted) return;
    __atomic_fetch_add(&counters->kinds[kind].calls, 1, __ATOMIC_RELAXED);
    uint64_t address = caller();
    for (int index = 0; index < CALLERS; index++) {
        uint64_t expected = 0;
        uint64_t *place = &counters->kinds[kind].callers[index].address;
        __atomic_compare_exchange_n(place, &expected, address, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
        if (*place != address) continue;
        __atomic_fetch_add(&counters->kinds[kind].callers[index].calls, 1, __ATOMIC_RELAXED);
        return;
    }
}

// What the program would have called.
static void *next(const char *name) {
    void *function = dlsym(RTLD_NEXT, name);
    if (function == NULL) {
        fprintf(stderr, "counters: there is no %s\n", name);
        abort();
    }
    return function;
}

// MARK: - The allocator, by the second names that glibc gives it

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

void *malloc(size_t size) {
    count(COUNT_malloc);
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    count(COUNT_calloc);
    return __libc_calloc(number, size);
}

void *realloc(void *memory, size_t size) {
    count(COUNT_realloc);
    return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    count(COUNT_aligned_alloc);
    return __libc_memalign(alignment, size);
}

void *memalign(size_t alignment, size_t size) {
    count(COUNT_aligned_alloc);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    count(COUNT_aligned_alloc);
    *memory = __libc_memalign(alignment, size);
    return *memory == NULL ? 12 : 0;
}

void free(void *memory) {
    count(COUNT_free);
    __libc_free(memory);
}

// MARK: - The Swift runtime, where the program calls it
//
// The runtime has hooks for tools, which would show its own inner calls as well; but in Swift 6.3 they lose the upper
// bits of what they are given, which in a short string are its text, and crash.

// On some processors Swift's code expects reference counting to leave more registers alone than C functions do.
#define REFERENCE_COUNT __attribute__((preserve_most))

#define FORWARD(attributes, kind, name, result, parameters, ...)                                                       \
    attributes result name parameters {                                                                                \
        static result(*function) parameters;                                                                           \
        if (function == NULL) function = next(#name);                                                                  \
        count(COUNT_##kind);                                                                                           \
        return function(__VA_ARGS__);                                                                                  \
    }

FORWARD(, swift_allocObject, swift_allocObject, void *, (void *type, size_t size, size_t mask), type, size, mask)
FORWARD(REFERENCE_COUNT, swift_retain, swift_retain, void *, (void *object), object)
FORWARD(REFERENCE_COUNT, swift_retain, swift_retain_n, void *, (void *object, uint32_t n), object, n)
FORWARD(REFERENCE_COUNT, swift_retain, swift_tryRetain, void *, (void *object), object)
FORWARD(REFERENCE_COUNT, swift_retain, swift_bridgeObjectRetain, void *, (void *object), object)
FORWARD(REFERENCE_COUNT, swift_retain, swift_bridgeObjectRetain_n, void *, (void *object, int n), object, n)
FORWARD(REFERENCE_COUNT, swift_release, swift_release, void *, (void *object), object)
FORWARD(REFERENCE_COUNT, swift_release, swift_release_n, void *, (void *object, uint32_t n), object, n)
FORWARD(REFERENCE_COUNT, swift_release, swift_bridgeObjectRelease, void *, (void *object), object)
FORWARD(REFERENCE_COUNT, swift_release, swift_bridgeObjectRelease_n, void *, (void *object, int n), object, n)
FORWARD(, swift_weak, swift_weakLoadStrong, void *, (void *reference), reference)
FORWARD(REFERENCE_COUNT, swift_unowned, swift_unownedRetain, void *, (void *object), object)
FORWARD(REFERENCE_COUNT, swift_unowned, swift_unownedRelease, void *, (void *object), object)
FORWARD(REFERENCE_COUNT, swift_unowned, swift_unownedRetainStrong, void *, (void *object), object)

// MARK: - Locks: those of POSIX, and where one thread waits for another or wakes it (Swift's Mutex calls nothing else)

FORWARD(, pthread_lock, pthread_mutex_lock, int, (pthread_mutex_t *lock), lock)
FORWARD(, pthread_lock, pthread_mutex_trylock, int, (pthread_mutex_t *lock), lock)
FORWARD(, pthread_lock, pthread_rwlock_rdlock, int, (pthread_rwlock_t *lock), lock)
FORWARD(, pthread_lock, pthread_rwlock_wrlock, int, (pthread_rwlock_t *lock), lock)
FORWARD(, pthread_lock, pthread_spin_lock, int, (pthread_spinlock_t *lock), lock)

long syscall(long number, ...) {
    static long (*function)(long, ...);
    if (function == NULL) function = next("syscall");
    if (number == SYS_futex) count(COUNT_futex);
    long arguments[6];
    va_list list;
    va_start(list, number);
    for (int index = 0; index < 6; index++) arguments[index] = va_arg(list, long);
    va_end(list);
    return function(
        number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

// MARK: - Beginnings

int pthread_setname_np(pthread_t thread, const char *name) {
    static int (*function)(pthread_t, const char *);
    if (function == NULL) function = next("pthread_setname_np");
    if (counters != NULL && thread == pthread_self() && strncmp(name, counted_name, strlen(counted_name)) == 0) {
        pthread_attr_t attributes;
        void *stack;
        size_t size;
        if (pthread_getattr_np(thread, &attributes) != 0) abort();
        pthread_attr_getstack(&attributes, &stack, &size);
        pthread_attr_destroy(&attributes);
        stack_end = (uintptr_t)stack + size;
        __atomic_fetch_add(&counters->threads, 1, __ATOMIC_RELAXED);
        is_counted = true;
    }
    return function(thread, name);
}

// The first object is the program.
static int find_program(struct dl_phdr_info *info, size_t size, void *context) {
    (void)size, (void)context;
    program_base = info->dlpi_addr;
    program_begin = UINTPTR_MAX;
    for (int index = 0; index < info->dlpi_phnum; index++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[index];
        uintptr_t begin = info->dlpi_addr + header->p_vaddr;
        if (header->p_type != PT_LOAD) continue;
        if (begin < program_begin) program_begin = begin;
        if (begin + header->p_memsz > program_end) program_end = begin + header->p_memsz;
    }
    return 1;
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("COUNTED_FILE");
    counted_name = getenv("COUNTED_THREAD");
    if (path == NULL || counted_name == NULL) return;
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, sizeof(struct counters)) != 0) {
        perror(path);
        abort();
    }
    struct counters *memory = mmap(NULL, sizeof(struct counters), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED) abort();
    close(file);
#define WRITE_NAME(kind) strcpy(memory->kinds[COUNT_##kind].name, #kind);
    KINDS(WRITE_NAME)
    dl_iterate_phdr(find_program, NULL);
    counters = memory;
}
