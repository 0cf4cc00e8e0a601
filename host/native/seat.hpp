// SPDX-License-Identifier: GPL-3.0-or-later
//
// One worker's place in a slot. A slot has one, and a second one if it keeps a standby: either may
// be the one that plays, and what is known of a worker stays with its seat when they change parts.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "host/native/event_queue.hpp"
#include "host/native/recent.hpp"
#include "host/native/worker_thread.hpp"
#include "ipc/native/semaphore.hpp"

namespace isobooth::host {

class Seat {
public:
    // Whom the watchdog may hold back. Never touched by the audio thread.
    std::atomic<std::shared_ptr<const WorkerThread>> worker;

    // Read by the control thread.
    Recent recent;
    std::atomic<std::uint32_t> stuck_blocks{0};    // how long an older block keeps it busy
    std::atomic<std::uint64_t> stuck_since_ns{0};  // 0: it is not stuck
    std::atomic<std::uint64_t> behind{0};          // blocks of the backlog that it has not had yet
    std::atomic<bool> out_of_step{false};  // the backlog has forgotten what it needs: no use

    // Owned by the audio thread.
    EventQueue events;
    std::int32_t record = ipc::kNoRecord;
    std::int32_t midi_source = ipc::kNoRecord;  // the record that sends its MIDI; none: the host
    bool jumped = false;                        // flag the transport jump in its next block
    bool is_fresh = true;                       // its plugin holds no notes yet
    bool had_block = false;                     // its plugin was given this block's events
    bool lacks_block = false;                   // it was never woken in one that others have had
    std::uint64_t given = 0;                    // of the slot's backlog

    bool is_taken() const ISB_RT { return record != ipc::kNoRecord; }

    // Another worker sits down. `at`: how much of the backlog was there before it.
    void take(std::int32_t record_, bool jumps, std::uint64_t at) ISB_RT {
        record = record_;
        jumped = jumps;
        is_fresh = true;
        lacks_block = false;
        given = at;
        behind.store(0, std::memory_order_relaxed);
        out_of_step.store(false, std::memory_order_relaxed);
        came_back();
    }
    void leave() ISB_RT {
        record = ipc::kNoRecord;
        came_back();
    }

    void was_stuck() ISB_RT { stuck_since_ns.store(ipc::now_ns(), std::memory_order_relaxed); }
    void is_busy() ISB_RT {
        stuck_blocks.fetch_add(1, std::memory_order_relaxed);
        if (stuck_since_ns.load(std::memory_order_relaxed) == 0) was_stuck();
    }
    void came_back() ISB_RT {
        stuck_blocks.store(0, std::memory_order_relaxed);
        stuck_since_ns.store(0, std::memory_order_relaxed);
    }
};

}  // namespace isobooth::host
