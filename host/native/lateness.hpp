// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whose fault a block's misses are: the plugins' that missed, or the machine's, which was away.
//
// Only what the host sees by itself excuses a plugin. A worker's word does not, for a plugin
// writes there as well; nor would its processor time tell: a plugin that waits for a lock or a disk
// uses as little of it as one that was given none. A plugin that is late of itself misses on a
// punctual machine too, so what is excused here is only not counted: it ends no row of misses.
#pragma once

#include <cstdint>

#include "host/native/realtime.hpp"

namespace isobooth::host {

struct BlockWitness {
    std::uint64_t budget_ns = 0;         // the block's share of the period
    bool begun_late = false;             // the audio thread came too late to give chains their time
    std::uint64_t given_up_late_ns = 0;  // after its deadline, the first chain that missed
    std::uint32_t chains = 0;            // that ran
    std::uint32_t chains_missed = 0;     // of which nothing was heard, for lateness

    // The audio thread, which everybody else makes way for, was not given the processor in time.
    bool host_was_late() const ISB_RT { return begun_late || given_up_late_ns > budget_ns / 4; }
    // Several chains at once, which have nothing in common but the machine.
    bool all_missed() const ISB_RT { return chains > 1 && chains_missed == chains; }

    bool machine_was_away() const ISB_RT { return host_was_late() || all_missed(); }
};

}  // namespace isobooth::host
