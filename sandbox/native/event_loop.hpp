// SPDX-License-Identifier: GPL-3.0-or-later
//
// Timers and file descriptors that a plugin has asked its host to watch, as editors do, whatever
// its format. All of it is of the main thread, which comes by every now and then: a timer is never
// early, and as late as that.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

namespace isobooth::sandbox {

class EventLoop {
public:
    using Key = std::uint64_t;  // given by the client, one space for timers, one for descriptors

    class Client {
    public:
        virtual void on_timer(Key key) = 0;
        virtual void on_ready(Key key, int descriptor, short events) = 0;

    protected:
        ~Client() = default;
    };

    // What has the key already is replaced. False where there is no more room.
    bool add_timer(Key key, std::uint64_t period_ms);
    bool add_descriptor(Key key, int descriptor, short events);  // as poll() has them
    bool remove_timer(Key key);
    bool remove_descriptor(Key key);

    // Calls for what is due and what is ready. The client may add and remove while it is called.
    void turn(Client& client);

private:
    using Clock = std::chrono::steady_clock;
    struct Timer {
        Key key;
        std::chrono::milliseconds period;
        Clock::time_point due;
    };
    struct Descriptor {
        Key key;
        int number;
        short events;
    };
    // A plugin that asks for more is broken, not busy.
    static constexpr std::size_t kMost = 256;

    void call_due(Client& client);
    void call_ready(Client& client);

    std::vector<Timer> timers_;
    std::vector<Descriptor> descriptors_;
};

}  // namespace isobooth::sandbox
