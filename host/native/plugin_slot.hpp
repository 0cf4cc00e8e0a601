// SPDX-License-Identifier: GPL-3.0-or-later
//
// A plugin slot as the audio thread knows it: which record plays for it, what is heard when none
// does, the events on their way, and counters that the control thread reads.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "host/native/cover.hpp"
#include "host/native/event_queue.hpp"
#include "host/native/worker_thread.hpp"

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

// Blocks in a row that needed the same repair. The longest run is kept, and where it ended:
// offline nobody looks at every block.
struct BlockRun {
    std::atomic<std::uint32_t> length{0};
    std::atomic<std::uint32_t> longest{0};
    std::atomic<std::uint64_t> longest_end{0};  // the block behind it

    void end() ISB_RT { length.store(0, std::memory_order_relaxed); }
    void extend(std::uint64_t block) ISB_RT {
        const std::uint32_t now = length.load(std::memory_order_relaxed) + 1;
        length.store(now, std::memory_order_relaxed);
        if (now <= longest.load(std::memory_order_relaxed)) return;
        longest.store(now, std::memory_order_relaxed);
        longest_end.store(block + 1, std::memory_order_relaxed);
    }
};

// All blocks are those that the plugin is called with.
struct SlotCounters {
    std::atomic<std::uint64_t> processed_blocks{0};
    std::atomic<std::uint64_t> bypassed_blocks{0};  // not heard, whatever the cause
    std::atomic<std::uint64_t> missed_blocks{0};    // blamed: Overrun or Unwoken
    std::atomic<std::uint64_t> repaired_samples{0};
    std::atomic<std::uint64_t> dropped_events{0};
    std::atomic<std::uint32_t> misses_in_a_row{0};  // without the machine's
    std::atomic<std::uint32_t> stuck_blocks{0};     // how long an older block keeps it busy
    std::atomic<std::uint64_t> stuck_since_ns{0};   // 0: it is not stuck
    BlockRun nonfinite;
    BlockRun overlevel;
    std::atomic<std::uint64_t> applied_edit{0};      // the newest, as its worker says
    std::atomic<std::int64_t> reported_latency{-1};  // frames, as its worker says; -1: unknown
};

// What a slot was given and how long it took, lately: for crash reports. Written by the audio
// thread, read by the control thread once the slot is detached.
struct RecentEvent {
    std::uint64_t generation;
    ipc::Event event;
};

class Recent {
public:
    static constexpr std::size_t kEvents = 128;
    static constexpr std::size_t kTimes = 32;

    void note(std::uint64_t generation, const ipc::Event& event) ISB_RT {
        const auto n = event_count.load(std::memory_order_relaxed);
        events[n % kEvents] = {generation, event};
        event_count.store(n + 1, std::memory_order_release);
    }
    void note_time(std::uint64_t ns) ISB_RT {
        const auto n = time_count.load(std::memory_order_relaxed);
        times_ns[n % kTimes] = ns;
        time_count.store(n + 1, std::memory_order_release);
    }

    std::array<RecentEvent, kEvents> events{};
    std::array<std::uint64_t, kTimes> times_ns{};
    std::atomic<std::uint64_t> event_count{0}, time_count{0};
    std::atomic<std::uint64_t> generation{0};  // the last block it was linked into
};

class PluginSlot {
public:
    PluginSlot(std::uint32_t id_, double sample_rate, std::uint32_t max_frames,
               std::uint32_t latency_capacity)
        : id(id_), cover(sample_rate, max_frames, latency_capacity) {}

    const std::uint32_t id;
    SlotCounters counters;
    Recent recent;

    // Whom the watchdog may hold back. Never touched by the audio thread.
    std::atomic<std::shared_ptr<const WorkerThread>> worker;

    // Owned by the audio thread.
    Cover cover;
    EventQueue events;
    std::int32_t record = ipc::kNoRecord;
    bool bypassed = false;
    bool bypassed_by_user = false;  // then its plain input is heard
    bool accepts_midi = true;
    bool produces_midi = false;
    bool jumped = false;                         // flag the transport jump in its next block
    bool is_fresh = true;                        // its plugin holds no notes yet
    bool had_block = false;                      // its plugin was given this block's events
    std::int32_t heard_record = ipc::kNoRecord;  // the record it was heard from in this block
    std::int32_t midi_source = ipc::kNoRecord;   // the record that sends its MIDI; none: the host
    float last_good[ipc::kBusChannels] = {};
    std::int64_t runaway_frames = 0;  // over level for as long without a pause
    bool missed = false;              // in this block, and not yet known whose fault that is

    void heard(std::uint64_t blocks) ISB_RT {
        counters.processed_blocks.fetch_add(blocks, std::memory_order_relaxed);
        counters.misses_in_a_row.store(0, std::memory_order_relaxed);
    }
    void unheard(MissCause cause, std::uint64_t blocks) ISB_RT {
        counters.bypassed_blocks.fetch_add(blocks, std::memory_order_relaxed);
        if (cause == MissCause::Overrun || cause == MissCause::Unwoken) {
            counters.missed_blocks.fetch_add(blocks, std::memory_order_relaxed);
            missed = true;
        }
    }
    // The end of the block: a miss counts unless the machine was away.
    void judge(bool machine_was_away) ISB_RT {
        if (missed && !machine_was_away)
            counters.misses_in_a_row.fetch_add(1, std::memory_order_relaxed);
        missed = false;
    }
};

}  // namespace isobooth::host
