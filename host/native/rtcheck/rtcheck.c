// SPDX-License-Identifier: GPL-3.0-or-later
//
// A preload library for the tests: aborts when the audio thread allocates, frees or locks inside
// a block, in our code or in any library. The checked engine says where a block begins and ends.
//
// Where unlocking and signalling enter the kernel, the trap for system calls sees them.
#define _GNU_SOURCE
#include <execinfo.h>
#include <stdlib.h>
#include <string.h>
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

#define FORBIDDEN(name)                   \
    do {                                  \
        if (in_section) violation(#name); \
    } while (0)

#define ON_ALLOCATION(name, failure) FORBIDDEN(name)
#define ON_FREE(name) FORBIDDEN(name)
#define ON_LOCK(name, attempt) FORBIDDEN(name)
#define ON_WAIT(name) FORBIDDEN(name)

#include "ipc/native/intercepted_calls.h"
