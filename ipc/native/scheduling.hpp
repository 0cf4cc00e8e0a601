// SPDX-License-Identifier: GPL-3.0-or-later
//
// How a thread of the audio path asks the kernel for attention, with rights and without.
//
// With the right to it: SCHED_FIFO. Without: the shortest time slice that SCHED_OTHER grants (Linux
// 6.12 and later take it from sched_setattr, from anybody), which makes the kernel run a waking
// thread sooner and take it off sooner. Neither is inherited by what a plugin starts.
#pragma once

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace isobooth::ipc {

// The kernel's least slice; a block's work is a few of them.
constexpr std::uint64_t kShortSliceNs = 100'000;

inline bool ask_for_short_slices() noexcept {
    struct Attributes {  // struct sched_attr of the kernel, which libc does not declare
        std::uint32_t size;
        std::uint32_t policy;
        std::uint64_t flags;
        std::int32_t nice;
        std::uint32_t priority;
        std::uint64_t runtime, deadline, period;
    } attributes{};
    attributes.size = sizeof attributes;
    attributes.policy = SCHED_OTHER;
    attributes.flags = 1;  // SCHED_FLAG_RESET_ON_FORK
    attributes.nice = getpriority(PRIO_PROCESS, 0);
    attributes.runtime = kShortSliceNs;
    return syscall(SYS_sched_setattr, 0, &attributes, 0) == 0;
}

// For the calling thread: SCHED_FIFO at `priority` (0: not asked for), core `cpu` (-1: any).
// Returns whether the priority was granted.
inline bool ask_for_attention(int priority, int cpu) noexcept {
    if (cpu >= 0 && cpu < CPU_SETSIZE) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        sched_setaffinity(0, sizeof set, &set);  // a hint: a core that went offline is no error
    }
    if (priority > 0) {
        sched_param param{};
        param.sched_priority = priority;
        if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) == 0) return true;
    }
    ask_for_short_slices();
    return false;
}

}  // namespace isobooth::ipc
