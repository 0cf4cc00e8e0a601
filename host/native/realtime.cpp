// SPDX-License-Identifier: GPL-3.0-or-later
#include "host/native/realtime.hpp"

#ifdef ISOBOOTH_RT_CHECKS
#include <dlfcn.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#endif

namespace isobooth::host {

#ifndef ISOBOOTH_RT_CHECKS

const char* rt_checks() noexcept { return ""; }

#else

namespace {

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_OFF 0
#define PR_SYS_DISPATCH_ON 1
#endif
constexpr char kDispatchAllow = 0;
constexpr char kDispatchBlock = 1;

thread_local volatile char dispatch = kDispatchAllow;
thread_local int armed = 0;  // 0 not yet, 1 armed, -1 the kernel cannot
thread_local int depth = 0;

using Hook = void (*)(int, volatile char*);
Hook allocation_hook() {
    static const Hook hook =
        reinterpret_cast<Hook>(dlsym(RTLD_DEFAULT, "isobooth_rtcheck_section"));
    return hook;
}

void on_violation(int, siginfo_t* info, void*) {
    dispatch = kDispatchAllow;
    char text[160];
    const int length = std::snprintf(
        text, sizeof text, "isobooth: system call %d on the audio thread, inside a block (at %p)\n",
        info->si_syscall, info->si_call_addr);
    if (write(2, text, static_cast<std::size_t>(length)) < 0) {
    }
    abort();
}

// Where libc returns from a signal handler, by the one system call that must work inside a block
// at any time: a worker that truncates its memory makes the host handle SIGBUS there.
std::uintptr_t signal_return() noexcept {
    struct {  // the kernel's struct sigaction, which is not libc's
        void* handler;
        unsigned long flags;
        std::uintptr_t restorer;
        std::uint64_t mask;
    } action{};
    return syscall(SYS_rt_sigaction, SIGSYS, nullptr, &action, sizeof action.mask) == 0
               ? action.restorer
               : 0;
}

void arm() noexcept {
#if defined(__x86_64__)
    struct sigaction action {};
    action.sa_sigaction = on_violation;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigaction(SIGSYS, &action, nullptr);
    constexpr unsigned long kReturnBytes = 16;  // mov, syscall: 9 bytes
    armed = prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, signal_return(), kReturnBytes,
                  &dispatch) == 0
                ? 1
                : -1;
#else
    armed = -1;
#endif
}

bool kernel_traps_system_calls() noexcept {
#if defined(__x86_64__)
    return prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0) == 0;
#else
    return false;
#endif
}

}  // namespace

void rt_enter() noexcept {
    if (depth++ > 0) return;
    if (armed == 0) arm();
    if (const Hook hook = allocation_hook()) hook(1, &dispatch);
    dispatch = kDispatchBlock;
}

void rt_leave() noexcept {
    if (--depth > 0) return;
    dispatch = kDispatchAllow;
    if (const Hook hook = allocation_hook()) hook(0, &dispatch);
}

void rt_allow(bool allowed) noexcept {
    if (depth > 0) dispatch = allowed ? kDispatchAllow : kDispatchBlock;
}

const char* rt_checks() noexcept {
    static const bool system_calls = kernel_traps_system_calls();  // at first, so off any block
    if (allocation_hook())
        return system_calls ? "system calls, allocation, locks" : "allocation, locks";
    return system_calls ? "system calls" : "nothing";
}

#endif

}  // namespace isobooth::host
