// SPDX-License-Identifier: GPL-3.0-or-later
//
// A plugin slot as the audio thread knows it: which record plays for it, what is heard when none
// does, the events on their way, and counters that the control thread reads.
#pragma once

#include <atomic>
#include <cstdint>

#include "host/native/cover.hpp"
#include "host/native/event_queue.hpp"

namespace isobooth::host {

// Why a slot was not heard in a block.
enum class MissCause : std::uint8_t {
    None = 0,
    Overrun,   // it claimed the block and did not finish in time
    Unwoken,   // it was posted and did not claim
    Skipped,   // a slot before it was late
    Busy,      // it is still in an older block
    Offline,   // no worker, or the worker is dead
    Bypassed,  // by the user or held by the supervisor
};

struct SlotCounters {
    std::atomic<std::uint64_t> processed_blocks{0};
    std::atomic<std::uint64_t> bypassed_blocks{0};  // not heard, whatever the cause
    std::atomic<std::uint64_t> missed_blocks{0};    // blamed: Overrun or Unwoken
    std::atomic<std::uint64_t> repaired_samples{0};
    std::atomic<std::uint64_t> dropped_events{0};
    std::atomic<std::uint32_t> misses_in_a_row{0};
    std::atomic<std::uint32_t> stuck_blocks{0};    // how long an older block keeps it busy
    std::atomic<std::uint64_t> stuck_since_ns{0};  // 0: it is not stuck
    std::atomic<std::uint32_t> nonfinite_in_a_row{0};
    std::atomic<std::uint32_t> overlevel_in_a_row{0};
    std::atomic<std::uint64_t> process_ns{0};  // the plugin's own time, as its worker says
    std::atomic<MissCause> last_cause{MissCause::None};
};

class PluginSlot {
public:
    PluginSlot(std::uint32_t id_, double sample_rate, std::uint32_t max_frames,
               std::uint32_t latency_capacity)
        : id(id_), cover(sample_rate, max_frames, latency_capacity) {}

    const std::uint32_t id;
    SlotCounters counters;

    // Which thread the watchdog may demote: 0 none.
    std::atomic<int> worker_thread{0};
    std::atomic<int> worker_priority{0};

    // Owned by the audio thread.
    Cover cover;
    EventQueue events;
    std::int32_t record = ipc::kNoRecord;
    bool bypassed = false;
    bool accepts_midi = true;
    bool produces_midi = false;
    bool jumped = false;  // flag the transport jump in its next block
    float last_good[ipc::kBusChannels] = {};

    void heard() ISB_RT {
        counters.processed_blocks.fetch_add(1, std::memory_order_relaxed);
        counters.misses_in_a_row.store(0, std::memory_order_relaxed);
        counters.last_cause.store(MissCause::None, std::memory_order_relaxed);
    }
    void unheard(MissCause cause) ISB_RT {
        counters.bypassed_blocks.fetch_add(1, std::memory_order_relaxed);
        counters.last_cause.store(cause, std::memory_order_relaxed);
        if (cause == MissCause::Overrun || cause == MissCause::Unwoken) {
            counters.missed_blocks.fetch_add(1, std::memory_order_relaxed);
            counters.misses_in_a_row.fetch_add(1, std::memory_order_relaxed);
        }
    }
};

}  // namespace isobooth::host
