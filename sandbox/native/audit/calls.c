// SPDX-License-Identifier: GPL-3.0-or-later
//
// A preload library for workers of the stress suites: tells when a plugin allocates, frees or locks
// inside process(), and lets it; and lets allocations fail where somebody wants to see what comes of it. host/native/rtcheck/rtcheck.c is its strict sibling.
//
// It keeps nothing itself and knows no stacks: whoever listens (sandbox/native/audit.cpp) does.
// Outside of process() a call costs a look at a thread-local variable. Unlocking, signalling and
// trying to lock never wait and are left alone.
#define _GNU_SOURCE
#include "sandbox/native/audit/calls.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <time.h>

#define EXPORT __attribute__((visibility("default")))

// Initial-exec: reaching it must not allocate.
static __thread isobooth_call_listener listener __attribute__((tls_model("initial-exec")));

EXPORT void isobooth_audit_listen(isobooth_call_listener now) { listener = now; }

// The same for what decides whether an allocation fails.
static __thread isobooth_allocation_judge judge __attribute__((tls_model("initial-exec")));

EXPORT void isobooth_audit_judge(isobooth_allocation_judge now) { judge = now; }

// Macros, because the return address is that of the function they stand in.
#define TELL(kind, what) listener(kind, what, __builtin_return_address(0))
#define SHALL_FAIL (__builtin_expect(judge != NULL, 0) && judge(__builtin_return_address(0)))

// ---------------------------------------------------------------- allocation

extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);
extern void* __libc_memalign(size_t, size_t);
extern void __libc_free(void*);

#define ALLOCATION(name)                                                                  \
    do {                                                                                  \
        if (__builtin_expect(listener != NULL, 0)) TELL(ISOBOOTH_CALL_ALLOCATION, #name); \
    } while (0)

static void* out_of_memory(void) {
    errno = ENOMEM;
    return NULL;
}

EXPORT void* malloc(size_t size) {
    ALLOCATION(malloc);
    if (SHALL_FAIL) return out_of_memory();
    return __libc_malloc(size);
}
EXPORT void* calloc(size_t count, size_t size) {
    ALLOCATION(calloc);
    if (SHALL_FAIL) return out_of_memory();
    return __libc_calloc(count, size);
}
EXPORT void* realloc(void* old, size_t size) {
    ALLOCATION(realloc);
    if (SHALL_FAIL) return out_of_memory();
    return __libc_realloc(old, size);
}
EXPORT void free(void* old) {
    if (old) ALLOCATION(free);
    __libc_free(old);
}
EXPORT void* memalign(size_t alignment, size_t size) {
    ALLOCATION(memalign);
    if (SHALL_FAIL) return out_of_memory();
    return __libc_memalign(alignment, size);
}
EXPORT void* aligned_alloc(size_t alignment, size_t size) {
    ALLOCATION(aligned_alloc);
    if (SHALL_FAIL) return out_of_memory();
    return __libc_memalign(alignment, size);
}
EXPORT int posix_memalign(void** out, size_t alignment, size_t size) {
    ALLOCATION(posix_memalign);
    if (SHALL_FAIL) return ENOMEM;
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

// The function that is intercepted. Libraries may lock before our constructor has run, so it is
// looked up where it is needed; the constructor sees to it that this is not inside process().
#define REAL(name)                                                          \
    ({                                                                      \
        static __typeof__(&name) real;                                      \
        __typeof__(&name) found = __atomic_load_n(&real, __ATOMIC_RELAXED); \
        if (!found) {                                                       \
            *(void**)&found = next(#name);                                  \
            __atomic_store_n(&real, found, __ATOMIC_RELAXED);               \
        }                                                                   \
        found;                                                              \
    })

// Tried first, because only that tells whether it would have to wait. What trying gives is what
// locking gives, but for EBUSY. A lock that was got at once is told of while it is held: it is held
// some microseconds longer then, which no correct program can mind.
#define LOCK(name, attempt, parameters, arguments)                                   \
    EXPORT int name parameters {                                                     \
        __typeof__(&name) const real = REAL(name);                                   \
        if (__builtin_expect(listener != NULL, 0)) {                                 \
            const int tried = attempt;                                               \
            TELL(ISOBOOTH_CALL_LOCK, tried == EBUSY ? #name " (contended)" : #name); \
            if (tried != EBUSY) return tried;                                        \
        }                                                                            \
        return real arguments;                                                       \
    }

LOCK(pthread_mutex_lock, pthread_mutex_trylock(mutex), (pthread_mutex_t * mutex), (mutex))
LOCK(pthread_mutex_timedlock, pthread_mutex_trylock(mutex),
     (pthread_mutex_t * mutex, const struct timespec* until), (mutex, until))
LOCK(pthread_mutex_clocklock, pthread_mutex_trylock(mutex),
     (pthread_mutex_t * mutex, clockid_t clock, const struct timespec* until),
     (mutex, clock, until))
LOCK(pthread_rwlock_rdlock, pthread_rwlock_tryrdlock(lock), (pthread_rwlock_t * lock), (lock))
LOCK(pthread_rwlock_wrlock, pthread_rwlock_trywrlock(lock), (pthread_rwlock_t * lock), (lock))
LOCK(pthread_spin_lock, pthread_spin_trylock(lock), (pthread_spinlock_t * lock), (lock))

#define WAIT(name, parameters, arguments)                                           \
    EXPORT int name parameters {                                                    \
        __typeof__(&name) const real = REAL(name);                                  \
        if (__builtin_expect(listener != NULL, 0)) TELL(ISOBOOTH_CALL_LOCK, #name); \
        return real arguments;                                                      \
    }

WAIT(pthread_cond_wait, (pthread_cond_t * condition, pthread_mutex_t* mutex), (condition, mutex))
WAIT(pthread_cond_timedwait,
     (pthread_cond_t * condition, pthread_mutex_t* mutex, const struct timespec* until),
     (condition, mutex, until))
WAIT(pthread_cond_clockwait,
     (pthread_cond_t * condition, pthread_mutex_t* mutex, clockid_t clock,
      const struct timespec* until),
     (condition, mutex, clock, until))
