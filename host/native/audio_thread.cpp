// SPDX-License-Identifier: GPL-3.0-or-later
#include "host/native/audio_thread.hpp"

#include <sched.h>
#include <time.h>

#include <cstdint>
#include <cstdio>
#include <cstring>

#include "ipc/native/semaphore.hpp"

namespace isobooth::host {

namespace {

constexpr std::uint64_t kGlanceNs = 10'000;

std::uint64_t used_ns(int thread) noexcept {
    constexpr unsigned kOfThread = 6;  // the kernel's CPUCLOCK_SCHED, of a thread
    timespec used{};
    const auto clock = static_cast<clockid_t>((~static_cast<unsigned>(thread) << 3) | kOfThread);
    return clock_gettime(clock, &used) == 0 ? ipc::to_ns(used) : 0;
}

// Whether its processor time grows.
bool runs(int thread) noexcept {
    const std::uint64_t before = used_ns(thread), until = ipc::now_ns() + kGlanceNs;
    while (ipc::now_ns() < until) {
    }
    return used_ns(thread) != before;
}

// The core in whose queue it is; -1: it has ended.
int core_of(int thread) noexcept {
    constexpr int kProcessorField = 39;  // proc_pid_stat(5)
    char path[64], text[1024];
    std::snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread);
    std::FILE* const file = std::fopen(path, "re");
    if (!file) return -1;
    text[std::fread(text, 1, sizeof text - 1, file)] = '\0';
    std::fclose(file);
    // The second field is a name in parentheses, which may hold anything.
    const char* field = std::strrchr(text, ')');
    for (int number = 2; field && number < kProcessorField; ++number)
        field = std::strchr(field + 1, ' ');
    int core = -1;
    if (field) std::sscanf(field, "%d", &core);
    return core;
}

}  // namespace

bool AudioThread::fetch() const noexcept {
    const int thread = thread_.load(std::memory_order_relaxed);
    if (thread == 0 || runs(thread)) return false;
    cpu_set_t allowed;
    if (sched_getaffinity(thread, sizeof allowed, &allowed) != 0) return false;
    const int here = sched_getcpu(), there = core_of(thread);
    if (here < 0 || there < 0) return false;
    cpu_set_t elsewhere = allowed;
    if (here != there && CPU_ISSET(static_cast<std::size_t>(here), &allowed)) {
        CPU_ZERO(&elsewhere);
        CPU_SET(static_cast<std::size_t>(here), &elsewhere);
    } else {
        CPU_CLR(static_cast<std::size_t>(there), &elsewhere);
    }
    if (CPU_COUNT(&elsewhere) == 0) return false;
    if (sched_setaffinity(thread, sizeof elsewhere, &elsewhere) != 0) return false;
    sched_setaffinity(thread, sizeof allowed, &allowed);  // it stays where it is now
    return true;
}

}  // namespace isobooth::host
