// SPDX-License-Identifier: GPL-3.0-or-later
//
// A plugin's timers are never early and are called again; descriptors are told of when they are
// ready. A plugin may take both back while it is called, also others than the one that it is called
// for; what it has closed is forgotten.
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

#include "sandbox/native/clap_event_loop.hpp"
#include "tests/native/check.hpp"

using namespace isobooth::sandbox;

namespace {

struct Heard {
    ClapEventLoop loop;
    std::vector<clap::Id> timers;
    std::vector<std::uint32_t> flags;
    clap::Id to_remove = clap::kInvalidId;
    std::vector<int> descriptors;
    int descriptor_to_remove = -1;
};

Heard& of(const clap::Plugin* plugin) { return *static_cast<Heard*>(plugin->data); }

constexpr clap::TimerSupport kTimers{[](const clap::Plugin* plugin, clap::Id id) {
    of(plugin).timers.push_back(id);
    of(plugin).loop.remove_timer(of(plugin).to_remove);
}};
constexpr clap::DescriptorSupport kDescriptors{
    [](const clap::Plugin* plugin, int descriptor, std::uint32_t flags) {
        of(plugin).flags.push_back(flags);
        of(plugin).descriptors.push_back(descriptor);
        of(plugin).loop.remove_descriptor(descriptor);
        of(plugin).loop.remove_descriptor(of(plugin).descriptor_to_remove);
    }};

const void* extension(const clap::Plugin*, const char* id) {
    if (std::strcmp(id, clap::kTimerSupport) == 0) return &kTimers;
    return std::strcmp(id, clap::kDescriptorSupport) == 0 ? &kDescriptors : nullptr;
}

void wait_ms(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

}  // namespace

int main() {
    Heard heard;
    clap::Plugin plugin{};
    plugin.data = &heard;
    plugin.get_extension = &extension;

    clap::Id soon = 0, late = 0;
    CHECK(heard.loop.add_timer(5, &soon) && heard.loop.add_timer(600000, &late), "two timers");
    CHECK(soon != late, "timers have numbers of their own");
    heard.loop.turn(plugin);
    for (int times = 1; times <= 2; ++times) {
        wait_ms(6);
        heard.loop.turn(plugin);
    }
    CHECK(heard.timers == std::vector<clap::Id>({soon, soon}), "%zu calls", heard.timers.size());

    // The first one that is called takes the other one back.
    clap::Id other = 0;
    CHECK(heard.loop.remove_timer(soon) && !heard.loop.remove_timer(soon), "taken back once");
    CHECK(heard.loop.add_timer(1, &soon) && heard.loop.add_timer(1, &other), "two more");
    heard.timers.clear();
    heard.to_remove = other;
    wait_ms(2);
    heard.loop.turn(plugin);
    CHECK(heard.timers == std::vector<clap::Id>({soon}), "%zu calls", heard.timers.size());

    int ends[2];
    CHECK(pipe(ends) == 0, "a pipe");
    CHECK(!heard.loop.add_descriptor(-1, clap::kReadable), "no descriptor");
    CHECK(heard.loop.add_descriptor(ends[0], clap::kReadable), "a descriptor");
    heard.loop.turn(plugin);
    CHECK(heard.flags.empty(), "nothing to read yet");
    CHECK(write(ends[1], "x", 1) == 1, "a byte");
    heard.loop.turn(plugin);
    heard.loop.turn(plugin);
    CHECK(heard.flags == std::vector<std::uint32_t>({clap::kReadable}),
          "told once, then taken back");

    // The first one that is called takes the other one back; both are ready.
    const int same = dup(ends[0]);
    CHECK(heard.loop.add_descriptor(ends[0], clap::kReadable), "once more");
    CHECK(heard.loop.add_descriptor(same, clap::kReadable), "another one");
    heard.descriptor_to_remove = same;
    heard.descriptors.clear();
    heard.loop.turn(plugin);
    CHECK(heard.descriptors == std::vector<int>({ends[0]}), "%zu calls", heard.descriptors.size());
    CHECK(!heard.loop.remove_descriptor(same), "taken back");

    close(ends[0]);
    close(ends[1]);
    close(same);
    CHECK(heard.loop.add_descriptor(same, clap::kReadable), "one that is closed");
    heard.descriptors.clear();
    heard.loop.turn(plugin);
    CHECK(heard.descriptors.empty(), "nothing can be said of what is closed");
    CHECK(!heard.loop.remove_descriptor(same), "forgotten");
    std::puts("clap_event_loop_test: ok");
}
