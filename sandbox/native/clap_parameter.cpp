// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/clap_parameter.hpp"

#include <algorithm>
#include <memory>

#include "sandbox/native/plugin_text.hpp"

namespace isobooth::sandbox {

namespace {

// Larger instruments have some thousands; a plugin that claims more is not believed.
constexpr std::uint32_t kMaxParameters = 16384;
constexpr double kMaxSteps = 65536.0;

}  // namespace

ClapParameter clap_parameter(const clap::ParamInfo& info) {
    ClapParameter parameter;
    parameter.id = std::to_string(info.id);
    parameter.clap_id = info.id;
    parameter.cookie = info.cookie;
    parameter.name = plugin_text(info.name, sizeof info.name);
    parameter.whole = info.flags & clap::kIsStepped;
    parameter.read_only = info.flags & clap::kIsReadOnly;
    parameter.hidden = info.flags & clap::kIsHidden;
    double lowest = info.minimum, highest = info.maximum;
    if (parameter.whole) {
        lowest = std::trunc(lowest);
        highest = std::trunc(highest);
    }
    if (std::isfinite(highest - lowest) && lowest < highest) {
        parameter.minimum = lowest;
        parameter.maximum = highest;
        if (parameter.whole && highest - lowest < kMaxSteps)
            parameter.steps = static_cast<int>(highest - lowest) + 1;
    } else {
        if (std::isfinite(lowest) && std::abs(lowest) < 1e300) parameter.minimum = lowest;
        parameter.maximum = parameter.minimum + std::max(1.0, std::abs(parameter.minimum));
        parameter.read_only = true;
    }
    const double initial = std::isfinite(info.initial) ? info.initial : parameter.minimum;
    parameter.initial = std::clamp(parameter.whole ? std::trunc(initial) : initial,
                                   parameter.minimum, parameter.maximum);
    parameter.automatable = (info.flags & clap::kIsAutomatable) && !parameter.read_only;
    return parameter;
}

std::vector<ClapParameter> clap_parameters(const clap::Plugin& plugin, const clap::Params* params) {
    std::vector<ClapParameter> parameters;
    if (!params || !params->count || !params->get_info) return parameters;
    const std::uint32_t count = std::min(params->count(&plugin), kMaxParameters);
    const auto info = std::make_unique<clap::ParamInfo>();
    for (std::uint32_t index = 0; index < count; ++index) {
        *info = {};
        if (params->get_info(&plugin, index, info.get()))
            parameters.push_back(clap_parameter(*info));
    }
    return parameters;
}

}  // namespace isobooth::sandbox
