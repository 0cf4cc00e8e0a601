// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/event_loop.hpp"

#include <poll.h>

#include <algorithm>

namespace isobooth::sandbox {

namespace {

// Longer than anybody waits, and short enough to be added to a time.
constexpr std::uint64_t kLongestMs = 24ull * 60 * 60 * 1000;

template <class Entries>
auto find(Entries& entries, EventLoop::Key key) {
    return std::find_if(entries.begin(), entries.end(),
                        [&](const auto& one) { return one.key == key; });
}

template <class Entries>
std::vector<EventLoop::Key> keys_of(const Entries& entries) {
    std::vector<EventLoop::Key> keys;
    for (const auto& one : entries) keys.push_back(one.key);
    return keys;
}

}  // namespace

bool EventLoop::add_timer(Key key, std::uint64_t period_ms) {
    remove_timer(key);
    if (timers_.size() == kMost) return false;
    const std::chrono::milliseconds period(std::clamp<std::uint64_t>(period_ms, 1, kLongestMs));
    timers_.push_back({key, period, Clock::now() + period});
    return true;
}

bool EventLoop::add_descriptor(Key key, int descriptor, short events) {
    remove_descriptor(key);
    if (descriptor < 0 || descriptors_.size() == kMost) return false;
    descriptors_.push_back({key, descriptor, events});
    return true;
}

bool EventLoop::remove_timer(Key key) {
    return std::erase_if(timers_, [&](const Timer& one) { return one.key == key; }) > 0;
}

bool EventLoop::remove_descriptor(Key key) {
    return std::erase_if(descriptors_, [&](const Descriptor& one) { return one.key == key; }) > 0;
}

// What is called is looked up anew each time: an earlier call may have taken it back.
void EventLoop::turn(Client& client) {
    call_due(client);
    call_ready(client);
}

void EventLoop::call_due(Client& client) {
    const auto now = Clock::now();
    for (const Key key : keys_of(timers_)) {
        const auto timer = find(timers_, key);
        if (timer == timers_.end() || timer->due > now) continue;
        timer->due = now + timer->period;
        client.on_timer(key);
    }
}

void EventLoop::call_ready(Client& client) {
    for (const Key key : keys_of(descriptors_)) {
        const auto one = find(descriptors_, key);
        if (one == descriptors_.end()) continue;
        pollfd ready{one->number, one->events, 0};
        if (poll(&ready, 1, 0) != 1) continue;
        // Closed without having been taken back: it would be ready for ever.
        if (ready.revents & POLLNVAL)
            remove_descriptor(key);
        else
            client.on_ready(key, ready.fd, ready.revents);
    }
}

}  // namespace isobooth::sandbox
