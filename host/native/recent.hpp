// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a worker was given and how long it took, lately: for crash reports. Written by the audio
// thread, read by the control thread once the worker is detached.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "host/native/realtime.hpp"
#include "ipc/native/layout.hpp"

namespace isobooth::host {

struct RecentEvent {
    std::uint64_t generation;
    ipc::Event event;
};

class Recent {
public:
    static constexpr std::size_t kEvents = 128;
    static constexpr std::size_t kTimes = 32;

    // One block.
    void note(std::uint64_t block, const ipc::Event* given, std::uint32_t count) ISB_RT {
        for (std::uint32_t i = 0; i < count; ++i) {
            const auto n = event_count.load(std::memory_order_relaxed);
            events[n % kEvents] = {block, given[i]};
            event_count.store(n + 1, std::memory_order_release);
        }
        generation.store(block, std::memory_order_relaxed);
    }
    void note_time(std::uint64_t ns) ISB_RT {
        const auto n = time_count.load(std::memory_order_relaxed);
        times_ns[n % kTimes] = ns;
        time_count.store(n + 1, std::memory_order_release);
    }

    std::array<RecentEvent, kEvents> events{};
    std::array<std::uint64_t, kTimes> times_ns{};
    std::atomic<std::uint64_t> event_count{0}, time_count{0};
    std::atomic<std::uint64_t> generation{0};  // the last block it was given
};

}  // namespace isobooth::host
