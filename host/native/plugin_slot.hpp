// SPDX-License-Identifier: GPL-3.0-or-later
//
// A plugin slot as the audio thread knows it: who plays for it and who stands by, what is heard when
// nobody does, and counters that the control thread reads.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "host/native/backlog.hpp"
#include "host/native/cover.hpp"
#include "host/native/seat.hpp"

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
    std::atomic<std::uint64_t> takeovers{0};        // the standby has become the one that plays
    BlockRun nonfinite;
    BlockRun overlevel;
    std::atomic<std::uint64_t> applied_edit{0};      // the newest, as its worker says
    std::atomic<std::int64_t> reported_latency{-1};  // frames, as its worker says; -1: unknown
};

class PluginSlot {
public:
    // `keeps_standby`: it has a second seat, and remembers blocks for whoever sits there.
    PluginSlot(std::uint32_t id_, double sample_rate, std::uint32_t max_frames,
               std::uint32_t latency_capacity, bool keeps_standby = false)
        : id(id_), cover(sample_rate, max_frames, latency_capacity) {
        seats[0] = std::make_unique<Seat>();
        if (!keeps_standby) return;
        seats[1] = std::make_unique<Seat>();
        backlog = std::make_unique<Backlog>(max_frames);
    }

    const std::uint32_t id;
    SlotCounters counters;
    std::array<std::unique_ptr<Seat>, 2> seats;  // the second: nullptr without a standby
    std::atomic<std::uint32_t> playing{0};       // whose seat; written by the audio thread

    // Owned by the audio thread.
    Cover cover;
    std::unique_ptr<Backlog> backlog;  // nullptr without a standby
    bool bypassed = false;
    bool bypassed_by_user = false;  // then its plain input is heard
    bool accepts_midi = true;
    bool produces_midi = false;
    std::int32_t heard_record = ipc::kNoRecord;  // the record it was heard from in this block
    float last_good[ipc::kBusChannels] = {};
    std::int64_t runaway_frames = 0;  // over level for as long without a pause
    bool missed = false;              // in this block, and not yet known whose fault that is

    // Who plays, or played last if nobody can.
    Seat& seat() ISB_RT { return *seats[playing.load(std::memory_order_relaxed)]; }
    // Who stands by; nullptr: nobody.
    Seat* standby() ISB_RT {
        Seat* const other = seats[1 - playing.load(std::memory_order_relaxed)].get();
        return other && other->is_taken() ? other : nullptr;
    }
    // `work(seat)` for both.
    template <typename Work>
    void for_each_worker(Work work) ISB_RT {
        work(seat());
        if (Seat* const other = standby()) work(*other);
    }

    // Is what it is given kept, for somebody who has not had it?
    bool is_remembered() ISB_RT {
        if (!backlog) return false;
        const Seat* const other = standby();
        return (other && !other->out_of_step.load(std::memory_order_relaxed)) || is_behind(seat());
    }
    // What it is given is heard while it is faded in, or asked for again after the block.
    bool keeps_input() const ISB_RT {
        return backlog || cover.keeps_past() || cover.must_fade_in();
    }
    bool is_behind(const Seat& seat) const ISB_RT {
        return backlog && seat.is_taken() && seat.given < backlog->count() &&
               !seat.out_of_step.load(std::memory_order_relaxed);
    }

    // The standby plays from now on. What was said of the other one's sound is not true of it.
    void take_over() ISB_RT {
        change_seats();
        backlog->release_notes([this](const ipc::Event& note) { seat().events.never_had(note); });
        counters.takeovers.fetch_add(1, std::memory_order_relaxed);
        counters.nonfinite.end();
        counters.overlevel.end();
        runaway_frames = 0;
        cover.take_over();
    }
    void change_seats() ISB_RT {
        playing.store(1 - playing.load(std::memory_order_relaxed), std::memory_order_release);
    }

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
