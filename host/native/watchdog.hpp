// SPDX-License-Identifier: GPL-3.0-or-later
//
// Takes the processor away from workers that are stuck in a block.
//
// A plugin that spins at real-time priority starves every thread of lower priority on its core,
// its neighbours in the relay and the control thread that would kill it among them. The watchdog
// runs above the workers and holds a worker back that was abandoned for kStuckBlocks
// (worker_thread.hpp); when it comes back it gets its priority again. Killing is the control
// thread's decision.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "host/native/engine.hpp"
#include "host/native/plugin_slot.hpp"

namespace isobooth::host {

class Watchdog {
public:
    // `engine` outlives it. `priority`: real-time; 0: normal.
    Watchdog(const Engine& engine, int priority);
    ~Watchdog();
    void stop();

    void watch(std::shared_ptr<PluginSlot> slot);
    // Whose workers have ended.
    void forget(const PluginSlot& slot);
    // How often a worker was held back.
    std::uint64_t demotions() const { return demotions_.load(); }
    // How often a worker was stopped for the length of a block.
    std::uint64_t stops() const { return stops_.load(); }
    // How often the audio thread was taken to another core.
    std::uint64_t fetches() const { return fetches_.load(); }

private:
    struct Watched {
        std::shared_ptr<Seat> seat;                // of a slot, kept alive with it
        std::shared_ptr<const WorkerThread> held;  // null: not stuck
        std::uint64_t cpu_ns = 0;                  // that it had used when it was last looked at
        bool spins = false;                        // it uses the processor
        bool stopped = false;
    };
    static constexpr std::uint32_t kStuckBlocks = 2;

    void run(int priority) noexcept;
    void sleep_until_deadline() noexcept;
    void fetch_audio_thread() noexcept;
    void check(Watched& watched) noexcept;
    bool wants_stop(Watched& watched) const noexcept;
    bool stop_those_that_spin() noexcept;
    void let_run() noexcept;
    void let_run_between_blocks() noexcept;

    const Engine& engine_;
    std::uint64_t tick_ns_;
    std::mutex mutex_;
    std::vector<Watched> watched_;
    std::atomic<bool> stopping_{false};
    std::atomic<std::uint64_t> demotions_{0}, stops_{0}, fetches_{0};
    std::thread thread_;
};

}  // namespace isobooth::host
