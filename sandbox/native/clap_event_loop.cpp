// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/clap_event_loop.hpp"

#include <poll.h>

namespace isobooth::sandbox {

namespace {

// There is one watch for each descriptor, so its number is its key.
EventLoop::Key key_of(int descriptor) { return static_cast<unsigned>(descriptor); }

struct Calls final : EventLoop::Client {
    explicit Calls(const clap::Plugin& called) : plugin(called) {}

    template <class T>
    const T* extension(const char* id) const {
        return static_cast<const T*>(plugin.get_extension(&plugin, id));
    }

    void on_timer(EventLoop::Key key) override {
        const auto* timers = extension<clap::TimerSupport>(clap::kTimerSupport);
        if (timers && timers->on_timer) timers->on_timer(&plugin, static_cast<clap::Id>(key));
    }

    void on_ready(EventLoop::Key, int descriptor, short events) override {
        const auto* reader = extension<clap::DescriptorSupport>(clap::kDescriptorSupport);
        if (!reader || !reader->on_descriptor) return;
        const std::uint32_t flags = (events & POLLIN ? clap::kReadable : 0u) |
                                    (events & POLLOUT ? clap::kWritable : 0u) |
                                    (events & (POLLERR | POLLHUP) ? clap::kBroken : 0u);
        reader->on_descriptor(&plugin, descriptor, flags);
    }

    const clap::Plugin& plugin;
};

}  // namespace

bool ClapEventLoop::add_timer(std::uint32_t period_ms, clap::Id* id) {
    if (!id || !loop_.add_timer(next_, period_ms)) return false;
    *id = next_++;
    return true;
}

bool ClapEventLoop::add_descriptor(int descriptor, std::uint32_t flags) {
    const auto events = static_cast<short>((flags & clap::kReadable ? POLLIN : 0) |
                                           (flags & clap::kWritable ? POLLOUT : 0));
    return loop_.add_descriptor(key_of(descriptor), descriptor, events);
}

bool ClapEventLoop::change_descriptor(int descriptor, std::uint32_t flags) {
    return remove_descriptor(descriptor) && add_descriptor(descriptor, flags);
}

bool ClapEventLoop::remove_descriptor(int descriptor) {
    return loop_.remove_descriptor(key_of(descriptor));
}

void ClapEventLoop::turn(const clap::Plugin& plugin) {
    Calls calls(plugin);
    loop_.turn(calls);
}

}  // namespace isobooth::sandbox
