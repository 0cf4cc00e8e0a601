// SPDX-License-Identifier: GPL-3.0-or-later
//
// A preload library for workers of the stress suites: tells when a plugin allocates, frees or locks
// inside process(), and lets it; and lets allocations fail where somebody wants to see what comes of
// it. host/native/rtcheck/rtcheck.c is its strict sibling.
//
// It keeps nothing itself and knows no stacks: whoever listens (sandbox/native/audit.cpp) does.
// Outside of process() a call costs a look at a thread-local variable.
#define _GNU_SOURCE
#include "sandbox/native/audit/calls.h"

#include <errno.h>
#include <stddef.h>

// Initial-exec: reaching it must not allocate.
static __thread isobooth_call_listener listener __attribute__((tls_model("initial-exec")));

__attribute__((visibility("default"))) void isobooth_audit_listen(isobooth_call_listener now) {
    listener = now;
}

// The same for what decides whether an allocation fails.
static __thread isobooth_allocation_judge judge __attribute__((tls_model("initial-exec")));

__attribute__((visibility("default"))) void isobooth_audit_judge(isobooth_allocation_judge now) {
    judge = now;
}

// Macros, because the return address is that of the function they stand in.
#define TELL(kind, what)                                                       \
    do {                                                                       \
        if (__builtin_expect(listener != NULL, 0))                             \
            listener(ISOBOOTH_CALL_##kind, what, __builtin_return_address(0)); \
    } while (0)

#define ON_ALLOCATION(name, failure)                                                  \
    do {                                                                              \
        TELL(ALLOCATION, #name);                                                      \
        if (__builtin_expect(judge != NULL, 0) && judge(__builtin_return_address(0))) \
            return failure;                                                           \
    } while (0)
#define ON_FREE(name) TELL(ALLOCATION, #name)
#define ON_WAIT(name) TELL(LOCK, #name)

// Tried first, because only that tells whether it would have to wait. What trying gives is what
// locking gives, but for EBUSY. A lock that was got at once is told of while it is held: it is held
// some microseconds longer then, which no correct program can mind.
#define ON_LOCK(name, attempt)                                         \
    do {                                                               \
        if (__builtin_expect(listener != NULL, 0)) {                   \
            const int tried = attempt;                                 \
            TELL(LOCK, tried == EBUSY ? #name " (contended)" : #name); \
            if (tried != EBUSY) return tried;                          \
        }                                                              \
    } while (0)

#include "ipc/native/intercepted_calls.h"
