// SPDX-License-Identifier: GPL-3.0-or-later
#include "host/native/realtime.hpp"

#ifdef ISOBOOTH_RT_CHECKS
#include <dlfcn.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

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

using Hook = void (*)(int);
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

void arm() noexcept {
#if defined(__x86_64__)
    struct sigaction action {};
    action.sa_sigaction = on_violation;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigaction(SIGSYS, &action, nullptr);
    armed = prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &dispatch) == 0 ? 1 : -1;
#else
    armed = -1;
#endif
}

}  // namespace

void rt_enter() noexcept {
    if (depth++ > 0) return;
    if (armed == 0) arm();
    if (const Hook hook = allocation_hook()) hook(1);
    dispatch = kDispatchBlock;
}

void rt_leave() noexcept {
    if (--depth > 0) return;
    dispatch = kDispatchAllow;
    if (const Hook hook = allocation_hook()) hook(0);
}

void rt_allow(bool allowed) noexcept {
    if (depth > 0) dispatch = allowed ? kDispatchAllow : kDispatchBlock;
}

const char* rt_checks() noexcept {
    return allocation_hook() ? "system calls, allocation, locks" : "system calls";
}

#endif

}  // namespace isobooth::host
