// SPDX-License-Identifier: GPL-3.0-or-later
//
// The audit of plugins sees what a block does, by the right name and place, and changes nothing of
// it: results, errno, signal masks, threads and processes that are started, crashes. A tool that
// disturbs what it looks at would accuse plugins of its own faults.
//
// Runs with the library preloaded that sees allocation and locks: `audit_test PATH-OF-THE-LIBRARY`.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xmmintrin.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ipc/native/crash_snapshot.hpp"
#include "sandbox/native/audit.hpp"
#include "sandbox/native/crash_handler.hpp"
#include "sandbox/native/failing_allocation.hpp"
#include "sandbox/native/held_signal.hpp"
#include "sandbox/native/place_names.hpp"
#include "sandbox/native/syscall_filter.hpp"
#include "tests/native/check.hpp"

using isobooth::sandbox::Audit;
using isobooth::sandbox::FloatTrap;
using isobooth::sandbox::HeldSignal;
using isobooth::sandbox::place_name;
using isobooth::sandbox::PlaceName;
using isobooth::sandbox::PlaceTable;
using isobooth::sandbox::Violation;

namespace {

// What is only allocated to be freed may be optimized away.
template <typename T>
T* kept(T* pointer) {
    asm volatile("" : "+r"(pointer) : : "memory");
    return pointer;
}

pthread_mutex_t plain_mutex = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t plain_condition = PTHREAD_COND_INITIALIZER;
pthread_spinlock_t spinlock;
std::shared_mutex shared_mutex;
void* made_before = nullptr;

long raw_call(long number) {
    long result = number;
    asm volatile("syscall" : "+a"(result) : : "rcx", "r11", "memory");
    return result;
}

template <typename Act>
std::vector<Violation> seen_in(Act act, FloatTrap floats = FloatTrap::None, bool calls = true) {
    Audit audit(calls, floats);
    audit.enter();
    act();
    audit.leave();
    return audit.take();
}

std::string told(const std::vector<Violation>& violations) {
    std::string text;
    for (const Violation& one : violations) {
        text += std::string(one.kind) + " " + one.what + " " + std::to_string(one.count) + ";";
        for (const std::uintptr_t address : one.stack) {
            const PlaceName name = place_name(address);
            text += "\n    " + name.function + " in " + name.library;
        }
        text += "\n";
    }
    return text;
}

const Violation* find(const std::vector<Violation>& violations, const std::string& what) {
    for (const Violation& one : violations)
        if (one.what == what) return &one;
    return nullptr;
}

// ---------------------------------------------------------------- what is seen

void lock_what_is_held() {
    std::atomic<bool> held{false};
    std::thread other;
    // The thread is not part of the block.
    other = std::thread([&] {
        pthread_mutex_lock(&plain_mutex);
        held = true;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        pthread_mutex_unlock(&plain_mutex);
    });
    while (!held) std::this_thread::yield();
    const auto violations = seen_in([] {
        pthread_mutex_lock(&plain_mutex);
        pthread_mutex_unlock(&plain_mutex);
    });
    other.join();
    const Violation* const lock = find(violations, "pthread_mutex_lock (contended)");
    CHECK(lock && lock->count == 1, "%s", told(violations).c_str());
    if (Audit::sees_system_calls())
        CHECK(find(violations, "futex"), "%s", told(violations).c_str());
}

struct Deed {
    void (*act)();
    const char* kind;
    const char* what;
    bool by_kernel = false;
};

const Deed kDeeds[] = {
    {[] { std::free(kept(std::malloc(64))); }, "allocation", "malloc"},
    {[] { std::free(kept(std::malloc(64))); }, "allocation", "free"},
    {[] { std::free(kept(std::calloc(4, 16))); }, "allocation", "calloc"},
    {[] { made_before = kept(std::realloc(made_before, 5000)); }, "allocation", "realloc"},
    {[] { std::free(kept(std::aligned_alloc(64, 64))); }, "allocation", "aligned_alloc"},
    {[] {
         void* memory = nullptr;
         if (posix_memalign(&memory, 64, 64) == 0) std::free(kept(memory));
     },
     "allocation", "posix_memalign"},
    {[] { kept(std::vector<int>(100).data()); }, "allocation", "malloc"},
    {[] {
         try {
             throw std::runtime_error("x");
         } catch (const std::runtime_error&) {
         }
     },
     "allocation", "malloc"},
    {[] {
         pthread_mutex_lock(&plain_mutex);
         pthread_mutex_unlock(&plain_mutex);
     },
     "lock", "pthread_mutex_lock"},
    {[] {
         pthread_spin_lock(&spinlock);
         pthread_spin_unlock(&spinlock);
     },
     "lock", "pthread_spin_lock"},
    {[] { const std::shared_lock lock(shared_mutex); }, "lock", "pthread_rwlock_rdlock"},
    {[] { const std::unique_lock lock(shared_mutex); }, "lock", "pthread_rwlock_wrlock"},
    {[] {
         const timespec past{};
         pthread_mutex_trylock(&plain_mutex);
         pthread_cond_timedwait(&plain_condition, &plain_mutex, &past);
         pthread_mutex_unlock(&plain_mutex);
     },
     "lock", "pthread_cond_timedwait"},
    {[] { CHECK(raw_call(SYS_getpid) == getpid(), "another process"); }, "system-call", "getpid",
     true},
    {[] { CHECK(write(-1, "", 1) == -1 && errno == EBADF, "errno %d", errno); }, "system-call",
     "write", true},
    {[] { usleep(1); }, "system-call", "clock_nanosleep", true},
    {[] { std::this_thread::yield(); }, "system-call", "sched_yield", true},
    {[] { syscall(999); }, "system-call", "system call 999", true},
    // More arguments than three.
    {[] {
         void* const memory = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
         CHECK(memory != MAP_FAILED && *static_cast<char*>(memory) == 0, "no memory");
         munmap(memory, 4096);
     },
     "system-call", "mmap", true},
};

void see_deeds() {
    const bool kernel = Audit::sees_system_calls();
    for (const Deed& deed : kDeeds) {
        if (deed.by_kernel && !kernel) continue;
        const auto violations = seen_in(deed.act);
        const Violation* const one = find(violations, deed.what);
        CHECK(one && one->count == 1 && std::string(one->kind) == deed.kind, "%s not among:\n%s",
              deed.what, told(violations).c_str());
        if (std::string(one->kind) ==
            "lock")  // looking libc's function up is not the block's doing
            CHECK(!find(violations, "malloc") && !find(violations, "calloc"), "%s",
                  told(violations).c_str());
        // Nothing of ours is on top, and its caller is known.
        CHECK(one->stack.size() >= 3, "%s", told(violations).c_str());
        for (const std::uintptr_t address : one->stack) {
            const std::string place = place_name(address).library;
            CHECK(place.find("libisobooth_audit") == std::string::npos, "%s", place.c_str());
        }
        CHECK(seen_in(deed.act, FloatTrap::None, false).empty(), "%s seen unasked", deed.what);
    }
}

void see_nothing_elsewhere() {
    Audit audit(true, FloatTrap::Invalid);
    std::free(kept(std::malloc(64)));
    syscall(SYS_getppid);
    audit.enter();
    audit.leave();
    std::free(kept(std::malloc(64)));
    syscall(SYS_getppid);
    std::atomic<bool> go{false}, done{false};
    std::thread other([&] {
        while (!go) {
        }
        std::free(kept(std::malloc(64)));
        syscall(SYS_getppid);
        done = true;
    });
    audit.enter();
    go = true;
    while (!done) {
    }
    audit.leave();
    other.join();
    const auto violations = audit.take();
    CHECK(violations.empty(), "%s", told(violations).c_str());
}

void keep_within_bounds() {
    Audit audit(true, FloatTrap::None);
    for (int block = 0; block < 10'000; ++block) {
        audit.enter();
        std::free(kept(std::malloc(64)));
        audit.leave();
    }
    auto violations = audit.take();
    CHECK(violations.size() == 2 && violations[0].count == 10'000 && violations[1].count == 10'000,
          "%s", told(violations).c_str());
    CHECK(audit.take().empty(), "taken twice");
    if (!Audit::sees_system_calls()) return;
    audit.enter();
    for (int i = 0; i < 300; ++i) syscall(1000 + i);
    audit.leave();
    CHECK(audit.lost() == 300 - PlaceTable::kPlaces, "lost %d", static_cast<int>(audit.lost()));
    violations = audit.take();
    CHECK(violations.size() == PlaceTable::kPlaces && violations[7].what == "system call 1007",
          "%d places", static_cast<int>(violations.size()));
    CHECK(audit.lost() == 0, "lost for ever");
}

// Once the one has failed nobody looks at any more of them, which costs a walk over the stack each.
void fail_one_allocation() {
    isobooth::sandbox::FailingAllocation failing(program_invocation_short_name, 2);
    void* made[4];
    failing.begin();
    for (void*& one : made) one = kept(std::malloc(64));
    failing.end();
    CHECK(made[0] && !made[1] && made[2] && made[3], "another one");
    CHECK(failing.asked() == 2, "asked %d times", static_cast<int>(failing.asked()));
    for (void* one : made) std::free(one);
}

// ---------------------------------------------------------------- what goes on

std::atomic<int> handled{0};
volatile float zero = 0.0f, tiny = 1e-30f, denormal = 1e-40f, huge = 1e30f, sink;

void go_on_in_all_ways() {
    Audit audit(true, FloatTrap::None);
    sigset_t all, none, before;
    sigfillset(&all);
    sigemptyset(&none);
    sigaddset(&none, SIGUSR2);
    pthread_sigmask(SIG_SETMASK, &none, nullptr);

    // Whoever started this thread may have blocked everything.
    pthread_sigmask(SIG_BLOCK, &all, &before);
    seen_in(
        [] {
            raw_call(SYS_getppid);
            sink = zero / zero;
        },
        FloatTrap::Invalid);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);

    // Everything is blocked, as far as the plugin knows, and calls are seen all the same.
    audit.enter();
    pthread_sigmask(SIG_BLOCK, &all, &before);
    raw_call(SYS_getppid);
    audit.leave();
    CHECK(sigismember(&before, SIGUSR2) == 1 && sigismember(&before, SIGSYS) == 0, "wrong mask");
    pthread_sigmask(SIG_SETMASK, nullptr, &before);
    CHECK(sigismember(&before, SIGUSR1) == 1 && sigismember(&before, SIGSYS) == 0, "wrong mask");
    audit.enter();
    const int wrong = pthread_sigmask(77, &all, nullptr);
    pthread_sigmask(SIG_UNBLOCK, &all, nullptr);
    audit.leave();
    CHECK(wrong == EINVAL, "%d", wrong);
    pthread_sigmask(SIG_SETMASK, nullptr, &before);
    CHECK(sigismember(&before, SIGUSR2) == 0, "still blocked");
    auto violations = audit.take();
    if (Audit::sees_system_calls())
        CHECK(find(violations, "getppid") && find(violations, "rt_sigprocmask"), "%s",
              told(violations).c_str());

    // A thread, which is not looked at itself.
    std::atomic<int> ran{0};
    audit.enter();
    std::thread([&] { ran = static_cast<int>(syscall(SYS_gettid)); }).join();
    audit.leave();
    violations = audit.take();
    CHECK(ran > 0 && !find(violations, "gettid"), "%s", told(violations).c_str());
    if (Audit::sees_system_calls())
        CHECK(find(violations, "clone3") || find(violations, "clone"), "%s",
              told(violations).c_str());

    // Processes.
    audit.enter();
    const pid_t child = fork();
    if (child == 0) _exit(syscall(SYS_getpid) == 0 ? 1 : 42);
    audit.leave();
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 42, "ended %d", status);
    audit.enter();
    const int code = std::system("exit 7");
    audit.leave();
    CHECK(WEXITSTATUS(code) == 7, "ended %d", code);
    audit.take();

    // Handlers of the plugin's own, in which calls are seen; but those of the audit stay.
    struct sigaction action {};
    action.sa_handler = [](int) { handled += raw_call(SYS_getuid) >= 0; };
    sigaction(SIGUSR1, &action, nullptr);
    audit.enter();
    raise(SIGUSR1);
    audit.leave();
    audit.enter();
    sigaction(SIGSYS, &action, nullptr);
    raw_call(SYS_getppid);
    audit.leave();
    CHECK(handled == 1, "%d", handled.load());
    violations = audit.take();
    if (Audit::sees_system_calls())
        CHECK(find(violations, "getppid"), "%s", told(violations).c_str());
}

// A plugin that sets a handler of a signal by which we see gets back what it has set, gets the
// signals that are not ours, and has the handler afterwards.
void keep_handlers_apart(int number) {
    struct sigaction first {
    }, second{}, got{};
    first.sa_handler = [](int) { handled += 1; };
    second.sa_sigaction = [](int, siginfo_t*, void*) { handled += 100; };
    second.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigaddset(&second.sa_mask, SIGUSR2);
    struct sigaction original {};
    sigaction(number, &first, &original);
    handled = 0;
    {
        Audit audit(true, FloatTrap::Invalid);
        audit.enter();
        sigaction(number, nullptr, &got);
        CHECK(got.sa_handler == first.sa_handler, "ours leaks");
        sigaction(number, &second, &got);
        CHECK(got.sa_handler == first.sa_handler, "not the one before");
        const int missing = sigaction(number, nullptr, nullptr);
        const long unreadable = syscall(SYS_rt_sigaction, number, 1, nullptr, 8);
        CHECK(missing == 0 && unreadable == -1 && errno == EFAULT, "%d, %ld", missing, unreadable);
        CHECK(syscall(SYS_rt_sigaction, number, nullptr, nullptr, 7) == -1 && errno == EINVAL,
              "any size");
        // Nothing is read then, so it may lead anywhere.
        CHECK(syscall(SYS_rt_sigaction, number, 1, nullptr, 7) == -1 && errno == EINVAL,
              "any size, and read");
        sigaction(number, nullptr, &got);
        sink = zero / zero;
        raw_call(SYS_getppid);
        audit.leave();
        CHECK(got.sa_sigaction == second.sa_sigaction &&
                  (got.sa_flags & (SA_SIGINFO | SA_NODEFER)) == (SA_SIGINFO | SA_NODEFER) &&
                  sigismember(&got.sa_mask, SIGUSR2) == 1,
              "not what was set");
        CHECK(handled == 0, "what was ours went to it");
        raise(number);
        CHECK(handled == 100, "%d", handled.load());
        const auto violations = audit.take();
        CHECK(find(violations, "invalid operation") && find(violations, "rt_sigaction") &&
                  find(violations, "getppid"),
              "%s", told(violations).c_str());
    }
    sigaction(number, &original, &got);
    CHECK(got.sa_sigaction == second.sa_sigaction, "it has been lost");
}

// ---------------------------------------------------------------- numbers

volatile long double wide_zero = 0.0L, wide_sink;

struct FloatDeed {
    FloatTrap trap;
    void (*act)();
    const char* kind;
    const char* what;  // null: nothing
};

const FloatDeed kFloatDeeds[] = {
    {FloatTrap::Invalid, [] { sink = zero / zero; }, "invalid", "invalid operation"},
    {FloatTrap::Invalid, [] { sink = static_cast<float>(static_cast<int>(huge)); }, "invalid",
     "invalid operation"},
    {FloatTrap::Invalid, [] { sink = 1.0f / zero; }, "invalid", "division by zero"},
    {FloatTrap::Invalid, [] { wide_sink = wide_zero / wide_zero; }, "invalid",
     "invalid operation (x87)"},
    {FloatTrap::Invalid, [] { sink = tiny * tiny + denormal; }, "", nullptr},
    {FloatTrap::Denormal, [] { sink = denormal + 1.0f; }, "denormal", "denormal operand"},
    {FloatTrap::Denormal, [] { sink = tiny * 1e-10f; }, "denormal", "underflow"},
    {FloatTrap::Denormal, [] { sink = zero / zero; }, "", nullptr},
    {FloatTrap::Denormal,
     [] {  // it flushes to zero by itself
         const unsigned mode = _mm_getcsr();
         _mm_setcsr(mode | 0x8040);
         sink = tiny * 1e-10f + denormal;
         _mm_setcsr(mode);
     },
     "", nullptr},
    {FloatTrap::None, [] { sink = zero / zero + denormal; }, "", nullptr},
};

void see_numbers() {
    for (const unsigned mode : {0x1f80u, 0x1f80u | 0x8040u}) {
        for (const FloatDeed& deed : kFloatDeeds) {
            _mm_setcsr(mode);
            const auto violations = seen_in(deed.act, deed.trap, false);
            CHECK((_mm_getcsr() & ~0x3fu) == mode, "left %x", _mm_getcsr());
            if (!deed.what) {
                CHECK(violations.empty(), "%s", told(violations).c_str());
                continue;
            }
            CHECK(violations.size() == 1 && violations[0].what == deed.what &&
                      std::string(violations[0].kind) == deed.kind && violations[0].count == 1,
                  "%s not:\n%s", deed.what, told(violations).c_str());
        }
    }
    _mm_setcsr(0x1f80u);
    float made = 0.0f;
    seen_in([&] { made = tiny * 1e-10f; }, FloatTrap::Denormal);
    CHECK(std::fpclassify(made) == FP_SUBNORMAL, "%g", static_cast<double>(made));
    // Each block anew; the rounding mode that a plugin leaves is its own.
    Audit audit(true, FloatTrap::Invalid);
    for (int block = 0; block < 100; ++block) {
        audit.enter();
        for (int i = 0; i < 3; ++i) sink = zero / zero;
        _mm_setcsr(_mm_getcsr() | 0x2000);
        audit.leave();
    }
    CHECK((_mm_getcsr() & ~0x3fu) == (0x1f80u | 0x2000), "left %x", _mm_getcsr());
    _mm_setcsr(0x1f80u);
    const auto violations = audit.take();
    CHECK(violations.size() == 1 && violations[0].count == 100, "%s", told(violations).c_str());
    sink = zero / zero;  // and nothing is left behind
}

// ---------------------------------------------------------------- the x87

volatile long double wide_nan = __builtin_nanl(""), wide_one = 1.0L, wide_huge = 1e300L;
volatile float tiny_float = 1e-40f;
thread_local volatile float zero_of_thread = 0.0f;

std::uintptr_t from_thread(const volatile void* address) {
    std::uintptr_t begin;
    asm("mov %%fs:0, %0" : "=r"(begin));
    return reinterpret_cast<std::uintptr_t>(address) - begin;
}

unsigned x87_tags() {
    unsigned environment[7];
    asm volatile("fnstenv %0\n\tfldenv %0" : "+m"(environment));
    return environment[2] & 0xffff;
}

// What each does gives a number, the same with a trap as without.
struct WideDeed {
    FloatTrap trap;
    const char* what;
    long double (*act)();
};

const WideDeed kWideDeeds[] = {
    {FloatTrap::Invalid, "invalid operation (x87)", [] { return wide_zero / wide_zero; }},
    {FloatTrap::Invalid, "invalid operation (x87)", [] { return __builtin_sqrtl(-wide_one); }},
    {FloatTrap::Invalid, "division by zero (x87)", [] { return wide_one / wide_zero; }},
    {FloatTrap::Invalid, "division by zero (x87)",
     [] {  // by a number in memory
         long double result = 0.0L;
         asm volatile("fld1\n\tfdivs %1\n\tfstpt %0" : "=m"(result) : "m"(zero));
         return result;
     }},
    {FloatTrap::Invalid, "invalid operation (x87)",
     [] {  // nothing else of the x87 follows
         long result = 0;
         asm volatile("fldt %1\n\tfistpq %0" : "=m"(result) : "m"(wide_huge));
         asm volatile("fwait" : "+m"(result));
         return static_cast<long double>(result);
     }},
    {FloatTrap::Invalid, "invalid operation (x87)",
     [] {
         bool unordered = false;
         asm volatile("fldz\n\tfldt %1\n\tfcomip\n\tfstp %%st(0)\n\tsetp %0"
                      : "=r"(unordered)
                      : "m"(wide_nan)
                      : "cc");
         return unordered ? 1.0L : 0.0L;
     }},
    {FloatTrap::Invalid, "division by zero (x87)",
     [] {  // by one in the thread's own memory
         long double result = 0.0L;
         asm volatile("fld1\n\tfdivs %%fs:(%1)\n\tfstpt %0"
                      : "=m"(result)
                      : "r"(from_thread(&zero_of_thread)), "m"(zero_of_thread));
         return result;
     }},
    {FloatTrap::Denormal, "denormal operand (x87)",
     [] {
         long double result = 0.0L;
         asm volatile("flds %1\n\tfstpt %0" : "=m"(result) : "m"(tiny_float));
         return result * 1e30L;
     }},
    {FloatTrap::Denormal, "denormal operand (x87)",
     [] {
         long double result = 0.0L;
         asm volatile("fld1\n\tfadds %1\n\tfstpt %0" : "=m"(result) : "m"(tiny_float));
         return result;
     }},
};

void finish_x87_instructions() {
    for (const WideDeed& deed : kWideDeeds) {
        const long double plain = deed.act();
        long double trapped = 7.0L;
        const auto violations = seen_in([&] { trapped = deed.act(); }, deed.trap, false);
        CHECK(violations.size() == 1 && violations[0].what == std::string(deed.what) &&
                  violations[0].count == 1,
              "%s not:\n%s", deed.what, told(violations).c_str());
        CHECK(std::memcmp(&plain, &trapped, 10) == 0, "%s: %Lg, without %Lg", deed.what, trapped,
              plain);
        CHECK(x87_tags() == 0xffff, "%s: registers in use: %x", deed.what, x87_tags());
    }
    // The block ends before the x87 has told.
    const auto violations = seen_in(
        [] {
            asm volatile("fldz\n\tfldt %0\n\tfcompp" : : "m"(wide_nan));
        },
        FloatTrap::Invalid, false);
    CHECK(find(violations, "invalid operation (x87)"), "%s", told(violations).c_str());
    CHECK(x87_tags() == 0xffff, "registers in use: %x", x87_tags());
    // Rounding and precision that a plugin leaves are its own, the masks are not.
    const unsigned short single = 0x007f, usual = 0x037f;
    unsigned short left = 0;
    seen_in([&] { asm volatile("fldcw %0" : : "m"(single)); }, FloatTrap::Invalid);
    asm volatile("fnstcw %0\n\tfldcw %1" : "=m"(left) : "m"(usual));
    CHECK(left == single, "left %x", left);
}

// ---------------------------------------------------------------- ends

int status_of(void (*act)()) {
    const pid_t child = fork();
    if (child == 0) {
        const rlimit no_core{0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        act();
        _exit(0);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child, "no child");
    return status;
}

int snapshot_file = -1;
volatile int integer_zero = 0;
volatile int* volatile nowhere = nullptr;

template <int signal>
void crash() {
    isobooth::sandbox::install_crash_handler(snapshot_file);
    Audit audit(true, FloatTrap::Invalid);
    audit.enter();
    sink = zero / zero;
    raw_call(SYS_getppid);
    if (signal == SIGSEGV) *nowhere = 1;
    if (signal == SIGFPE) integer_zero = 1000 / integer_zero;
    if (signal == SIGABRT) abort();
    if (signal == SIGSYS) raise(SIGSYS);
    _exit(1);
}

void crash_as_ever() {
    const std::pair<int, void (*)()> ends[] = {{SIGSEGV, crash<SIGSEGV>},
                                               {SIGFPE, crash<SIGFPE>},
                                               {SIGABRT, crash<SIGABRT>},
                                               {SIGSYS, crash<SIGSYS>}};
    for (const auto& [signal, act] : ends) {
        snapshot_file = memfd_create("snapshot", 0);
        CHECK(ftruncate(snapshot_file, sizeof(isobooth::ipc::CrashSnapshot)) == 0, "no file");
        const int status = status_of(act);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == signal, "%d ended %d", signal, status);
        const auto* const snapshot = static_cast<isobooth::ipc::CrashSnapshot*>(
            mmap(nullptr, sizeof(isobooth::ipc::CrashSnapshot), PROT_READ, MAP_SHARED,
                 snapshot_file, 0));
        CHECK(snapshot->complete == isobooth::ipc::kSnapshotComplete && snapshot->signal == signal,
              "%d left no snapshot", signal);
        CHECK(snapshot->maps_bytes > 0, "%d: no map", signal);
        close(snapshot_file);
    }
    // Nobody has the signal.
    const int status = status_of([] {
        Audit audit(true, FloatTrap::Invalid);
        audit.enter();
        integer_zero = 1000 / integer_zero;
    });
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGFPE, "ended %d", status);
}

// From the moment that a signal is ours, those of others are passed on to whom they were for: who
// stores that only then ends the process by them.
void lose_no_signal_at_the_start() {
    const int status = status_of([] {
        struct sigaction theirs {};
        theirs.sa_handler = [](int) { handled += 1; };
        sigaction(SIGFPE, &theirs, nullptr);
        std::atomic<bool> ends{false};
        std::thread sender([&ends, to = gettid()] {
            while (!ends) syscall(SYS_tgkill, getpid(), to, SIGFPE);
        });
        for (int i = 0; i < 100'000; ++i) {
            static HeldSignal* new_one;
            HeldSignal held(
                SIGFPE,
                [](int, siginfo_t* info, void* context) { new_one->pass_on(info, context); }, true);
            new_one = &held;
            held.hold();
            held.release();
        }
        ends = true;
        sender.join();
        if (handled == 0) _exit(2);
    });
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "ended %d", status);
}

// A confined worker's filter sees the calls as ever.
void go_on_behind_a_filter() {
    const int status = status_of([] {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        isobooth::sandbox::install_filter({.notify = false});
        Audit audit(true, FloatTrap::None);
        audit.enter();
        const int internet = socket(AF_INET, SOCK_STREAM, 0);
        const int error = errno;
        std::thread([] {}).join();  // clone3 is not there for it
        audit.leave();
        const auto violations = audit.take();
        CHECK(internet == -1 && error == EPERM, "%d, %d", internet, error);
        if (Audit::sees_system_calls())
            CHECK(find(violations, "socket") && find(violations, "clone3"), "%s",
                  told(violations).c_str());
    });
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "ended %d", status);
}

// ---------------------------------------------------------------- cost

template <typename Act>
double ns_each(int times, Act act) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < times; ++i) act();
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    return took.count() / times;
}

void tell_cost() {
    constexpr int kTimes = 20'000;
    const auto allocate = [] { std::free(kept(std::malloc(64))); };
    const auto call = [] { raw_call(SYS_getppid); };
    std::printf("malloc+free, nobody listening: %.0f ns\n", ns_each(kTimes, allocate));
    std::printf("getppid before: %.0f ns\n", ns_each(kTimes, call));
    Audit audit(true, FloatTrap::None);
    std::printf("an empty block: %.0f ns\n", ns_each(kTimes, [&] {
                    audit.enter();
                    audit.leave();
                }));
    std::printf("getppid out of blocks: %.0f ns\n", ns_each(kTimes, call));
    audit.enter();
    const double allocated = ns_each(kTimes, allocate), called = ns_each(kTimes, call);
    audit.leave();
    std::printf("malloc+free in a block: %.0f ns\ngetppid in a block: %.0f ns\n", allocated,
                called);
    Audit trapped(false, FloatTrap::Invalid);
    std::printf("a block with traps: %.0f ns\n", ns_each(kTimes, [&] {
                    trapped.enter();
                    trapped.leave();
                }));
    std::printf("a block with an exception: %.0f ns\n", ns_each(kTimes, [&] {
                    trapped.enter();
                    sink = zero / zero;
                    trapped.leave();
                }));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 2 && std::strcmp(argv[1], "--preloaded") != 0) {
        CHECK(!Audit::sees_calls(), "preloaded by somebody else");
        setenv("LD_PRELOAD", argv[1], 1);
        execl("/proc/self/exe", argv[0], "--preloaded", nullptr);
    }
    CHECK(Audit::sees_calls(), "usage: audit_test PATH-OF-libisobooth_audit.so");
    if (!Audit::sees_system_calls())
        std::puts("audit_test: this kernel cannot show system calls; left out");
    pthread_spin_init(&spinlock, PTHREAD_PROCESS_PRIVATE);
    see_deeds();
    lock_what_is_held();
    see_nothing_elsewhere();
    keep_within_bounds();
    fail_one_allocation();
    go_on_in_all_ways();
    if (Audit::sees_system_calls()) {
        keep_handlers_apart(SIGSYS);
        keep_handlers_apart(SIGFPE);
    }
    finish_x87_instructions();
    see_numbers();
    crash_as_ever();
    lose_no_signal_at_the_start();
    go_on_behind_a_filter();
    if (std::getenv("ISOBOOTH_AUDIT_COST")) tell_cost();
    return 0;
}
