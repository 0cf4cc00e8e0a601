// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the audio thread tells the control thread of a block. Logs only: whoever decides looks at
// the counters and relay words themselves, which lose nothing when a ring is full.
#pragma once

#include <cstdint>

#include "host/native/plugin_slot.hpp"

namespace isobooth::host {

struct MissEvent {
    std::uint64_t block;
    std::uint64_t time_ns;
    std::uint64_t generation;
    std::uint32_t slot;
    std::int32_t record;
    MissCause cause;
};

constexpr std::size_t kLoggedStrips = 32;

enum BlockFlags : std::uint32_t {
    kBlockLate = 1,       // processing took longer than the block's period
    kBlockMissed = 2,     // at least one slot missed its deadline
    kBlockAllMissed = 4,  // every chain of several missed: the machine
    kBlockNullClock = 8,  // driven by the null clock
};

struct BlockRecord {
    std::uint64_t block;
    std::uint64_t start_ns;     // the period's nominal start
    std::uint64_t entry_ns;     // when processing really began
    std::uint64_t duration_ns;  // processing
    std::uint32_t flags;
    std::uint32_t missed_slots;
    float peaks[kLoggedStrips];  // the first strips of the plan, in plan order
};

}  // namespace isobooth::host
