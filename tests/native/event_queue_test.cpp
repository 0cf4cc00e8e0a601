// SPDX-License-Identifier: GPL-3.0-or-later
//
// The queue of one slot's events: what is kept while the slot does not run, what is chased after a
// restart, and that neither a flood nor an overflow ever costs the end of a note.
#include "host/native/event_queue.hpp"

#include <chrono>
#include <string>
#include <vector>

#include "tests/native/check.hpp"

using isobooth::host::EventQueue;
using namespace isobooth::ipc;

namespace {

Event midi(int status, int first, int second, std::uint32_t offset = 0) {
    Event event{};
    event.kind = EventKind::Midi;
    event.offset = offset;
    event.size = 3;
    event.midi[0] = static_cast<std::uint8_t>(status);
    event.midi[1] = static_cast<std::uint8_t>(first);
    event.midi[2] = static_cast<std::uint8_t>(second);
    return event;
}

Event parameter(std::uint32_t index, float value, std::uint64_t edit) {
    Event event{};
    event.kind = EventKind::Parameter;
    event.index = index;
    event.value = value;
    event.edit = edit;
    event.offset = 7;
    return event;
}

Event program(std::uint32_t index) {
    Event event{};
    event.kind = EventKind::Program;
    event.index = index;
    return event;
}

std::string text(const Event& event) {
    char line[64];
    switch (event.kind) {
        case EventKind::Parameter:
            std::snprintf(line, sizeof line, "p%u=%g#%lu", event.index,
                          static_cast<double>(event.value), static_cast<unsigned long>(event.edit));
            break;
        case EventKind::Program:
            std::snprintf(line, sizeof line, "program %u", event.index);
            break;
        default:
            std::snprintf(line, sizeof line, "%02x %d %d", event.midi[0], event.midi[1],
                          event.midi[2]);
    }
    return std::string(line) + "@" + std::to_string(event.offset);
}

std::string take(EventQueue& queue, std::uint32_t capacity = kMaxEvents) {
    std::vector<Event> taken(capacity);
    const std::uint32_t count = queue.take(taken.data(), capacity);
    std::string all;
    for (std::uint32_t i = 0; i < count; ++i) all += (i ? ", " : "") + text(taken[i]);
    return all;
}

void expect(const std::string& got, const std::string& wanted) {
    CHECK(got == wanted, "got \"%s\", wanted \"%s\"", got.c_str(), wanted.c_str());
}

void what_runs_is_passed_on_as_it_is() {
    EventQueue queue;
    queue.add(midi(0x90, 60, 1, 3));
    queue.add(midi(0x80, 60, 0, 3));
    queue.add(midi(0x90, 60, 2, 9));
    queue.add(parameter(1, 0.5f, 1));
    queue.add(parameter(1, 0.25f, 2));
    expect(take(queue), "90 60 1@3, 80 60 0@3, 90 60 2@9, p1=0.5#1@7, p1=0.25#2@7");
    expect(take(queue), "");
}

void what_is_held_is_coalesced_in_order_and_loses_its_note_ons() {
    EventQueue queue;
    queue.add(midi(0xB0, 1, 10, 5));
    queue.add(midi(0x90, 60, 100, 6));
    queue.hold();
    queue.add(parameter(4, 0.1f, 1));
    queue.add(midi(0x80, 60, 0, 7));
    queue.add(midi(0xB0, 1, 20, 5));
    queue.add(midi(0xB1, 1, 30, 5));
    queue.hold();
    queue.add(parameter(4, 0.2f, 2));
    queue.add(program(3));
    queue.add(midi(0xD0, 1, 0));
    queue.add(program(4));
    queue.add(midi(0xD0, 2, 0));
    queue.add(midi(0x90, 61, 0, 4));  // a note-off too
    queue.hold();
    queue.hold();
    expect(take(queue),
           "80 60 0@0, b0 1 20@0, b1 1 30@0, p4=0.2#2@0, program 4@0, d0 2 0@0, 90 61 0@0");
}

void an_edit_that_is_coalesced_away_counts_as_applied() {
    EventQueue queue;
    queue.add(parameter(4, 0.1f, 9));
    queue.add(parameter(4, 0.2f, 0));  // automation: no edit
    queue.hold();
    expect(take(queue), "p4=0.2#9@0");
}

void a_block_that_was_not_run_comes_first_again() {
    EventQueue queue;
    queue.add(midi(0x80, 60, 0, 3));
    queue.add(midi(0xB0, 1, 1, 3));
    queue.add(midi(0x90, 62, 9, 3));
    take(queue);
    queue.add(midi(0xB0, 1, 2, 4));
    queue.take_back();
    expect(take(queue), "80 60 0@0, b0 1 2@0");
    queue.add(midi(0x80, 62, 0));
    take(queue);
    queue.take_back();
    queue.take_back();  // only once
    expect(take(queue), "80 62 0@0");
}

void what_has_no_room_in_a_block_follows_in_the_next() {
    EventQueue queue;
    for (int note = 0; note < 5; ++note) queue.add(midi(0x90, note, 1, 8));
    expect(take(queue, 2), "90 0 1@8, 90 1 1@8");
    expect(take(queue, 2), "90 2 1@0, 90 3 1@0");
    expect(take(queue, 2), "90 4 1@0");
}

void a_fresh_instance_learns_program_controllers_and_held_notes() {
    EventQueue queue;
    for (const Event& event :
         {midi(0xB0, 7, 90, 0), midi(0xC0, 12, 0), midi(0xB0, 32, 2), midi(0xE0, 1, 65),
          midi(0xD0, 33, 0), midi(0x90, 60, 99), midi(0x90, 61, 98), midi(0x95, 62, 97),
          midi(0x80, 61, 0), midi(0x90, 63, 96)})
        queue.add(event);
    take(queue);
    queue.add(midi(0x80, 63, 0, 5));  // ends while the plugin is away: not chased
    queue.add(midi(0x90, 64, 50, 5));
    queue.hold();
    queue.chase();
    expect(take(queue),
           "b0 32 2@0, c0 12 0@0, b0 7 90@0, e0 1 65@0, d0 33 0@0, 90 60 99@0, 95 62 97@0, "
           "80 63 0@0");
}

void what_a_plugin_dies_of_neither_waits_nor_is_chased() {
    EventQueue queue;
    for (const Event& event : {midi(0x90, 60, 1), midi(0x90, 61, 1), midi(0xB0, 7, 99),
                               midi(0xB0, 8, 99), parameter(3, 0.5f, 1), parameter(4, 0.5f, 2)})
        queue.add(event);
    take(queue);
    queue.take_back();
    queue.forget(midi(0x90, 61, 1));
    queue.forget(midi(0xB0, 7, 99));
    queue.forget(parameter(3, 0.5f, 1));
    queue.chase();
    expect(take(queue), "b0 8 99@0, 90 60 1@0, b0 8 99@0, p4=0.5#2@0");
    queue.add(parameter(3, 0.6f, 3));  // anew
    queue.add(midi(0x90, 61, 2));
    expect(take(queue), "p3=0.6#3@7, 90 61 2@0");
}

void channel_modes_do_what_they_say() {
    EventQueue queue;
    for (const Event& event : {midi(0xB0, 1, 5), midi(0xB0, 7, 6), midi(0xB0, 64, 127),
                               midi(0xE0, 0, 1), midi(0x90, 60, 9), midi(0x91, 60, 9)})
        queue.add(event);
    queue.add(midi(0xB0, 121, 0));  // reset controllers: volume stays, notes stay
    take(queue);
    queue.chase();
    expect(take(queue), "b0 7 6@0, 90 60 9@0, 91 60 9@0");
    queue.add(midi(0xB0, 122, 0));  // local control
    queue.add(midi(0xB0, 123, 0));  // all notes off
    take(queue);
    queue.chase();
    expect(take(queue), "b0 7 6@0, 91 60 9@0");
}

void what_another_sent_is_let_go_of() {
    EventQueue queue;
    queue.observe(midi(0x92, 60, 9));
    queue.observe(midi(0xB2, 64, 100));
    queue.observe(midi(0xB2, 66, 10));
    queue.add(midi(0x92, 50, 9, 4));
    queue.let_go();
    expect(take(queue), "b2 64 0@0, 82 60 0@0, 92 50 9@4");
    queue.let_go();
    expect(take(queue), "82 50 0@0");
}

void the_end_of_a_note_is_never_lost_in_a_flood() {
    EventQueue queue;
    for (std::uint32_t i = 0; i < 3 * EventQueue::kCapacity; ++i) queue.add(parameter(i, 0, i));
    CHECK(queue.size() == EventQueue::kCapacity, "%zu events", queue.size());
    for (int channel = 0; channel < 16; ++channel)
        for (int note = 0; note < 128; ++note) queue.add(midi(0x80 | channel, note, 0));
    queue.hold();
    std::vector<bool> ended(16 * 128);
    std::vector<Event> taken(kMaxEvents);
    while (const std::uint32_t count = queue.take(taken.data(), kMaxEvents))
        for (std::uint32_t i = 0; i < count; ++i)
            if (taken[i].kind == EventKind::Midi)
                ended[(taken[i].midi[0] & 0x0fu) * 128u + taken[i].midi[1]] = true;
    for (std::size_t i = 0; i < ended.size(); ++i) CHECK(ended[i], "note %zu", i);
    CHECK(queue.dropped() > 0, "a flood of distinct events has to cost something");
}

// An hour in a queue that stays full: a block's share of work must not depend on how long.
void holding_a_full_queue_costs_next_to_nothing() {
    EventQueue queue;
    for (std::uint32_t i = 0; i < EventQueue::kCapacity - 1; ++i) queue.add(parameter(i, 0, i));
    queue.hold();
    const auto hold = [&](int blocks, bool with_news) {
        const auto start = std::chrono::steady_clock::now();
        for (int i = 0; i < blocks; ++i) {
            if (with_news) queue.add(parameter(5, static_cast<float>(i), 1));
            queue.hold();
        }
        const std::chrono::duration<double, std::micro> took =
            std::chrono::steady_clock::now() - start;
        return took.count() / blocks;
    };
    // Measured: 0.001 and 7 us. The bounds leave room for sanitizers and busy machines.
    const double idle_us = hold(10000, false);
    const double busy_us = hold(300, true);
    CHECK(idle_us < 1.0, "%g us a block without news", idle_us);
    CHECK(busy_us < 1500.0, "%g us a block with news", busy_us);
}

void a_standby_knows_what_the_other_one_was_told_and_what_waits_for_it() {
    EventQueue playing, standby;
    playing.add(midi(0x90, 60, 100));
    playing.add(midi(0x90, 61, 100));
    playing.add(midi(0xB0, 7, 90));
    take(playing);
    playing.add(parameter(3, 0.5f, 8));
    playing.add(midi(0x80, 61, 0, 5));
    standby.add(midi(0x90, 1, 1));  // of the one who stood by before
    standby.follow(playing);
    const std::string given = take(standby);
    CHECK(given == "b0 7 90@0, 90 60 100@0, p3=0.5#8@7, 80 61 0@5", "%s", given.c_str());
    const std::string left = take(playing);
    CHECK(left == "p3=0.5#8@7, 80 61 0@5", "the other one is given the same: %s", left.c_str());
}

void a_note_that_was_withheld_is_not_chased() {
    EventQueue standby, next;
    standby.add(midi(0x90, 60, 100));
    standby.add(midi(0x90, 61, 100));
    take(standby);
    standby.never_had(midi(0x90, 61, 100));
    next.follow(standby);
    const std::string chased = take(next);
    CHECK(chased == "90 60 100@0", "%s", chased.c_str());
}

}  // namespace

int main() {
    what_runs_is_passed_on_as_it_is();
    what_is_held_is_coalesced_in_order_and_loses_its_note_ons();
    an_edit_that_is_coalesced_away_counts_as_applied();
    a_block_that_was_not_run_comes_first_again();
    what_has_no_room_in_a_block_follows_in_the_next();
    a_fresh_instance_learns_program_controllers_and_held_notes();
    what_a_plugin_dies_of_neither_waits_nor_is_chased();
    channel_modes_do_what_they_say();
    what_another_sent_is_let_go_of();
    a_standby_knows_what_the_other_one_was_told_and_what_waits_for_it();
    a_note_that_was_withheld_is_not_chased();
    the_end_of_a_note_is_never_lost_in_a_flood();
    holding_a_full_queue_costs_next_to_nothing();
    std::puts("event_queue_test: ok");
}
