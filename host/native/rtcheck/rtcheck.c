// SPDX-License-Identifier: GPL-3.0-or-later
//
// A preload library for the tests: aborts when the audio thread allocates, frees or locks inside
// a block. The checked engine calls isobooth_rtcheck_section(1) and (0) around each block.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <execinfo.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static __thread int in_section __attribute__((tls_model("initial-exec")));

__attribute__((visibility("default"))) void isobooth_rtcheck_section(int inside) {
    in_section = inside;
}

static void violation(const char* what) {
    in_section = 0;
    const char text[] = " on the audio thread, inside a block:\n";
    void* frames[32];
    if (write(2, "isobooth: ", 10) < 0 || write(2, what, strlen(what)) < 0 ||
        write(2, text, sizeof text - 1) < 0)
        abort();
    backtrace_symbols_fd(frames, backtrace(frames, 32), 2);
    abort();
}

extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);
extern void __libc_free(void*);

#define EXPORT __attribute__((visibility("default")))

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
EXPORT int pthread_mutex_lock(pthread_mutex_t* mutex) {
    static int (*real)(pthread_mutex_t*);
    if (in_section) violation("pthread_mutex_lock");
    if (!real) real = (int (*)(pthread_mutex_t*))dlsym(RTLD_NEXT, "pthread_mutex_lock");
    return real(mutex);
}
