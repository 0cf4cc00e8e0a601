// SPDX-License-Identifier: GPL-3.0-or-later
//
// The audio ports of a CLAP plugin, and which of them a slot uses.
#pragma once

#include <vector>

#include "sandbox/native/clap_abi.hpp"

namespace isobooth::sandbox {

constexpr int kNoPort = -1;

struct ClapLayout {
    std::vector<int> inputs, outputs;  // channels of each port
    int main_in = kNoPort;
    int key = kNoPort;  // the side-chain: the first input that is not the main one
    int main_out = kNoPort;
    bool in_place = true;  // the main output may lie over the main input

    static int channels(const std::vector<int>& ports, int port) {
        return port == kNoPort ? 0 : ports[static_cast<std::size_t>(port)];
    }
    bool operator==(const ClapLayout&) const = default;
};

// Main thread, not active. An instrument without a declared main input has none: its inputs are
// side-chains. Throws TooLarge for ports that no slot can carry.
ClapLayout clap_layout(const clap::Plugin& plugin, const clap::AudioPorts* ports,
                       bool is_instrument);

}  // namespace isobooth::sandbox
