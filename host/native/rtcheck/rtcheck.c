// SPDX-License-Identifier: GPL-3.0-or-later
//
// A preload library for the tests: aborts when the audio thread allocates, frees or locks inside
// a block, in our code or in any library. The checked engine says where a block begins and ends.
//
// Unlocking, signalling and trying to lock are left alone: they never wait, and where they enter
// the kernel the trap for system calls sees them.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static __thread int in_section __attribute__((tls_model("initial-exec")));
static __thread volatile char* system_calls __attribute__((tls_model("initial-exec")));

// `dispatch`: the calling thread's switch of Syscall User Dispatch; 0 lets it make system calls.
__attribute__((visibility("default"))) void isobooth_rtcheck_section(int inside,
                                                                     volatile char* dispatch) {
    in_section = inside;
    system_calls = dispatch;
}

static void violation(const char* what) {
    in_section = 0;
    if (system_calls) *system_calls = 0;  // else the report would be the next violation
    const char text[] = " on the audio thread, inside a block:\n";
    void* frames[32];
    if (write(2, "isobooth: ", 10) < 0 || write(2, what, strlen(what)) < 0 ||
        write(2, text, sizeof text - 1) < 0)
        abort();
    backtrace_symbols_fd(frames, backtrace(frames, 32), 2);
    abort();
}

#define EXPORT __attribute__((visibility("default")))

// ---------------------------------------------------------------- allocation

extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);
extern void* __libc_memalign(size_t, size_t);
extern void __libc_free(void*);

EXPORT void* malloc(size_t size) {
    if (in_section) violation("malloc");
    return __libc_malloc(size);
}
EXPORT void* calloc(size_t count, size_t size) {
    if (in_section) violation("calloc");
    return __libc_calloc(count, size);
}
EXPORT void* realloc(void* old, size_t size) {
    if (in_section) violation("realloc");
    return __libc_realloc(old, size);
}
EXPORT void free(void* old) {
    if (in_section && old) violation("free");
    __libc_free(old);
}
EXPORT void* memalign(size_t alignment, size_t size) {
    if (in_section) violation("memalign");
    return __libc_memalign(alignment, size);
}
EXPORT void* aligned_alloc(size_t alignment, size_t size) {
    if (in_section) violation("aligned_alloc");
    return __libc_memalign(alignment, size);
}
EXPORT int posix_memalign(void** out, size_t alignment, size_t size) {
    if (in_section) violation("posix_memalign");
    if (alignment % sizeof(void*) != 0 || alignment == 0 || (alignment & (alignment - 1)) != 0)
        return EINVAL;
    void* const memory = __libc_memalign(alignment, size);
    if (!memory) return ENOMEM;
    *out = memory;
    return 0;
}

// ---------------------------------------------------------------- locks

// glibc keeps the condition variables of 2.2 under the same names; unversioned, dlsym may give them.
static void* next(const char* name) {
    void* const found = dlvsym(RTLD_NEXT, name, "GLIBC_2.3.2");
    return found ? found : dlsym(RTLD_NEXT, name);
}

#define LOCK(name, parameters, arguments)                                   \
    EXPORT int name parameters {                                            \
        static __typeof__(&name) real;                                      \
        if (in_section) violation(#name);                                   \
        __typeof__(&name) found = __atomic_load_n(&real, __ATOMIC_RELAXED); \
        if (!found) {                                                       \
            *(void**)&found = next(#name);                                  \
            __atomic_store_n(&real, found, __ATOMIC_RELAXED);               \
        }                                                                   \
        return found arguments;                                             \
    }

LOCK(pthread_mutex_lock, (pthread_mutex_t * mutex), (mutex))
LOCK(pthread_mutex_timedlock, (pthread_mutex_t * mutex, const struct timespec* until),
     (mutex, until))
LOCK(pthread_rwlock_rdlock, (pthread_rwlock_t * lock), (lock))
LOCK(pthread_rwlock_wrlock, (pthread_rwlock_t * lock), (lock))
LOCK(pthread_spin_lock, (pthread_spinlock_t * lock), (lock))
LOCK(pthread_cond_wait, (pthread_cond_t * condition, pthread_mutex_t* mutex), (condition, mutex))
LOCK(pthread_cond_timedwait,
     (pthread_cond_t * condition, pthread_mutex_t* mutex, const struct timespec* until),
     (condition, mutex, until))
LOCK(pthread_cond_clockwait,
     (pthread_cond_t * condition, pthread_mutex_t* mutex, clockid_t clock,
      const struct timespec* until),
     (condition, mutex, clock, until))
