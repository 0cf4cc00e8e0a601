// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/parameter_processor.hpp"

namespace isobooth::sandbox {

ParameterProcessor::ParameterProcessor(double sample_rate, std::vector<Parameter> parameters)
    : sample_rate_(sample_rate),
      parameters_(std::move(parameters)),
      wanted_(new std::atomic<float>[parameters_.size()]),
      splitter_(sample_rate) {
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
        if (!parameters_[i].valid())
            throw std::runtime_error("parameter " + std::to_string(i) + " ('" +
                                     parameters_[i].name + "') has no usable range");
        wanted_[i].store(parameters_[i].to_normalized(parameters_[i].initial));
    }
    rt_.heard.assign(parameters_.size(), std::numeric_limits<float>::quiet_NaN());
}

bool ParameterProcessor::set_value(std::size_t index, float normalized) noexcept {
    if (index >= parameters_.size() || !std::isfinite(normalized)) return false;
    const double position = parameters_[index].snapped(std::clamp(normalized, 0.0f, 1.0f));
    wanted_[index].store(static_cast<float>(position), std::memory_order_relaxed);
    return true;
}

void ParameterProcessor::announce(std::size_t index, float normalized) noexcept {
    rt_.heard[index] = normalized;
    parameter_changed(index, parameters_[index].to_plain(normalized));
}

bool ParameterProcessor::process(PluginBlock& block) noexcept {
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
        const float wanted = wanted_[i].load(std::memory_order_relaxed);
        if (!(rt_.heard[i] == wanted)) announce(i, wanted);
    }
    begin_block();
    return splitter_(
        *this, block,
        [this](std::size_t index, float normalized) {
            if (!set_value(index, normalized)) return;
            if (const float wanted = value(index); !(rt_.heard[index] == wanted))
                announce(index, wanted);
        },
        [this](PluginBlock& stretch) { return run(stretch); });
}

}  // namespace isobooth::sandbox
