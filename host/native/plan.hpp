// SPDX-License-Identifier: GPL-3.0-or-later
//
// The render plan: which strips there are, what feeds them, in which order. Built by the control
// thread, published by a pointer swap, freed by the control thread. What must survive a swap
// (faders, slots, chains, delay lines, clips) is shared by pointer between plans.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "host/native/chain.hpp"
#include "host/native/own_time.hpp"
#include "host/native/players.hpp"
#include "host/native/strip.hpp"

namespace isobooth::host {

// A strip that feeds another, after its fader, delayed to line up with the others.
struct Feed {
    std::uint32_t from = 0;
    std::shared_ptr<DelayLine> delay;  // nullptr: none
};

// A strip that feeds a slot's side-chain.
struct KeyFeed {
    std::size_t slot = 0;
    std::uint32_t from = 0;
    std::shared_ptr<DelayLine> delay;
    std::unique_ptr<StereoBuffer> buffer;  // where the delayed key lies; nullptr: no delay
};

struct PlanStrip {
    std::shared_ptr<Strip> strip;
    std::shared_ptr<AudioClip> audio;
    std::shared_ptr<MidiClip> midi;
    std::shared_ptr<OwnTime> time;                 // of its clips; nullptr: the song's
    std::int64_t source_delay = 0;                 // frames
    std::int32_t live_left = -1, live_right = -1;  // device channels, -1: none
    std::vector<Feed> feeds;
    std::shared_ptr<Chain> chain;
    ChainMode mode = ChainMode::Relayed;
    std::vector<std::shared_ptr<PluginSlot>> slots;
    std::vector<PluginSlot*> slot_pointers;
    std::vector<KeyFeed> keys;
    bool is_key = false;  // side-chains are fed from it

    // This block's MIDI and keys: the chain reads them until it is complete, while other strips
    // of the stage have begun already. Sized with the plan.
    std::vector<ipc::Event> midi_events;
    std::vector<KeySignal> key_signals;
};

struct Plan {
    Plan() = default;
    Plan(const Plan&) = delete;
    Plan& operator=(const Plan&) = delete;

    std::vector<PlanStrip> strips;
    std::vector<std::vector<std::uint32_t>> stages;  // strips whose inputs are final, in order
    std::uint32_t master = 0;

    // The part of a block's time at whose end each stage's chains must have delivered. A stage is
    // given time by its longest chain, because a chain's slots run one after the other; what it
    // does not use goes to those behind it. Without a share of its own, every stage behind a
    // plugin that is late would be late too.
    std::vector<double> deadlines;

    // Workers that the host does not wake one by one.
    std::uint32_t relayed_slots() const noexcept {
        std::size_t count = 0;
        for (const PlanStrip& strip : strips)
            if (strip.chain && strip.mode != ChainMode::Hosted) count += strip.slots.size();
        return static_cast<std::uint32_t>(count);
    }

    void share_time() {
        double total = 0.0;
        deadlines.clear();
        for (const auto& stage : stages) {
            std::size_t longest = 0;
            for (const std::uint32_t index : stage)
                if (strips[index].chain && strips[index].mode != ChainMode::Pipelined)
                    longest = std::max(longest, strips[index].slots.size());
            total += static_cast<double>(longest);
            deadlines.push_back(total);
        }
        for (double& deadline : deadlines) deadline = total > 0.0 ? deadline / total : 1.0;
    }
};

}  // namespace isobooth::host
