// SPDX-License-Identifier: GPL-3.0-or-later
//
// The functions of libc that allocate, free or wait, for a library that is preloaded: each does what
// the library has to say of it, and then what it always did. One list, so that what the checked
// engine forbids itself is what plugins are told of.
//
// Unlocking, signalling and trying to lock never wait and are left alone. C, for preload libraries
// alone; before it is included they define, as statements inside of these functions:
//
//   ON_ALLOCATION(name, failure)  `failure` is what the function gives where there is no memory
//   ON_FREE(name)
//   ON_LOCK(name, attempt)  `attempt` would try to lock; it has not been evaluated
//   ON_WAIT(name)           of a condition
#ifndef _GNU_SOURCE
#error "define _GNU_SOURCE before any header"
#endif

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <time.h>

#define EXPORT __attribute__((visibility("default")))

// ---------------------------------------------------------------- allocation

extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);
extern void* __libc_memalign(size_t, size_t);
extern void __libc_free(void*);

#define NO_MEMORY (errno = ENOMEM, NULL)

EXPORT void* malloc(size_t size) {
    ON_ALLOCATION(malloc, NO_MEMORY);
    return __libc_malloc(size);
}
EXPORT void* calloc(size_t count, size_t size) {
    ON_ALLOCATION(calloc, NO_MEMORY);
    return __libc_calloc(count, size);
}
EXPORT void* realloc(void* old, size_t size) {
    ON_ALLOCATION(realloc, NO_MEMORY);
    return __libc_realloc(old, size);
}
EXPORT void free(void* old) {
    if (old) ON_FREE(free);
    __libc_free(old);
}
EXPORT void* memalign(size_t alignment, size_t size) {
    ON_ALLOCATION(memalign, NO_MEMORY);
    return __libc_memalign(alignment, size);
}
EXPORT void* aligned_alloc(size_t alignment, size_t size) {
    ON_ALLOCATION(aligned_alloc, NO_MEMORY);
    return __libc_memalign(alignment, size);
}
EXPORT int posix_memalign(void** out, size_t alignment, size_t size) {
    ON_ALLOCATION(posix_memalign, ENOMEM);
    if (alignment % sizeof(void*) != 0 || alignment == 0 || (alignment & (alignment - 1)) != 0)
        return EINVAL;
    void* const memory = __libc_memalign(alignment, size);
    if (!memory) return ENOMEM;
    *out = memory;
    return 0;
}

// ---------------------------------------------------------------- locks

// libc's own function, kept where it has been found. To look it up may allocate, so that is done
// before any block begins; but libraries may lock before our constructors have run.
static void* real(void** kept, const char* name) {
    void* found = __atomic_load_n(kept, __ATOMIC_RELAXED);
    if (found) return found;
    // glibc keeps the condition variables of 2.2 under the same names; unversioned, dlsym may give
    // them.
    found = dlvsym(RTLD_NEXT, name, "GLIBC_2.3.2");
    if (!found) found = dlsym(RTLD_NEXT, name);
    __atomic_store_n(kept, found, __ATOMIC_RELAXED);
    return found;
}
#define FIND(name)            \
    static void* kept_##name; \
    __attribute__((constructor)) static void find_##name(void) { real(&kept_##name, #name); }
#define REAL(name) ((__typeof__(&name))real(&kept_##name, #name))

#define LOCK(name, attempt, parameters, arguments) \
    FIND(name)                                     \
    EXPORT int name parameters {                   \
        ON_LOCK(name, attempt);                    \
        return REAL(name) arguments;               \
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

#define WAIT(name, parameters, arguments) \
    FIND(name)                            \
    EXPORT int name parameters {          \
        ON_WAIT(name);                    \
        return REAL(name) arguments;      \
    }

WAIT(pthread_cond_wait, (pthread_cond_t * condition, pthread_mutex_t* mutex), (condition, mutex))
WAIT(pthread_cond_timedwait,
     (pthread_cond_t * condition, pthread_mutex_t* mutex, const struct timespec* until),
     (condition, mutex, until))
WAIT(pthread_cond_clockwait,
     (pthread_cond_t * condition, pthread_mutex_t* mutex, clockid_t clock,
      const struct timespec* until),
     (condition, mutex, clock, until))
