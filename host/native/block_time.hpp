// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a block of the engine is about, the same for all chains.
//
// Offline, one block of the engine holds several that the plugins are called with. Whatever is
// counted for people is counted in those, so that no count depends on how they were handed over.
#pragma once

#include <cstdint>

#include "ipc/native/layout.hpp"

namespace isobooth::host {

struct BlockTime {
    std::uint64_t block;       // the engine's own count
    std::uint64_t first_part;  // of the plugins' blocks, how many were before this one
    int frames;
    int part_frames;  // what a plugin is called with
    ipc::Transport transport;
    std::uint64_t deadline_ns;
    bool offline;               // no clock: wait for every block
    std::uint64_t patience_ns;  // offline: how long a chain is waited for

    // How many blocks of the plugins' this is.
    std::uint64_t parts() const {
        return static_cast<std::uint64_t>((frames + part_frames - 1) / part_frames);
    }
};

}  // namespace isobooth::host
