// SPDX-License-Identifier: GPL-3.0-or-later
//
// The audio thread at normal priority, as the watchdog sees to it that it gets a processor.
//
// A thread that wakes while every core is busy is queued behind whoever runs on one of them, and
// the kernel lets that one keep its core until the next tick, 4 ms on many machines, if the one that
// wakes has had a hair more than its share. Nobody comes for it when another core falls idle
// meanwhile. So whoever the kernel wakes there takes it along.
#pragma once

#include <atomic>

namespace isobooth::host {

class AudioThread {
public:
    // ---- audio thread, between blocks ----
    // Who renders from now on; 0: one at real-time priority, for whom the kernel does all this.
    void is(int thread) noexcept { thread_.store(thread, std::memory_order_relaxed); }

    // ---- watchdog ----
    // Takes it to another core, this one if it can, if it does not run. Only for one that has
    // nothing to wait for. Returns whether it was moved.
    bool fetch() const noexcept;

private:
    std::atomic<int> thread_{0};
};

}  // namespace isobooth::host
