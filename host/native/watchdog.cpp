// SPDX-License-Identifier: GPL-3.0-or-later
#include "host/native/watchdog.hpp"

#include <sched.h>
#include <sys/prctl.h>
#include <time.h>

#include <algorithm>

#include "ipc/native/scheduling.hpp"
#include "ipc/native/semaphore.hpp"

namespace isobooth::host {

Watchdog::Watchdog(std::uint64_t period_ns, int priority)
    : tick_ns_(std::max<std::uint64_t>(period_ns, 1'000'000)) {
    thread_ = std::thread([this, priority] { run(priority); });
}

Watchdog::~Watchdog() { stop(); }

void Watchdog::stop() {
    stopping_.store(true);
    if (thread_.joinable()) thread_.join();
}

void Watchdog::watch(std::shared_ptr<PluginSlot> slot) {
    const std::scoped_lock lock(mutex_);
    watched_.push_back({std::move(slot)});
}

void Watchdog::run(int priority) noexcept {
    prctl(PR_SET_NAME, "isb-watchdog");
    ipc::ask_for_attention(priority, -1);
    while (!stopping_.load(std::memory_order_relaxed)) {
        {
            const std::scoped_lock lock(mutex_);
            for (Watched& watched : watched_) check(watched);
        }
        const timespec pause = ipc::to_timespec(tick_ns_);
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, nullptr);
    }
}

void Watchdog::check(Watched& watched) noexcept {
    const int thread = watched.slot->worker_thread.load(std::memory_order_relaxed);
    const bool stuck =
        watched.slot->counters.stuck_blocks.load(std::memory_order_relaxed) >= kStuckBlocks;
    if (watched.demoted != thread) watched.demoted = 0;  // another worker by now
    if (thread <= 0) return;
    sched_param param{};
    if (stuck && watched.demoted == 0) {
        sched_setscheduler(thread, SCHED_IDLE, &param);
        watched.demoted = thread;
        demotions_.fetch_add(1, std::memory_order_relaxed);
    } else if (!stuck && watched.demoted != 0) {
        const int priority = watched.slot->worker_priority.load(std::memory_order_relaxed);
        param.sched_priority = priority;
        if (priority <= 0 ||
            sched_setscheduler(thread, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) != 0) {
            param.sched_priority = 0;
            sched_setscheduler(thread, SCHED_OTHER, &param);
        }
        watched.demoted = 0;
    }
}

}  // namespace isobooth::host
