// SPDX-License-Identifier: GPL-3.0-or-later
//
// A slot's last blocks for its standby: how far back they go, and which notes are kept from it.
#include "host/native/backlog.hpp"

#include <memory>
#include <vector>

#include "tests/native/check.hpp"

using namespace isobooth::host;
using namespace isobooth::ipc;

namespace {

constexpr std::uint32_t kFrames = 16;
constexpr std::int32_t kFirst = 3, kSecond = 4;  // records

Event midi(int status, int note, int velocity) {
    Event event{};
    event.kind = EventKind::Midi;
    event.offset = 9;
    event.size = 3;
    event.midi[0] = static_cast<std::uint8_t>(status);
    event.midi[1] = static_cast<std::uint8_t>(note);
    event.midi[2] = static_cast<std::uint8_t>(velocity);
    return event;
}

void the_last_blocks_are_held_and_no_others() {
    Backlog backlog(kFrames);
    CHECK(!backlog.holds(0), "there is none");
    for (std::uint64_t number = 0; number < 3 * Backlog::kBlocks; ++number) {
        backlog.block(number).generation = number + 100;
        for (std::uint32_t which = 0; which < Backlog::kPlanes; ++which)
            for (std::uint32_t i = 0; i < kFrames; ++i)
                backlog.plane(number, which)[i] = static_cast<float>(number * 10 + which);
        backlog.commit();
    }
    const std::uint64_t count = backlog.count();
    CHECK(!backlog.holds(count) && !backlog.holds(count - Backlog::kBlocks - 1), "out of reach");
    for (std::uint64_t number = count - Backlog::kBlocks; number < count; ++number) {
        CHECK(backlog.holds(number), "block %lu", static_cast<unsigned long>(number));
        CHECK(backlog.block(number).generation == number + 100, "another block");
        for (std::uint32_t which = 0; which < Backlog::kPlanes; ++which)
            CHECK(backlog.plane(number, which)[kFrames - 1] ==
                      static_cast<float>(number * 10 + which),
                  "another block's sound");
    }
}

void notes_that_begin_are_withheld_and_nothing_else() {
    Backlog backlog(kFrames);
    PastBlock& block = backlog.block(0);
    block.event_count = 0;
    Event knob{};
    knob.kind = EventKind::Parameter;
    knob.midi[0] = 0x90;  // rubbish where it has no MIDI
    knob.midi[2] = 1;
    for (const Event& event : {midi(0x90, 60, 100), midi(0x80, 50, 0), knob, midi(0x91, 61, 1),
                               midi(0x90, 62, 0), midi(0xB0, 64, 127)})
        block.add(event);
    backlog.commit();
    backlog.withhold_notes(kFirst);
    CHECK(block.event_count == 4, "%u", block.event_count);
    CHECK(block.events[0].midi[0] == 0x80 && block.events[1].kind == EventKind::Parameter &&
              block.events[2].midi[1] == 62 && block.events[3].midi[0] == 0xB0,
          "in order");
    CHECK(backlog.withheld_from() == kFirst && backlog.withheld_from() != kSecond, "by whom");
    std::vector<Event> released;
    backlog.release_notes([&](const Event& event) { released.push_back(event); });
    CHECK(released.size() == 2 && released[0].midi[1] == 60 && released[1].midi[1] == 61, "both");
    backlog.release_notes([&](const Event& event) { released.push_back(event); });
    CHECK(released.size() == 2, "once");
}

void what_does_not_fit_is_dropped() {
    const auto block = std::make_unique<PastBlock>();
    for (std::uint32_t i = 0; i < kMaxEvents; ++i) CHECK(block->add(midi(0x90, 1, 1)), "room");
    CHECK(!block->add(midi(0x90, 1, 1)) && block->event_count == kMaxEvents, "no room");
}

}  // namespace

int main() {
    the_last_blocks_are_held_and_no_others();
    notes_that_begin_are_withheld_and_nothing_else();
    what_does_not_fit_is_dropped();
    std::puts("backlog_test: ok");
}
