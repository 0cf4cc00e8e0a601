// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/clap_event_loop.hpp"

#include <poll.h>

#include <algorithm>

namespace isobooth::sandbox {

bool ClapEventLoop::add_timer(std::uint32_t period_ms, clap::Id* id) {
    if (!id || timers_.size() == kMost) return false;
    const std::chrono::milliseconds period(std::max(period_ms, 1u));
    timers_.push_back({next_, period, Clock::now() + period});
    *id = next_++;
    return true;
}

bool ClapEventLoop::remove_timer(clap::Id id) {
    return std::erase_if(timers_, [&](const Timer& timer) { return timer.id == id; }) > 0;
}

bool ClapEventLoop::add_descriptor(int descriptor, std::uint32_t flags) {
    if (descriptor < 0 || descriptors_.size() == kMost) return false;
    remove_descriptor(descriptor);
    descriptors_.push_back({descriptor, flags});
    return true;
}

bool ClapEventLoop::change_descriptor(int descriptor, std::uint32_t flags) {
    return remove_descriptor(descriptor) && add_descriptor(descriptor, flags);
}

bool ClapEventLoop::remove_descriptor(int descriptor) {
    return std::erase_if(descriptors_,
                         [&](const Descriptor& one) { return one.number == descriptor; }) > 0;
}

// The plugin may add and remove while it is called: what is called is looked up anew each time.
void ClapEventLoop::turn(const clap::Plugin& plugin) {
    const auto now = Clock::now();
    std::vector<clap::Id> due;
    for (Timer& timer : timers_)
        if (timer.due <= now) {
            timer.due = now + timer.period;
            due.push_back(timer.id);
        }
    const auto* timers = static_cast<const clap::TimerSupport*>(
        due.empty() ? nullptr : plugin.get_extension(&plugin, clap::kTimerSupport));
    for (const clap::Id id : due)
        if (timers && timers->on_timer &&
            std::any_of(timers_.begin(), timers_.end(), [&](const auto& t) { return t.id == id; }))
            timers->on_timer(&plugin, id);
    if (descriptors_.empty()) return;
    const auto* reader = static_cast<const clap::DescriptorSupport*>(
        plugin.get_extension(&plugin, clap::kDescriptorSupport));
    if (!reader || !reader->on_descriptor) return;
    std::vector<int> watched;
    for (const Descriptor& one : descriptors_) watched.push_back(one.number);
    for (const int number : watched) {
        const auto one =
            std::find_if(descriptors_.begin(), descriptors_.end(),
                         [&](const Descriptor& still) { return still.number == number; });
        if (one == descriptors_.end()) continue;
        const auto wants = static_cast<short>((one->flags & clap::kReadable ? POLLIN : 0) |
                                              (one->flags & clap::kWritable ? POLLOUT : 0));
        pollfd ready{number, wants, 0};
        if (poll(&ready, 1, 0) != 1) continue;
        // Closed without having been taken back: it would be ready for ever.
        if (ready.revents & POLLNVAL) {
            remove_descriptor(number);
            continue;
        }
        const std::uint32_t flags = (ready.revents & POLLIN ? clap::kReadable : 0u) |
                                    (ready.revents & POLLOUT ? clap::kWritable : 0u) |
                                    (ready.revents & (POLLERR | POLLHUP) ? clap::kBroken : 0u);
        reader->on_descriptor(&plugin, number, flags);
    }
}

}  // namespace isobooth::sandbox
