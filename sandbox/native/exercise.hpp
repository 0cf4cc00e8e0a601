// SPDX-License-Identifier: GPL-3.0-or-later
//
// Plays a plugin for a while and looks at what comes out: what a scan needs to know of its sound.
#pragma once

#include <cstdint>

#include "sandbox/native/slot.hpp"

namespace isobooth::sandbox {

struct Played {
    float peak = 0.0f;            // of the output, without what is no number
    std::uint64_t nonfinite = 0;  // samples that are NaN or Inf
    std::uint64_t refused_blocks = 0;
    std::uint64_t midi_out = 0;  // messages sent
    double longest_ms = 0.0;     // of a block
    double total_ms = 0.0;
};

// Plays `blocks` of `frames` each: white noise of -12 dBFS peak in all inputs if `noise`, silence
// if not, and one note (middle C) that is held for the first half.
Played exercise(Slot& slot, int blocks, int frames, double sample_rate, bool noise);

}  // namespace isobooth::sandbox
