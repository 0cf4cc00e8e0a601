// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is heard of a pipelined chain: as a whole its plugins' sound or its input, never a prefix,
// without a click where one takes over from the other or a slot is let in or out.
#pragma once

#include "host/native/cover.hpp"
#include "host/native/signal.hpp"

namespace isobooth::host {

// The block in flight, which is heard with the next one.
struct Flight {
    bool linked = false;            // workers have it
    bool passes = false;            // no slot was to run: its input is its output
    std::uint32_t latency = 0;      // of the slots that were to run, frames
    std::uint32_t latency_out = 0;  // of those that are bypassed: their delay stays
    std::uint64_t path = 0;         // a bit for each slot that was to run
    OnMiss policy = OnMiss::Auto;
    bool is_instrument = false;
};

class PipelinedSound {
public:
    explicit PipelinedSound(const ipc::Geometry& geometry);

    // Leaves in `heard` what is heard of `flight`: `wet` if it was `delivered`, else the cover of
    // `input`. `last_good`: the chain's last sample, one a side.
    void hear(const Flight& flight, const float* const* input, const float* const* wet,
              bool delivered, StereoBuffer& heard, float* last_good, int frames) ISB_RT;

private:
    // The longest latency that the cover can match, frames.
    static constexpr std::uint32_t kLongestLatency = 32768;

    std::uint64_t path_ = 0;
    std::uint32_t latency_out_ = 0;
    bool heard_any_ = false;
    bool started_ = false;
    Cover cover_;
    VariableDelay delay_out_;  // stands for bypassed slots
    Splice splice_;            // where the path changes
    Splice delay_splice_;      // where the delay out does
};

}  // namespace isobooth::host
