// SPDX-License-Identifier: GPL-3.0-or-later
//
// Timers and file descriptors that a CLAP plugin has asked its host to watch, as editors do. All of
// it is of the main thread, which comes by every now and then: a timer is never early, and as late
// as that.
#pragma once

#include <chrono>
#include <vector>

#include "sandbox/native/clap_abi.hpp"

namespace isobooth::sandbox {

class ClapEventLoop {
public:
    bool add_timer(std::uint32_t period_ms, clap::Id* id);
    bool remove_timer(clap::Id id);
    bool add_descriptor(int descriptor, std::uint32_t flags);
    bool change_descriptor(int descriptor, std::uint32_t flags);
    bool remove_descriptor(int descriptor);

    // Calls the plugin for what is due and what is ready.
    void turn(const clap::Plugin& plugin);

private:
    using Clock = std::chrono::steady_clock;
    struct Timer {
        clap::Id id;
        std::chrono::milliseconds period;
        Clock::time_point due;
    };
    struct Descriptor {
        int number;
        std::uint32_t flags;
    };
    // A plugin that asks for more is broken, not busy.
    static constexpr std::size_t kMost = 256;

    std::vector<Timer> timers_;
    std::vector<Descriptor> descriptors_;
    clap::Id next_ = 1;
};

}  // namespace isobooth::sandbox
