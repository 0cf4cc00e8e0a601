// SPDX-License-Identifier: GPL-3.0-or-later
//
// Takes the processor away from workers that are stuck in a block.
//
// A plugin that spins at real-time priority starves every thread of lower priority on its core,
// its neighbours in the relay and the control thread that would kill it among them. The watchdog
// runs above the workers and moves a worker that was abandoned for kStuckBlocks to SCHED_IDLE;
// when it comes back it gets its priority again. Killing is the control thread's decision.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "host/native/plugin_slot.hpp"

namespace isobooth::host {

class Watchdog {
public:
    Watchdog(std::uint64_t period_ns, int priority);
    ~Watchdog();
    void stop();

    void watch(std::shared_ptr<PluginSlot> slot);
    std::uint64_t demotions() const { return demotions_.load(); }

private:
    struct Watched {
        std::shared_ptr<PluginSlot> slot;
        int demoted = 0;  // the thread that was demoted; 0 none
    };
    static constexpr std::uint32_t kStuckBlocks = 2;

    void run(int priority) noexcept;
    void check(Watched& watched) noexcept;

    std::uint64_t tick_ns_;
    std::mutex mutex_;
    std::vector<Watched> watched_;
    std::atomic<bool> stopping_{false};
    std::atomic<std::uint64_t> demotions_{0};
    std::thread thread_;
};

}  // namespace isobooth::host
