// SPDX-License-Identifier: GPL-3.0-or-later
//
// Fits a plugin of any channel layout to the stereo bus, by rule:
//
//   plugin in   plugin out   what the slot does
//   0           1            the output goes to both sides
//   0           2 and more   the first two outputs are the sides
//   1           1            two instances, one a side (dual mono); MIDI out is the left one's. Where
//                            only one was made: it is fed with (L+R)/2 and heard on both sides
//   1           2 and more   fed with (L+R)/2; the first two outputs are the sides
//   2 and more  1            the sides go to the first two inputs; the output to both sides
//   2 and more  2 and more   first two to first two; further inputs silent, outputs unheard
//   any         0            the bus passes through (MIDI effects, analysers)
//
// A side-chain of one channel hears (L+R)/2 of the key signal; of two or more, its sides. In dual
// mono each instance hears its own side of it.
#pragma once

#include <memory>
#include <vector>

#include "sandbox/native/processor.hpp"

namespace isobooth::sandbox {

struct BusBlock {
    const float* inputs[ipc::kBusChannels];
    float* outputs[ipc::kBusChannels];
    const float* sidechain[ipc::kBusChannels];  // nullptr: none
    int frames;
    const ipc::Event* events;  // sorted by offset
    int event_count;
    ipc::Event* events_out;
    int events_out_capacity;
    int events_out_count;
    const ipc::Transport* transport;
};

class Slot {
public:
    // Does a plugin of this layout need two instances?
    static bool is_dual_mono(int in_channels, int out_channels) {
        return in_channels == 1 && out_channels == 1;
    }

    // `processors`: one, or two equal ones where is_dual_mono; they outlive the
    // slot. Throws std::runtime_error if there are more than the layout has use for.
    Slot(std::vector<Processor*> processors, int max_frames);

    // Processes one block of at most max_frames. False if the plugin refused it:
    // the output is then the input.
    bool process(BusBlock& bus) noexcept;

    int latency_frames() noexcept { return processors_[0]->latency_frames(); }
    bool accepts_midi() const { return processors_[0]->accepts_midi; }
    bool produces_midi() const { return processors_[0]->produces_midi; }
    int max_frames() const { return max_frames_; }
    const Processor& processor() const { return *processors_[0]; }

private:
    void connect_inputs(const BusBlock& bus) noexcept;
    void collect_outputs(BusBlock& bus) noexcept;

    std::vector<Processor*> processors_;
    int max_frames_;
    std::vector<float> silence_, mono_in_, mono_key_;
    std::vector<std::vector<float>> scratch_out_;
    std::vector<const float*> inputs_, sidechain_;
    std::vector<float*> outputs_;
};

}  // namespace isobooth::sandbox
