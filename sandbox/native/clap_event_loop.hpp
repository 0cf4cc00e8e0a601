// SPDX-License-Identifier: GPL-3.0-or-later
//
// The timers and file descriptors of a CLAP plugin (event_loop.hpp), which it knows by numbers.
#pragma once

#include "sandbox/native/clap_abi.hpp"
#include "sandbox/native/event_loop.hpp"

namespace isobooth::sandbox {

class ClapEventLoop {
public:
    bool add_timer(std::uint32_t period_ms, clap::Id* id);
    bool remove_timer(clap::Id id) { return loop_.remove_timer(id); }
    bool add_descriptor(int descriptor, std::uint32_t flags);
    bool change_descriptor(int descriptor, std::uint32_t flags);
    bool remove_descriptor(int descriptor);

    // Calls the plugin for what is due and what is ready.
    void turn(const clap::Plugin& plugin);

private:
    EventLoop loop_;
    clap::Id next_ = 1;
};

}  // namespace isobooth::sandbox
