// SPDX-License-Identifier: GPL-3.0-or-later
//
// The buffers of VST3 and LV2 plugins on a test rig. JUCE copies what it is given and lets the outputs
// lie over the inputs, so nothing that the rig does with its own buffers would reach such a plugin.
// A tap (lv2_tap.hpp, vst3_tap.hpp) stands between JUCE and the plugin: while these are there, it
// hands them on in place of JUCE's and carries the sound between both.
#pragma once

#include <array>
#include <cstdint>

#include "sandbox/native/guarded_planes.hpp"
#include "sandbox/native/processor.hpp"

namespace isobooth::sandbox {

// Loud, and no value that a plugin would send by chance: what outputs hold before a call, so that what
// is left out is heard.
constexpr float kUnwritten = 123456.789f;

class DirectBuffers {
public:
    // Of the plugins of this process, from now on. One at a time; throws std::runtime_error without
    // memory. `in_place`: outputs lie over the inputs. `guard`: each buffer ends at memory that nobody
    // may touch, and what is in them can be read only.
    DirectBuffers(int max_frames, bool in_place, bool guard);
    ~DirectBuffers();
    DirectBuffers(const DirectBuffers&) = delete;
    DirectBuffers& operator=(const DirectBuffers&) = delete;

    // Those that are there, for a tap; or nullptr.
    static DirectBuffers* now() noexcept;
    // There is a tap in this process.
    static bool are_tapped() noexcept;
    static void note_tap() noexcept;

    // One call of a plugin, on the audio thread: begin, all inputs, all outputs, seal, the call itself,
    // deliver. Returns false where nothing is to be handed on.
    bool begin(int frames) noexcept;
    // Both return what to hand on for a buffer of JUCE's: that very one beyond 64 of a kind. Main
    // inputs come first: over these alone main outputs may lie, each over the one of its number.
    float* input(float* theirs, bool is_main) noexcept;
    float* output(float* theirs, bool is_main) noexcept;
    void seal() noexcept;
    void deliver() noexcept;

    std::uint64_t calls() const noexcept { return calls_; }

private:
    static constexpr std::size_t kMost = kMaxPluginChannels;

    const int max_frames_;
    const bool in_place_;
    GuardedPlanes inputs_, outputs_;
    int frames_ = 0;
    std::size_t main_count_ = 0, input_count_ = 0, output_count_ = 0;
    std::array<float*, kMost> ours_{}, theirs_{};  // of the outputs
    std::uint64_t calls_ = 0;
};

}  // namespace isobooth::sandbox
