// SPDX-License-Identifier: GPL-3.0-or-later
//
// Plays a plugin on a test rig: on a thread of its own, as a host's audio thread would, with all its
// channels, in blocks of any sizes, and with everything measured that shows from outside.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sandbox/native/audit.hpp"
#include "sandbox/native/processor.hpp"

namespace isobooth::sandbox {

struct RigTransport {
    double tempo_bpm = 120.0;
    std::int64_t position_frames = 0;
    bool playing = true;
    double sample_rate = 48000.0;
};

struct RigOptions {
    bool in_place = false;   // outputs lie over the inputs
    bool guard = false;      // every buffer ends at memory that nobody may touch
    bool denormals = false;  // as numbers; else as zero
    bool audit = false;      // allocation, locks and system calls
    int audit_from = 0;      // the first frame that is audited, and whose numbers are trapped
    FloatTrap trap = FloatTrap::None;
};

struct RigMidi {
    std::uint32_t frame;
    std::uint8_t size;
    std::uint8_t bytes[3];
};

struct RigPlayed {
    std::vector<float> out;                      // out_channels planes of `frames`
    std::vector<std::uint64_t> wall_ns, cpu_ns;  // of each block
    std::vector<RigMidi> midi;
    std::uint64_t page_faults = 0, waits = 0;
    std::uint64_t blocks_with_faults = 0, blocks_with_waits = 0;
    std::uint64_t refused_blocks = 0;
    std::uint64_t nonfinite = 0, subnormal = 0;
    float peak = 0.0f;  // of what is a number
    std::vector<Violation> violations;
    std::uint64_t violations_lost = 0;  // there were too many places
    // That the plugin changed the thread's floating-point mode and left it so.
    bool changed_float_mode = false;
    std::uint64_t direct_calls = 0;  // of the plugin, which met the rig's buffers past JUCE
};

// How many blocks of `sizes`, repeated, it takes at most to play so many frames.
std::size_t rig_blocks(int frames, const std::vector<int>& sizes) noexcept;

// Plays `frames` of `in` (in_channels planes one behind the other), and of `key` to the side-chain
// (sidechain_channels planes, or nullptr: silence), in blocks of `sizes`, repeated, each at most
// `max_frames`, and not all 0. `events` are sorted, their offsets counted from the first frame. `tell`
// hears on the calling thread, ten times a second at most, how many frames have been played, if that
// has changed: of a plugin that hangs it hears nothing more.
// Throws std::runtime_error without memory or a thread, and what `tell` throws once all is played.
RigPlayed rig_run(Processor& processor, const float* in, const float* key, int frames,
                  const std::vector<int>& sizes, int max_frames,
                  const std::vector<ipc::Event>& events, const RigTransport& transport,
                  const RigOptions& options, const std::function<void(int)>& tell);

}  // namespace isobooth::sandbox
