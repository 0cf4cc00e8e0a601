// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sample-accurate parameters for plugins that take a value only between two calls: the block is
// cut where a parameter changes, and every stretch between two cuts is processed as a block of its
// own. Events are hostile here (they may come from a plugin upstream): offsets are bounded and
// brought into order, malformed MIDI is dropped.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>

#include "sandbox/native/later_transport.hpp"
#include "sandbox/native/processor.hpp"

namespace isobooth::sandbox {

// Bytes of a short MIDI message by its first byte; 0 for data bytes and system exclusive, which
// an Event cannot carry.
inline int midi_message_size(std::uint8_t status) noexcept {
    if (status < 0x80 || status == 0xf0 || status == 0xf7) return 0;
    if (status >= 0xf8) return 1;
    switch (status & 0xf0) {
        case 0xc0:
        case 0xd0:
            return 2;
        case 0xf0:
            return status == 0xf2 ? 3 : status == 0xf1 || status == 0xf3 ? 2 : 1;
        default:
            return 3;
    }
}

class BlockSplitter {
public:
    // `max_midi`: the most MIDI events that the plugin takes in one call, 1..kMaxBlockEvents. A
    // stretch that has more is cut, and what is too much for one frame comes a frame later.
    explicit BlockSplitter(double sample_rate, int max_midi = kMaxBlockEvents)
        : sample_rate_(sample_rate), max_midi_(max_midi) {}

    // Calls apply(index, value) for each parameter event and run(PluginBlock&) for each stretch;
    // a stretch holds MIDI events only, counted from its own start, and the transport of its
    // start. False if any run() was.
    template <class Apply, class Run>
    bool operator()(const Processor& plugin, PluginBlock& block, Apply&& apply,
                    Run&& run) noexcept {
        block.events_out_count = 0;
        int next = 0;  // event
        int at = 0;    // frame
        bool done = true;
        do {  // once for a block without frames, too
            int end = apply_changes(block, next, at, apply);
            const int midi = take_midi(block, next, at, end);
            done = run_stretch(plugin, block, at, end, midi, run) && done;
            at = end;
        } while (at < block.frames);
        return done;
    }

private:
    static int offset_of(const ipc::Event& event, int frames) noexcept {
        const int last = std::max(0, frames - 1);
        return static_cast<int>(std::min(event.offset, static_cast<std::uint32_t>(last)));
    }

    // Applies what is due at frame `at`. Returns the frame of the next change.
    template <class Apply>
    static int apply_changes(const PluginBlock& block, int first, int at, Apply&& apply) noexcept {
        for (int i = first; i < block.event_count; ++i) {
            const ipc::Event& event = block.events[i];
            if (event.kind != ipc::EventKind::Parameter) continue;
            if (const int offset = offset_of(event, block.frames); offset > at) return offset;
            apply(event.index, event.value);
        }
        return block.frames;
    }

    // Frames that the events behind event `i` may need for themselves are left to them.
    int place_of(const PluginBlock& block, int i) const noexcept {
        const int last = block.frames - 1 - (block.event_count - 1 - i) / max_midi_;
        return std::min(offset_of(block.events[i], block.frames), std::max(0, last));
    }

    // Copies the MIDI of frames at..end-1 and moves `next` behind it, and `end` to the front where
    // it is too much for one call. Returns how many. A note at the very frame of a change belongs
    // to the stretch behind the change.
    int take_midi(const PluginBlock& block, int& next, int at, int& end) noexcept {
        int count = 0;
        for (; next < block.event_count; ++next) {
            const ipc::Event& event = block.events[next];
            const int offset = std::max(at, place_of(block, next));
            if (offset >= end) break;
            const int size = midi_message_size(event.midi[0]);
            if (event.kind != ipc::EventKind::Midi || size == 0 || size > event.size) continue;
            if (count == max_midi_) {
                end = std::max(at + 1, offset);
                break;
            }
            ipc::Event& taken = midi_[static_cast<std::size_t>(count++)];
            taken = event;
            taken.size = static_cast<std::uint16_t>(size);
            taken.offset = static_cast<std::uint32_t>(offset - at);
        }
        return count;
    }

    template <class Run>
    bool run_stretch(const Processor& plugin, PluginBlock& block, int at, int end, int midi,
                     Run&& run) noexcept {
        const auto advance = [at](auto from, auto& to, int channels) {
            for (int c = 0; c < channels; ++c) to[static_cast<std::size_t>(c)] = from[c] + at;
            return to.data();
        };
        PluginBlock stretch = block;
        stretch.inputs = advance(block.inputs, inputs_, plugin.in_channels);
        stretch.outputs = advance(block.outputs, outputs_, plugin.out_channels);
        if (block.sidechain)
            stretch.sidechain = advance(block.sidechain, sidechain_, plugin.sidechain_channels);
        stretch.frames = end - at;
        stretch.events = midi_.data();
        stretch.event_count = midi;
        stretch.events_out = block.events_out + block.events_out_count;
        stretch.events_out_capacity = block.events_out_capacity - block.events_out_count;
        stretch.events_out_count = 0;
        const ipc::Transport transport = later(*block.transport, at, sample_rate_);
        stretch.transport = &transport;
        const bool done = run(stretch);
        for (int i = 0; i < stretch.events_out_count; ++i)
            stretch.events_out[i].offset += static_cast<std::uint32_t>(at);
        block.events_out_count += stretch.events_out_count;
        return done;
    }

    double sample_rate_;
    int max_midi_;
    std::array<ipc::Event, kMaxBlockEvents> midi_;
    std::array<const float*, kMaxPluginChannels> inputs_{}, sidechain_{};
    std::array<float*, kMaxPluginChannels> outputs_{};
};

}  // namespace isobooth::sandbox
