// SPDX-License-Identifier: GPL-3.0-or-later
//
// A block may carry as many events as the host and a plugin upstream send; a plugin may take fewer
// in one call. All must arrive, in order, as near to their frames as that allows.
#include <cstdio>
#include <vector>

#include "sandbox/native/block_splitter.hpp"
#include "tests/native/check.hpp"

using namespace isobooth;
using namespace isobooth::sandbox;

namespace {

class Plugin : public Processor {
public:
    bool process(PluginBlock&) noexcept override { return true; }
};

struct Heard {
    std::vector<int> numbers, frames;  // of each event
    int stretches = 0, most = 0, frames_run = 0;
};

// `events` notes, all at `offset`, numbered by their data bytes.
Heard split(int events, std::uint32_t offset, int frames, int max_midi) {
    std::vector<ipc::Event> block_events(static_cast<std::size_t>(events));
    for (int i = 0; i < events; ++i) {
        ipc::Event& event = block_events[static_cast<std::size_t>(i)];
        event.offset = offset;
        event.kind = ipc::EventKind::Midi;
        event.size = 3;
        event.midi[0] = 0x80;
        event.midi[1] = static_cast<std::uint8_t>(i / 128);
        event.midi[2] = static_cast<std::uint8_t>(i % 128);
    }
    const ipc::Transport transport{};
    PluginBlock block{};
    block.frames = frames;
    block.events = block_events.data();
    block.event_count = events;
    block.transport = &transport;
    Heard heard;
    BlockSplitter splitter(48000.0, max_midi);
    splitter(
        Plugin(), block, [](std::uint32_t, float) {},
        [&](PluginBlock& stretch) {
            for (int i = 0; i < stretch.event_count; ++i) {
                const ipc::Event& event = stretch.events[i];
                heard.numbers.push_back(event.midi[1] * 128 + event.midi[2]);
                heard.frames.push_back(heard.frames_run + static_cast<int>(event.offset));
            }
            heard.most = std::max(heard.most, stretch.event_count);
            heard.frames_run += stretch.frames;
            ++heard.stretches;
            return true;
        });
    return heard;
}

}  // namespace

int main() {
    for (const int max_midi : {1, 64, 256, kMaxBlockEvents})
        for (const int frames : {16, 128, 2048})
            for (const std::uint32_t offset : {0u, 5u, static_cast<std::uint32_t>(frames - 1)})
                for (const int events : {0, 1, 256, 257, 700, kMaxBlockEvents}) {
                    if (events > frames * max_midi) continue;  // no room whatever one does
                    const Heard heard = split(events, offset, frames, max_midi);
                    CHECK(static_cast<int>(heard.numbers.size()) == events, "%d of %d at %u, %d",
                          static_cast<int>(heard.numbers.size()), events, offset, max_midi);
                    CHECK(heard.most <= max_midi, "%d in one call", heard.most);
                    CHECK(heard.frames_run == frames, "%d frames", heard.frames_run);
                    const int away = std::max(0, events - 1) / max_midi;
                    for (int i = 0; i < events; ++i) {
                        const auto at = static_cast<std::size_t>(i);
                        CHECK(heard.numbers[at] == i, "out of order");
                        CHECK(std::abs(heard.frames[at] - static_cast<int>(offset)) <= away,
                              "event %d at %d instead of %u", i, heard.frames[at], offset);
                    }
                    if (events <= max_midi)
                        CHECK(heard.stretches == 1, "no cut without need: %d", heard.stretches);
                }
    CHECK(split(0, 0, 0, 64).stretches == 1, "a block without frames is a call all the same");
    std::puts("block_splitter_test: ok");
}
