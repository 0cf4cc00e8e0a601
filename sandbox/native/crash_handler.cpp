// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/crash_handler.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "ipc/native/crash_snapshot.hpp"
#include "sandbox/native/call_dispatch.hpp"

namespace isobooth::sandbox {

namespace {

using ipc::Access;
using ipc::CrashSnapshot;

constexpr int kFatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGXCPU};

// Vector registers alone take up to 11 KiB of a signal's frame.
constexpr std::size_t kStackBytes = 64 * 1024;

// Below the stack pointer the x86-64 ABI lets leaf functions keep locals.
constexpr std::uint64_t kRedZone = 128;

// Set before any plugin code runs, never freed.
struct {
    std::atomic<CrashSnapshot*> snapshot{nullptr};
    int maps_fd = -1;
    pid_t pid = 0;
    std::atomic<bool> taken{false};
} g;

struct Range {
    std::uint64_t start = 0, end = 0;
    bool readable = false;
};

// Reads one "start-end rwxp …" line; returns where the next begins, or null.
const char* parse_line(const char* at, const char* end, Range& range) noexcept {
    const auto number = [&](char stop) {
        std::uint64_t value = 0;
        for (; at < end && *at != stop; ++at) {
            const char c = *at;
            const int digit = c >= '0' && c <= '9'   ? c - '0'
                              : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                                     : 0;
            value = value << 4 | static_cast<unsigned>(digit);
        }
        if (at < end) ++at;
        return value;
    };
    range.start = number('-');
    range.end = number(' ');
    range.readable = at < end && *at == 'r';
    while (at < end && *at != '\n') ++at;
    return at < end ? at + 1 : nullptr;
}

// The part of a stack from `sp` up that can be read. A stack pointer that has run into the guard
// page, or just below the stack, means the stack above it.
Range stack_at(std::uint64_t sp, const char* maps, std::size_t size) noexcept {
    const char* const end = maps + size;
    Range range;
    for (const char* at = maps; at && at < end;) {
        at = parse_line(at, end, range);
        if (range.end <= sp || !range.readable) continue;
        // Frames of more than this skip the guard page; then nobody knows whose stack it was.
        constexpr std::uint64_t kFarthest = 16 << 20;
        if (range.start > sp && range.start - sp > kFarthest) break;
        range.start = std::max(range.start, sp < kRedZone ? 0 : sp - kRedZone);
        return range;
    }
    return {};
}

std::uint32_t read_maps(char* to, std::uint32_t size) noexcept {
    int fd = g.maps_fd;
    if (lseek(fd, 0, SEEK_SET) != 0) fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    std::uint32_t used = 0;
    while (used < size) {
        const ssize_t got = read(fd, to + used, size - used);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        used += static_cast<std::uint32_t>(got);
    }
    return used;
}

void take_registers(CrashSnapshot& to, const ucontext_t& context) noexcept {
#if defined(__x86_64__)
    const auto& from = context.uc_mcontext.gregs;
    constexpr int kOrder[] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
                              REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
                              REG_R12, REG_R13, REG_R14, REG_R15};
    to.register_count = 16;
    for (std::size_t i = 0; i < 16; ++i)
        to.registers[i] = static_cast<std::uint64_t>(from[kOrder[i]]);
    to.pc = static_cast<std::uint64_t>(from[REG_RIP]);
    to.sp = static_cast<std::uint64_t>(from[REG_RSP]);
    constexpr greg_t kPageFault = 14, kWrote = 2, kExecuted = 16;
    if (from[REG_TRAPNO] == kPageFault)
        to.access = from[REG_ERR] & kExecuted ? Access::Execute
                    : from[REG_ERR] & kWrote  ? Access::Write
                                              : Access::Read;
#elif defined(__aarch64__)
    const auto& from = context.uc_mcontext;
    to.register_count = 32;
    for (std::size_t i = 0; i < 31; ++i) to.registers[i] = from.regs[i];
    to.registers[31] = to.sp = from.sp;
    to.pc = from.pc;
#endif
}

void take(CrashSnapshot& to, int number, const siginfo_t& info,
          const ucontext_t& context) noexcept {
    to.version = ipc::kSnapshotVersion;
    to.thread_id = static_cast<std::int32_t>(syscall(SYS_gettid));
    to.signal = number;
    to.signal_code = info.si_code;
    const bool sent = info.si_code <= 0;
    to.sender = sent ? info.si_pid : 0;
    to.fault_address = sent ? 0 : reinterpret_cast<std::uint64_t>(info.si_addr);
    to.access = Access::Unknown;
    take_registers(to, context);
    prctl(PR_GET_NAME, to.thread_name);
    to.maps_bytes = read_maps(to.maps, ipc::kSnapshotMapsBytes);
    const Range range = stack_at(to.sp, to.maps, to.maps_bytes);
    to.stack_address = range.start;
    to.stack_bytes = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(range.end - range.start, ipc::kSnapshotStackBytes));
    std::memcpy(to.stack, reinterpret_cast<const void*>(range.start), to.stack_bytes);
    to.complete.store(ipc::kSnapshotComplete, std::memory_order_release);
}

// Another thread crashed first: its snapshot is worth more than a quick end.
void let_the_first_finish(const CrashSnapshot& snapshot) noexcept {
    for (int i = 0; i < 50 && snapshot.complete.load(std::memory_order_acquire) == 0; ++i) {
        constexpr timespec kMillisecond{0, 1000000};
        nanosleep(&kMillisecond, nullptr);
    }
}

void on_fatal_signal(int number, siginfo_t* info, void* context) noexcept {
    let_system_calls_pass();
    CrashSnapshot* const snapshot = g.snapshot.load(std::memory_order_acquire);
    const auto pid = static_cast<pid_t>(syscall(SYS_getpid));
    if (snapshot && pid == g.pid) {  // not in a process that the plugin forked
        if (g.taken.exchange(true))
            let_the_first_finish(*snapshot);
        else
            take(*snapshot, number, *info, *static_cast<const ucontext_t*>(context));
    }
    struct sigaction fatal {};
    fatal.sa_handler = SIG_DFL;
    sigaction(number, &fatal, nullptr);
    // Blocked until this handler returns, and then the end. Where it may not be sent, the faulty
    // instruction is about to run again.
    syscall(SYS_tgkill, pid, syscall(SYS_gettid), number);
}

// A plugin has called exit(), on this thread: nobody else tells who it was. Registered again after
// each load, so that it runs before what plugins do at the end of a process: they may crash at that.
void on_exit() noexcept {
    CrashSnapshot* const snapshot = g.snapshot.load(std::memory_order_acquire);
    if (!snapshot || static_cast<pid_t>(syscall(SYS_getpid)) != g.pid || g.taken.exchange(true))
        return;
    ucontext_t here{};
    siginfo_t info{};
    if (getcontext(&here) == 0) take(*snapshot, 0, info, here);
}

}  // namespace

void install_crash_handler(int fd) {
    void* const memory =
        mmap(nullptr, sizeof(CrashSnapshot), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        throw std::system_error(errno, std::generic_category(), "cannot map the crash snapshot");
    // Kept open: once locked down, the worker may not open it any more.
    g.maps_fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    g.pid = getpid();
    g.snapshot.store(static_cast<CrashSnapshot*>(memory), std::memory_order_release);
    static CrashStack* const main_stack = new CrashStack;  // never destroyed: like its thread
    (void)main_stack;
    rearm_crash_handler();
}

void rearm_crash_handler() noexcept {
    if (!g.snapshot.load()) return;
    struct sigaction action {};
    action.sa_sigaction = &on_fatal_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigfillset(&action.sa_mask);
    for (const int number : kFatal) sigaction(number, &action, nullptr);
    std::atexit(&on_exit);
}

CrashStack::CrashStack() noexcept {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    void* const memory = mmap(nullptr, kStackBytes + page, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    memory_ = memory;
    mprotect(memory, page, PROT_NONE);  // a guard below
    stack_t stack{};
    stack.ss_sp = static_cast<char*>(memory) + page;
    stack.ss_size = kStackBytes;
    sigaltstack(&stack, nullptr);
}

CrashStack::~CrashStack() {
    if (!memory_) return;
    stack_t off{};
    off.ss_flags = SS_DISABLE;
    sigaltstack(&off, nullptr);
    munmap(memory_, kStackBytes + static_cast<std::size_t>(sysconf(_SC_PAGESIZE)));
}

}  // namespace isobooth::sandbox
