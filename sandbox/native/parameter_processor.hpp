// SPDX-License-Identifier: GPL-3.0-or-later
//
// The part that all plugins share whose parameters we keep ourselves (LADSPA, pedalboard, built-in
// devices, faults): values that the main thread may set while the audio thread processes, events
// that land on their frame, bounds.
#pragma once

#include <atomic>
#include <memory>

#include "sandbox/native/block_splitter.hpp"
#include "sandbox/native/parameter.hpp"

namespace isobooth::sandbox {

class ParameterProcessor : public Processor {
public:
    bool process(PluginBlock& block) noexcept final;

    const std::vector<Parameter>& parameters() const { return parameters_; }

    // Normalized values; any thread. set_value bounds the value and refuses (false) a wrong index
    // and what is no number; it is heard from the next block on.
    float value(std::size_t index) const noexcept {
        return index < parameters_.size() ? wanted_[index].load(std::memory_order_relaxed) : 0.0f;
    }
    bool set_value(std::size_t index, float normalized) noexcept;

protected:
    // Throws std::runtime_error naming a parameter that cannot be scaled.
    ParameterProcessor(double sample_rate, std::vector<Parameter> parameters);

    // Audio thread, before the first stretch that shall hear the value. All parameters are
    // announced before the first block.
    virtual void parameter_changed(std::size_t index, double plain) noexcept = 0;

    // Audio thread: once a block, before its first stretch.
    virtual void begin_block() noexcept {}

    // Audio thread: one stretch without parameter changes; its events are MIDI.
    virtual bool run(PluginBlock& stretch) noexcept = 0;

    double sample_rate() const { return sample_rate_; }

private:
    void announce(std::size_t index, float normalized) noexcept;

    double sample_rate_;
    std::vector<Parameter> parameters_;
    std::unique_ptr<std::atomic<float>[]> wanted_;

    // Owned by the audio thread.
    struct {
        std::vector<float> heard;  // NaN: not announced yet
    } rt_;
    BlockSplitter splitter_;
};

}  // namespace isobooth::sandbox
