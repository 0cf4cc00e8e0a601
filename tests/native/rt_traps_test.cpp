// SPDX-License-Identifier: GPL-3.0-or-later
//
// The checked build's traps: each thing that the audio thread must not do ends a process with the
// right words, and what it may do, or does outside of a block, ends nothing. Without this, a trap
// that has stopped working would look like a host that obeys.
//
// Each case runs in a process of its own, with the library that sees allocation and locks
// preloaded: `rt_traps_test PATH-OF-librtcheck.so`.
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
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

#include "host/native/realtime.hpp"
#include "host/native/shared_memory.hpp"
#include "tests/native/check.hpp"

using isobooth::host::RtAllow;
using isobooth::host::RtSection;
using isobooth::host::SharedMemory;

namespace {

// What is only allocated to be freed may be optimized away.
template <typename T>
T* kept(T* pointer) {
    asm volatile("" : "+r"(pointer) : : "memory");
    return pointer;
}

pthread_mutex_t plain_mutex = PTHREAD_MUTEX_INITIALIZER;
pthread_rwlock_t plain_rwlock = PTHREAD_RWLOCK_INITIALIZER;
pthread_cond_t plain_condition = PTHREAD_COND_INITIALIZER;
pthread_spinlock_t spinlock;
std::mutex mutex;
std::shared_mutex shared_mutex;
sem_t semaphore;
volatile float* truncated = nullptr;
void* made_before = nullptr;

timespec soon() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += 2'000'000;
    if (t.tv_nsec >= 1'000'000'000) {
        t.tv_sec += 1;
        t.tv_nsec -= 1'000'000'000;
    }
    return t;
}

// ---------------------------------------------------------------- must be trapped

void wait_for_condition() {
    timespec past{};
    pthread_mutex_trylock(&plain_mutex);
    pthread_cond_timedwait(&plain_condition, &plain_mutex, &past);
    pthread_mutex_unlock(&plain_mutex);
}

void throw_and_catch() {
    try {
        throw std::runtime_error("x");
    } catch (const std::runtime_error&) {
    }
}

struct Violation {
    const char* name;
    void (*act)();
    const char* message;  // "isobooth: MESSAGE"
    bool by_kernel;       // trapped by Syscall User Dispatch
};

const Violation kViolations[] = {
    {"malloc", [] { std::free(kept(std::malloc(64))); }, "malloc on the audio thread", false},
    {"calloc", [] { std::free(kept(std::calloc(4, 16))); }, "calloc on the audio thread", false},
    {"realloc", [] { made_before = kept(std::realloc(made_before, 5000)); },
     "realloc on the audio thread", false},
    {"free", [] { std::free(std::exchange(made_before, nullptr)); }, "free on the audio thread",
     false},
    {"posix_memalign",
     [] {
         void* memory = nullptr;
         if (posix_memalign(&memory, 64, 64) == 0) std::free(kept(memory));
     },
     "posix_memalign on the audio thread", false},
    {"aligned_alloc", [] { std::free(kept(std::aligned_alloc(64, 64))); },
     "aligned_alloc on the audio thread", false},
    {"new", [] { delete kept(new int(1)); }, "malloc on the audio thread", false},
    {"aligned-new",
     [] {
         struct alignas(64) Wide {
             char bytes[64];
         };
         delete kept(new Wide);
     },
     "aligned_alloc on the audio thread", false},
    {"vector", [] { kept(std::vector<int>(100).data()); }, "malloc on the audio thread", false},
    {"string", [] { kept(std::string(100, 'x').data()); }, "malloc on the audio thread", false},
    {"shared_ptr", [] { kept(std::make_shared<int>(1).get()); }, "malloc on the audio thread",
     false},
    {"throw", throw_and_catch, "malloc on the audio thread", false},
    {"pthread_mutex_lock",
     [] {
         pthread_mutex_lock(&plain_mutex);
         pthread_mutex_unlock(&plain_mutex);
     },
     "pthread_mutex_lock on the audio thread", false},
    {"timed-mutex",
     [] {
         const timespec past{};
         pthread_mutex_clocklock(&plain_mutex, CLOCK_MONOTONIC, &past);
         pthread_mutex_unlock(&plain_mutex);
     },
     "pthread_mutex_clocklock on the audio thread", false},
    {"std-mutex", [] { const std::scoped_lock lock(mutex); },
     "pthread_mutex_lock on the audio thread", false},
    {"rwlock-read",
     [] {
         pthread_rwlock_rdlock(&plain_rwlock);
         pthread_rwlock_unlock(&plain_rwlock);
     },
     "pthread_rwlock_rdlock on the audio thread", false},
    {"rwlock-write",
     [] {
         pthread_rwlock_wrlock(&plain_rwlock);
         pthread_rwlock_unlock(&plain_rwlock);
     },
     "pthread_rwlock_wrlock on the audio thread", false},
    {"std-shared-mutex", [] { const std::shared_lock lock(shared_mutex); },
     "pthread_rwlock_rdlock on the audio thread", false},
    {"spinlock",
     [] {
         pthread_spin_lock(&spinlock);
         pthread_spin_unlock(&spinlock);
     },
     "pthread_spin_lock on the audio thread", false},
    {"condition", wait_for_condition, "pthread_cond_timedwait on the audio thread", false},
    {"getppid", [] { syscall(SYS_getppid); }, "system call 110 on the audio thread", true},
    {"write", [] { (void)!write(1, "", 0); }, "system call 1 on the audio thread", true},
    {"yield", [] { std::this_thread::yield(); }, "system call 24 on the audio thread", true},
    {"sleep", [] { std::this_thread::sleep_for(std::chrono::microseconds(1)); },
     "on the audio thread", true},
    {"mmap", [] { kept(mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)); },
     "system call 9 on the audio thread", true},
    {"semaphore-wait",
     [] {
         const timespec until = soon();
         sem_clockwait(&semaphore, CLOCK_MONOTONIC, &until);
     },
     "system call 202 on the audio thread", true},
};

void make_ready() {
    pthread_spin_init(&spinlock, PTHREAD_PROCESS_PRIVATE);
    sem_init(&semaphore, 0, 0);
    made_before = std::malloc(64);
    const int file = memfd_create("truncated", 0);
    CHECK(file >= 0 && ftruncate(file, 4096) == 0, "no file to truncate");
    truncated = static_cast<float*>(mmap(nullptr, 4096, PROT_READ, MAP_SHARED, file, 0));
    CHECK(truncated != MAP_FAILED && ftruncate(file, 0) == 0, "no mapping to truncate");
}

// ---------------------------------------------------------------- must pass

void pass_outside() {
    for (const Violation& violation : kViolations) violation.act();
    { const RtSection section; }
    for (const Violation& violation : kViolations) violation.act();  // it has ended
}

void pass_in_another_thread() {
    std::atomic<int> step{0};
    std::thread other([&] {
        while (step.load() == 0) std::this_thread::yield();
        for (const Violation& violation : kViolations) violation.act();
        step.store(2);
    });
    {
        const RtSection section;
        step.store(1);
        while (step.load() != 2) {
        }
    }
    other.join();
}

void pass_what_a_block_does() {
    sem_t other_end;
    sem_init(&other_end, 0, 0);
    std::thread worker([&] {
        for (int i = 0; i < 50; ++i) {
            while (sem_wait(&semaphore) != 0) {
            }
            sem_post(&other_end);
        }
    });
    std::vector<float> memory(100'000);
    timespec now;
    for (int i = 0; i < 50; ++i) {
        const RtSection section;
        const RtSection nested;
        clock_gettime(CLOCK_MONOTONIC, &now);
        std::fill(memory.begin(), memory.end(), 1.0f);
        std::free(nullptr);
        {
            const RtAllow allowed;
            sem_post(&semaphore);
        }
        timespec until = soon();
        until.tv_sec += 10;
        const RtAllow allowed;
        while (sem_clockwait(&other_end, CLOCK_MONOTONIC, &until) != 0) {
        }
    }
    worker.join();
}

// The handler of SIGBUS maps zeros, and returns, by system calls.
void pass_truncated_memory() {
    SharedMemory guarded(const_cast<float*>(truncated), 4096);
    float seen = 1.0f;
    {
        const RtSection section;
        seen = truncated[5];
    }
    CHECK(seen == 0.0f && guarded.lost(), "read %f", static_cast<double>(seen));
}

// After RtAllow the trap is armed again.
void pass_then_trap() {
    const RtSection section;
    {
        const RtAllow allowed;
        syscall(SYS_getppid);
    }
    syscall(SYS_getppid);
}

void trap_in_outer_section() {
    const RtSection section;
    { const RtSection nested; }
    kept(std::malloc(1));
}

struct Case {
    const char* name;
    void (*act)();
    const char* message;  // nullptr: must pass
    bool by_kernel;
};

const Case kCases[] = {
    {"outside", pass_outside, nullptr, false},
    {"other-thread", pass_in_another_thread, nullptr, false},
    {"block", pass_what_a_block_does, nullptr, false},
    {"truncated-memory", pass_truncated_memory, nullptr, false},
    {"allowed-then-not", pass_then_trap, "system call 110 on the audio thread", true},
    {"outer-section", trap_in_outer_section, "malloc on the audio thread", false},
};

int run_case(const std::string& name) {
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    make_ready();
    for (const Violation& violation : kViolations)
        if (name == violation.name) {
            const RtSection section;
            violation.act();
            return 0;
        }
    for (const Case& one : kCases)
        if (name == one.name) {
            one.act();
            return 0;
        }
    if (name == "checks") {
        std::puts(isobooth::host::rt_checks());
        return 0;
    }
    isobooth::tests::fail("there is no case '%s'", name.c_str());
}

// ---------------------------------------------------------------- the parent

struct Ending {
    int status;
    std::string output;  // stdout and stderr
};

Ending run(const char* program, const std::string& preload, const char* name) {
    int ends[2];
    CHECK(pipe(ends) == 0, "no pipe");
    const pid_t pid = fork();
    CHECK(pid >= 0, "no child");
    if (pid == 0) {
        dup2(ends[1], 1);
        dup2(ends[1], 2);
        close(ends[0]);
        setenv("LD_PRELOAD", preload.c_str(), 1);
        execl(program, program, "--case", name, nullptr);
        _exit(127);
    }
    close(ends[1]);
    Ending ending{};
    pollfd readable{ends[0], POLLIN, 0};
    while (poll(&readable, 1, 20'000) > 0) {
        char bytes[4096];
        const ssize_t count = read(ends[0], bytes, sizeof bytes);
        if (count <= 0) break;
        ending.output.append(bytes, static_cast<std::size_t>(count));
    }
    close(ends[0]);
    // Its pipe closes a moment before it has ended; a case that hangs never closes it.
    for (int i = 0; waitpid(pid, &ending.status, WNOHANG) == 0; ++i) {
        const timespec moment{0, 1'000'000};
        nanosleep(&moment, nullptr);
        if (i == 2000) kill(pid, SIGKILL);
    }
    return ending;
}

void expect(const Ending& ending, const char* name, const char* message) {
    const char* output = ending.output.c_str();
    if (!message) {
        CHECK(WIFEXITED(ending.status) && WEXITSTATUS(ending.status) == 0,
              "%s: ended with status %d: %s", name, ending.status, output);
        return;
    }
    CHECK(WIFSIGNALED(ending.status) && WTERMSIG(ending.status) == SIGABRT,
          "%s: was not trapped, ended with status %d: %s", name, ending.status, output);
    // Its first words: the report itself must not run into the next trap.
    CHECK(ending.output.starts_with("isobooth: ") && ending.output.find(message) < 30,
          "%s: expected '%s', got: %s", name, message, output);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 3 && std::strcmp(argv[1], "--case") == 0) return run_case(argv[2]);
    CHECK(argc == 2, "usage: rt_traps_test PATH-OF-librtcheck.so");
    const std::string preload = argv[1];
    const char* const program = "/proc/self/exe";

    const std::string checks = run(program, preload, "checks").output;
    CHECK(checks.find("allocation, locks") != std::string::npos, "armed with %s", checks.c_str());
    const bool kernel = checks.find("system calls") != std::string::npos;
    if (!kernel) std::puts("rt_traps_test: this kernel cannot trap system calls; left out");

    int cases = 0;
    for (const Violation& violation : kViolations) {
        if (violation.by_kernel && !kernel) continue;
        expect(run(program, preload, violation.name), violation.name, violation.message);
        ++cases;
    }
    for (const Case& one : kCases) {
        if (one.by_kernel && !kernel) continue;
        expect(run(program, preload, one.name), one.name, one.message);
        ++cases;
    }
    // Without the library, only the kernel traps.
    if (kernel) expect(run(program, "", "getppid"), "getppid", "system call 110");
    expect(run(program, "", "malloc"), "malloc", nullptr);
    std::printf("rt_traps_test: %d cases\n", cases + 2);
    return 0;
}
