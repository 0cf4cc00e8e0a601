// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/call_dispatch.hpp"

#if defined(__x86_64__)
#include <linux/audit.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "sandbox/native/held_signal.hpp"

#ifndef PR_SET_SYSCALL_USER_DISPATCH  // Linux 5.11
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_OFF 0
#define PR_SYS_DISPATCH_ON 1
#endif
#ifndef SYS_USER_DISPATCH
#define SYS_USER_DISPATCH 2
#endif
#endif

namespace isobooth::sandbox {

#if defined(__x86_64__)

namespace {

// Initial-exec: a handler reaches them without allocating. The kernel looks at the switch at every
// system call of a thread that has armed once, as long as the thread lives; so does its memory.
#define ISOBOOTH_OF_THREAD __attribute__((tls_model("initial-exec"))) thread_local
constexpr char kPass = 0, kStop = 1;
ISOBOOTH_OF_THREAD volatile char calls = kPass;
ISOBOOTH_OF_THREAD PlaceTable* seen_in = nullptr;

constexpr std::uintptr_t kInstructionBytes = 2;  // syscall, and int 0x80

// Calls that only the plugin's own instruction can make: they come back twice, on another stack, or
// never; or look at or change what a handler has of its own (signal mask, alternate stack); or send
// a signal to be handled, which shall find the plugin's stack. The switch stays off behind them.
constexpr long kOwnInstruction[] = {
    SYS_clone,
    SYS_clone3,
    SYS_fork,
    SYS_vfork,
    SYS_execve,
    SYS_execveat,
    SYS_exit,
    SYS_kill,
    SYS_exit_group,
    SYS_rt_sigreturn,
    SYS_rt_sigsuspend,
    SYS_arch_prctl,
    SYS_tkill,
    SYS_sigaltstack,
    SYS_tgkill,
    SYS_rt_sigqueueinfo,
    SYS_rt_tgsigqueueinfo,
};

long make_call(long number, long a, long b, long c, long d = 0, long e = 0, long f = 0) noexcept {
    register long r10 asm("r10") = d;
    register long r8 asm("r8") = e;
    register long r9 asm("r9") = f;
    asm volatile("syscall"
                 : "+a"(number)
                 : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                 : "rcx", "r11", "memory");
    return number;
}

constexpr std::uint64_t bit_of(int signal) { return 1ull << (signal - 1); }

// sigprocmask() in a handler would change the handler's mask, which ends with it. Libraries block
// everything around the start of a thread; the signals by which we see must not be blocked.
long change_mask(ucontext_t& context) noexcept {
    const auto& registers = context.uc_mcontext.gregs;
    const long how = registers[REG_RDI], set = registers[REG_RSI], old = registers[REG_RDX],
               bytes = registers[REG_R10];
    std::uint64_t before = 0, wanted = 0;
    std::memcpy(&before, &context.uc_sigmask, sizeof before);
    // The kernel finds out what is wrong with the arguments.
    if (const long error = make_call(SYS_rt_sigprocmask, how, set, 0, bytes)) return error;
    if (set) std::memcpy(&wanted, reinterpret_cast<const void*>(set), sizeof wanted);
    if (const long error = make_call(SYS_rt_sigprocmask, how, 0, old, bytes)) return error;
    if (old) std::memcpy(reinterpret_cast<void*>(old), &before, sizeof before);
    if (!set) return 0;
    std::uint64_t after = how == SIG_BLOCK     ? before | wanted
                          : how == SIG_UNBLOCK ? before & ~wanted
                                               : wanted;
    after &= ~(bit_of(SIGSYS) | bit_of(SIGFPE));
    std::memcpy(&context.uc_sigmask, &after, sizeof after);
    return 0;
}

// Of the signals by which we see, a plugin only believes that it has the handler: it gets back what
// it has set.
long change_held(HeldSignal& held, const ucontext_t& context) noexcept {
    const auto& registers = context.uc_mcontext.gregs;
    const long wanted = registers[REG_RSI], before = registers[REG_RDX], bytes = registers[REG_R10];
    HeldSignal::Action action{}, old{};
    // Of the mask, which is the last part of an action. Of another size, the kernel reads nothing.
    if (bytes != sizeof action.mask) return -EINVAL;
    // The kernel finds out what is wrong with the pointers; SIGKILL has no handler to be set.
    if (wanted && make_call(SYS_rt_sigaction, SIGKILL, wanted, 0, bytes) == -EFAULT) return -EFAULT;
    if (wanted) action = *reinterpret_cast<const HeldSignal::Action*>(wanted);
    const long number = registers[REG_RDI];
    if (const long error = make_call(SYS_rt_sigaction, number, 0, before, bytes)) return error;
    held.change(wanted ? &action : nullptr, &old);
    if (before) *reinterpret_cast<HeldSignal::Action*>(before) = old;
    return 0;
}

void on_call(int, siginfo_t* info, void* context) noexcept;
// Others may interrupt: a call can wait for long.
HeldSignal sigsys(SIGSYS, &on_call, false);

void on_call(int, siginfo_t* info, void* context) noexcept {
    calls = kPass;
    PlaceTable* const places = seen_in;
    if (info->si_code != SYS_USER_DISPATCH || !places) return sigsys.pass_on(info, context);
    ucontext_t& interrupted = *static_cast<ucontext_t*>(context);
    auto& registers = interrupted.uc_mcontext.gregs;
    const auto behind = static_cast<std::uintptr_t>(registers[REG_RIP]);
    const long number = registers[REG_RAX];
    const bool foreign = info->si_arch != AUDIT_ARCH_X86_64;  // int 0x80: other numbers
    places->count(Deed::SystemCall, foreign ? "of 32-bit code" : nullptr, number,
                  {behind, behind - kInstructionBytes});
    const auto* const end = std::end(kOwnInstruction);
    if (foreign || std::find(std::begin(kOwnInstruction), end, number) != end) {
        registers[REG_RIP] -= static_cast<greg_t>(kInstructionBytes);
        return;
    }
    const long first = registers[REG_RDI];
    long result = 0;
    if (number == SYS_rt_sigprocmask)
        result = change_mask(interrupted);
    else if (HeldSignal* const held =
                 number == SYS_rt_sigaction ? HeldSignal::of(static_cast<int>(first)) : nullptr)
        result = change_held(*held, interrupted);
    else
        result = make_call(number, first, registers[REG_RSI], registers[REG_RDX],
                           registers[REG_R10], registers[REG_R8], registers[REG_R9]);
    registers[REG_RAX] = result;
    if (seen_in) calls = kStop;
}

// Where libc returns from a signal handler: by a system call, which must work while they are stopped.
std::uintptr_t signal_return() noexcept {
    HeldSignal::Action action{};
    return syscall(SYS_rt_sigaction, SIGSYS, nullptr, &action, sizeof action.mask) == 0
               ? action.restorer
               : 0;
}

}  // namespace

bool can_see_system_calls() noexcept {
    static const bool can = prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0) == 0;
    return can;
}

CallDispatch::CallDispatch() { sigsys.hold(); }

CallDispatch::~CallDispatch() {
    leave();
    sigsys.release();
}

void CallDispatch::enter(PlaceTable& places) noexcept {
    if (armed_ != &calls) {
        constexpr unsigned long kReturnBytes = 16;  // mov, syscall: 9 bytes
        if (prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, signal_return(), kReturnBytes,
                  &calls) != 0)
            return;
        armed_ = &calls;
    }
    seen_in = &places;
    calls = kStop;
}

void CallDispatch::leave() noexcept {
    calls = kPass;
    seen_in = nullptr;
}

void let_system_calls_pass() noexcept { calls = kPass; }

#else

bool can_see_system_calls() noexcept { return false; }
CallDispatch::CallDispatch() = default;
CallDispatch::~CallDispatch() = default;
void CallDispatch::enter(PlaceTable&) noexcept {}
void CallDispatch::leave() noexcept {}
void let_system_calls_pass() noexcept {}

#endif

}  // namespace isobooth::sandbox
