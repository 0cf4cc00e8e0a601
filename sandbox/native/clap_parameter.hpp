// SPDX-License-Identifier: GPL-3.0-or-later
//
// A CLAP plugin's parameter, as it describes it, made safe to compute with.
#pragma once

#include <vector>

#include "sandbox/native/clap_abi.hpp"
#include "sandbox/native/parameter.hpp"

namespace isobooth::sandbox {

struct ClapParameter : Parameter {
    clap::Id clap_id = clap::kInvalidId;
    void* cookie = nullptr;  // the plugin's own, given back with each change
    bool whole = false;      // whole plain values only
    bool read_only = false;
    bool hidden = false;
    bool automatable = false;

    // What the plugin is sent for a normalized value. It truncates where it wants whole numbers,
    // so they must not be a hair below.
    double plain(float normalized) const noexcept {
        const double value = to_plain(normalized);
        return whole ? std::round(value) : value;
    }
};

// A broken range (infinite, empty, upside down) makes a parameter that cannot be changed.
ClapParameter clap_parameter(const clap::ParamInfo& info);

// All that the plugin describes, in its order. Main thread.
std::vector<ClapParameter> clap_parameters(const clap::Plugin& plugin, const clap::Params* params);

}  // namespace isobooth::sandbox
