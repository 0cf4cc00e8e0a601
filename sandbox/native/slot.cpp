// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/slot.hpp"

#include <algorithm>
#include <cstring>

namespace isobooth::sandbox {

Slot::Slot(std::vector<Processor*> processors, int max_frames)
    : processors_(std::move(processors)), max_frames_(max_frames) {
    if (processors_.empty() || max_frames < 1)
        throw std::runtime_error("a slot needs a plugin and at least one frame");
    const Processor& plugin = *processors_[0];
    const std::size_t needed = is_dual_mono(plugin.in_channels, plugin.out_channels) ? 2 : 1;
    if (processors_.size() > needed)
        throw std::runtime_error("this plugin's channel layout needs " + std::to_string(needed) +
                                 " instance(s) at most, got " + std::to_string(processors_.size()));
    const auto frames = static_cast<std::size_t>(max_frames);
    silence_.assign(frames, 0.0f);
    mono_in_.assign(frames, 0.0f);
    mono_key_.assign(frames, 0.0f);
    scratch_out_.assign(static_cast<std::size_t>(std::max(0, plugin.out_channels)),
                        std::vector<float>(frames, 0.0f));
    inputs_.assign(static_cast<std::size_t>(plugin.in_channels), silence_.data());
    sidechain_.assign(static_cast<std::size_t>(plugin.sidechain_channels), silence_.data());
    for (auto& plane : scratch_out_) outputs_.push_back(plane.data());
}

void Slot::connect_inputs(const BusBlock& bus) noexcept {
    const auto mean = [&](const float* const* from, std::vector<float>& to) {
        for (int i = 0; i < bus.frames; ++i)
            to[static_cast<std::size_t>(i)] = 0.5f * (from[0][i] + from[1][i]);
        return static_cast<const float*>(to.data());
    };
    if (inputs_.size() == 1) inputs_[0] = mean(bus.inputs, mono_in_);
    if (inputs_.size() >= 2) {
        inputs_[0] = bus.inputs[0];
        inputs_[1] = bus.inputs[1];
    }
    if (bus.sidechain[0]) {
        if (sidechain_.size() == 1) sidechain_[0] = mean(bus.sidechain, mono_key_);
        if (sidechain_.size() >= 2) {
            sidechain_[0] = bus.sidechain[0];
            sidechain_[1] = bus.sidechain[1];
        }
    }
}

void Slot::collect_outputs(BusBlock& bus) noexcept {
    const auto bytes = static_cast<std::size_t>(bus.frames) * sizeof(float);
    if (outputs_.size() == 1)
        for (float* side : bus.outputs) std::memcpy(side, outputs_[0], bytes);
    else if (outputs_.empty())
        for (int side = 0; side < 2; ++side)
            std::memcpy(bus.outputs[side], bus.inputs[side], bytes);
}

bool Slot::process(BusBlock& bus) noexcept {
    PluginBlock block{};
    block.frames = bus.frames;
    block.events = bus.events;
    block.event_count = bus.event_count;
    block.events_out = bus.events_out;
    block.events_out_capacity = bus.events_out_capacity;
    block.transport = bus.transport;
    bool done = true;
    if (processors_.size() == 2) {
        for (std::size_t side = 0; side < 2; ++side) {
            block.inputs = &bus.inputs[side];
            block.outputs = &bus.outputs[side];
            if (!sidechain_.empty() && bus.sidechain[0]) sidechain_[0] = bus.sidechain[side];
            block.sidechain = bus.sidechain[0] ? sidechain_.data() : nullptr;
            if (side == 1) {
                block.events_out = nullptr;
                block.events_out_capacity = 0;
            }
            done = processors_[side]->process(block) && done;
            if (side == 0) bus.events_out_count = block.events_out_count;
        }
    } else {
        connect_inputs(bus);
        if (outputs_.size() >= 2) {
            outputs_[0] = bus.outputs[0];
            outputs_[1] = bus.outputs[1];
        }
        block.inputs = inputs_.data();
        block.outputs = outputs_.data();
        block.sidechain = bus.sidechain[0] ? sidechain_.data() : nullptr;
        done = processors_[0]->process(block);
        bus.events_out_count = block.events_out_count;
        if (done) collect_outputs(bus);
    }
    if (!done) {
        const auto bytes = static_cast<std::size_t>(bus.frames) * sizeof(float);
        for (int side = 0; side < 2; ++side)
            std::memcpy(bus.outputs[side], bus.inputs[side], bytes);
        bus.events_out_count = 0;
    }
    return done;
}

}  // namespace isobooth::sandbox
