// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a plugin format must offer to the block loop: one call per block, on the
// audio thread.
//
// Everything else (loading, describing, state, programs) is Python's, on the
// worker's main thread, in sandbox/backends. A Processor never throws, and
// knows nothing of shared memory.
#pragma once

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "ipc/native/layout.hpp"

namespace isobooth::sandbox {

constexpr int kMaxPluginChannels = 64;

// Events of one block: as many as the host sends, and as many from a plugin upstream.
constexpr int kMaxBlockEvents = 2 * static_cast<int>(ipc::kMaxEvents);

struct PluginBlock {
    const float* const* inputs;     // in_channels planes of `frames`
    float* const* outputs;          // out_channels planes of `frames`; never alias the inputs
    const float* const* sidechain;  // sidechain_channels planes, or nullptr: silence
    int frames;                     // 1..max_frames; 0 on a test rig only
    const ipc::Event* events;       // sorted by offset, offsets within the block
    int event_count;
    ipc::Event* events_out;  // MIDI the plugin sends
    int events_out_capacity;
    int events_out_count;             // set by process()
    const ipc::Transport* transport;  // never nullptr
};

// A plugin that no slot can carry, and that may be all right.
struct TooLarge : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Processor {
public:
    virtual ~Processor() = default;

    // Fills every output plane. Returns false if the plugin refused the block
    // (the caller then passes the input on).
    virtual bool process(PluginBlock& block) noexcept = 0;

    // Room for blocks that are larger than the plugin was prepared for: only of ours, it is told of
    // nothing. On the main thread, while no block is processed.
    virtual void make_room(int frames) { (void)frames; }

    // Whether a block that parameters change in is given to the plugin whole, with the frames of the
    // changes, from now on. Returns what is done: most formats have no frames. Otherwise it is cut.
    virtual bool give_whole_blocks(bool whole) {
        (void)whole;
        return false;
    }

    // Delay the plugin reports right now, frames. Called from the audio thread.
    virtual int latency_frames() noexcept { return 0; }

    int in_channels = 0;
    int out_channels = 0;
    int sidechain_channels = 0;
    bool accepts_midi = false;
    bool produces_midi = false;
    bool works_in_place = true;  // as far as it says

protected:
    void check_channels(const std::string& plugin) const {
        const auto within = [](int n) { return n >= 0 && n <= kMaxPluginChannels; };
        if (!within(in_channels) || !within(out_channels) || !within(sidechain_channels))
            throw TooLarge(plugin + " has more than " + std::to_string(kMaxPluginChannels) +
                           " channels, which no slot can carry");
    }
};

}  // namespace isobooth::sandbox
