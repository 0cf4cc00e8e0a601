// SPDX-License-Identifier: GPL-3.0-or-later
//
// The events on their way to one plugin slot, and what the plugin should know by now.
//
// A slot that does not run keeps its events: coalesced in order, they are delivered at offset 0 of
// its next block, all but note-ons (a note that begins late is worse than none) and never without
// the note-offs. After a restart, program, controllers and held notes are chased.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "host/native/realtime.hpp"
#include "ipc/native/layout.hpp"

namespace isobooth::host {

class EventQueue {
public:
    static constexpr std::size_t kCapacity = 2048;

    EventQueue() {
        // Room for what is put before a full queue: a block taken back, and a chase.
        events_.resize(kCapacity + 2 * ipc::kMaxEvents);
        scratch_.resize(events_.size());
        controllers_.fill(kUnset);
        pressure_.fill(kUnset);
        program_.fill(kUnset);
        bend_.fill(kUnset);
    }

    // Adds an event of the coming block. A full queue is coalesced; if that is no help, the ends
    // of notes push out other events, and whatever else comes is dropped: counted in dropped().
    void add(const ipc::Event& event) ISB_RT {
        if (count_ >= kCapacity) coalesce();
        if (count_ >= kCapacity) {
            ++dropped_;
            if (!is_note_off(event)) return;
            std::size_t victim = 0;
            while (victim < count_ && is_note_off(events_[victim])) ++victim;
            if (victim == count_) return;  // there are no more notes than that
            remove(victim);
        }
        events_[count_++] = event;
    }

    // Copies at most `capacity` events, in order, and remembers them as sent. The rest stays for
    // the next block, at offset 0.
    std::uint32_t take(ipc::Event* to, std::uint32_t capacity) ISB_RT {
        const std::size_t taken = count_ < capacity ? count_ : capacity;
        std::memcpy(to, events_.data(), taken * sizeof(ipc::Event));
        std::memcpy(sent_.data(), events_.data(), taken * sizeof(ipc::Event));
        sent_count_ = taken;
        count_ -= taken;
        std::memmove(events_.data(), events_.data() + taken, count_ * sizeof(ipc::Event));
        for (std::size_t i = 0; i < count_; ++i) events_[i].offset = 0;
        settled_ = 0;
        for (std::size_t i = 0; i < taken; ++i) observe(to[i]);
        return static_cast<std::uint32_t>(taken);
    }

    // The block that take() filled was not run: its events come first again.
    void take_back() ISB_RT {
        if (sent_count_ == 0) return;
        put_first(sent_.data(), sent_count_);
        sent_count_ = 0;
        hold();
    }

    // The slot does not run this block: everything waits for its next one.
    void hold() ISB_RT {
        if (count_ == settled_) return;
        coalesce();
        for (std::size_t i = 0; i < count_; ++i) events_[i].offset = 0;
        settled_ = count_;
    }

    // A fresh plugin instance must learn program, controllers and held notes: they come first.
    void chase() ISB_RT {
        coalesce();
        // What ends here need not be chased.
        for (std::size_t i = 0; i < count_; ++i) observe(events_[i]);
        made_ = 0;
        for (std::uint8_t channel = 0; channel < 16; ++channel) {
            const auto chase_controller = [&](std::uint8_t number) {
                if (controller(channel, number) != kUnset)
                    make(0xB0 | channel, number, controller(channel, number));
            };
            for (const std::uint8_t bank : kBanks) chase_controller(bank);
            if (program_[channel] != kUnset) make(0xC0 | channel, program_[channel], 0);
            for (std::uint8_t number = 0; number < kModes; ++number)
                if (number != kBanks[0] && number != kBanks[1]) chase_controller(number);
            if (bend_[channel] != kUnset)
                make(0xE0 | channel, bend_[channel] & 0x7f, bend_[channel] >> 7);
            if (pressure_[channel] != kUnset) make(0xD0 | channel, pressure_[channel], 0);
        }
        for (std::uint8_t channel = 0; channel < 16; ++channel)
            for (std::uint8_t note = 0; note < 128; ++note)
                if (velocity(channel, note)) make(0x90 | channel, note, velocity(channel, note));
        put_first(made_events_.data(), made_);
    }

    // A plugin that stands by for another one must know what that has been told, and what waits
    // for it.
    void follow(const EventQueue& other) ISB_RT {
        std::copy_n(other.events_.data(), other.count_, events_.data());
        count_ = other.count_;
        sent_count_ = settled_ = 0;
        velocity_ = other.velocity_;
        controllers_ = other.controllers_;
        program_ = other.program_;
        pressure_ = other.pressure_;
        bend_ = other.bend_;
        chase();
    }

    // Who sent the notes that the plugin holds will not end them: they and the pedals are ended
    // first of all.
    void let_go() ISB_RT {
        made_ = 0;
        for (std::uint8_t channel = 0; channel < 16; ++channel) {
            for (const std::uint8_t pedal : {kSustain, kSostenuto})
                if (controller(channel, pedal) != kUnset && controller(channel, pedal) >= 64)
                    make(0xB0 | channel, pedal, 0);
            for (std::uint8_t note = 0; note < 128; ++note)
                if (velocity(channel, note)) make(0x80 | channel, note, 0);
        }
        put_first(made_events_.data(), made_);
    }

    // The plugin dies of this event: it neither waits nor is chased.
    void forget(const ipc::Event& poison) ISB_RT {
        for (std::size_t i = count_; i-- > 0;)
            if (key_of(events_[i]) == key_of(poison)) remove(i);
        if (poison.kind != ipc::EventKind::Midi) return;
        const std::uint8_t channel = poison.midi[0] & 0x0f, first = poison.midi[1] & 0x7f;
        switch (command(poison)) {
            case 0x90:
                velocity(channel, first) = 0;
                break;
            case 0xB0:
                controller(channel, first) = kUnset;
                break;
            case 0xC0:
                program_[channel] = kUnset;
                break;
            case 0xD0:
                pressure_[channel] = kUnset;
                break;
            case 0xE0:
                bend_[channel] = kUnset;
                break;
            default:
                break;
        }
    }

    // The plugin has not been given this note, although it was taken for it.
    void never_had(const ipc::Event& note) ISB_RT {
        velocity(note.midi[0] & 0x0f, note.midi[1] & 0x7f) = 0;
    }

    // The plugin has been given this event, by us or by the plugin before it.
    void observe(const ipc::Event& event) ISB_RT {
        if (event.kind != ipc::EventKind::Midi) return;
        const std::uint8_t channel = event.midi[0] & 0x0f;
        const std::uint8_t first = event.midi[1] & 0x7f;
        switch (command(event)) {
            case 0x90:
                velocity(channel, first) = event.midi[2];
                break;
            case 0x80:
                velocity(channel, first) = 0;
                break;
            case 0xB0:
                observe_controller(channel, first, event.midi[2]);
                break;
            case 0xC0:
                program_[channel] = first;
                break;
            case 0xD0:
                pressure_[channel] = first;
                break;
            case 0xE0:
                bend_[channel] = static_cast<std::uint16_t>(first | (event.midi[2] & 0x7f) << 7);
                break;
            default:
                break;
        }
    }

    std::size_t size() const ISB_RT { return count_; }
    std::uint64_t dropped() const ISB_RT { return dropped_; }

private:
    static constexpr std::uint16_t kUnset = 0xffff;
    static constexpr std::array<std::uint8_t, 2> kBanks = {0, 32};  // pick what a program means
    static constexpr std::uint8_t kSustain = 64, kSostenuto = 66;
    static constexpr std::uint8_t kModes = 120;  // channel mode messages from here on

    static std::uint8_t command(const ipc::Event& event) { return event.midi[0] & 0xf0; }
    static bool is_note_on(const ipc::Event& event) {
        return event.kind == ipc::EventKind::Midi && command(event) == 0x90 && event.midi[2] > 0;
    }
    static bool is_note_off(const ipc::Event& event) {
        return event.kind == ipc::EventKind::Midi &&
               (command(event) == 0x80 || (command(event) == 0x90 && event.midi[2] == 0));
    }

    std::uint8_t& velocity(std::size_t channel, std::size_t note) ISB_RT {
        return velocity_[channel * 128 + note];
    }
    std::uint16_t& controller(std::size_t channel, std::size_t number) ISB_RT {
        return controllers_[channel * 128 + number];
    }

    void observe_controller(std::uint8_t channel, std::uint8_t number, std::uint8_t value) ISB_RT {
        if (number < kModes) {
            controller(channel, number) = value;
        } else if (number == 121) {
            // Reset all controllers: these and no others (MIDI recommended practice 015).
            for (const std::uint8_t reset : {1, 11, 64, 65, 66, 67, 98, 99, 100, 101})
                controller(channel, reset) = kUnset;
            bend_[channel] = pressure_[channel] = kUnset;
        } else if (number != 122) {  // local control; all others end the notes
            std::fill_n(&velocity(channel, 0), 128, std::uint8_t{0});
        }
    }

    void make(int status, int first, int second) ISB_RT {
        if (made_ == made_events_.size()) return;
        ipc::Event& event = made_events_[made_++];
        event = {};
        event.kind = ipc::EventKind::Midi;
        event.midi[0] = static_cast<std::uint8_t>(status);
        event.midi[1] = static_cast<std::uint8_t>(first);
        event.midi[2] = static_cast<std::uint8_t>(second);
        event.size = command(event) == 0xC0 || command(event) == 0xD0 ? 2 : 3;
    }

    void put_first(const ipc::Event* events, std::size_t count) ISB_RT {
        if (count_ + count > events_.size()) coalesce();
        if (count_ + count > events_.size()) {
            dropped_ += count_ + count - events_.size();
            count = events_.size() - count_;
        }
        std::memmove(events_.data() + count, events_.data(), count_ * sizeof(ipc::Event));
        std::memcpy(events_.data(), events, count * sizeof(ipc::Event));
        count_ += count;
        settled_ = 0;
    }

    void remove(std::size_t at) ISB_RT {
        --count_;
        settled_ = 0;
        std::memmove(&events_[at], &events_[at + 1], (count_ - at) * sizeof(ipc::Event));
    }

    // Two events of one key: the later one makes the earlier pointless.
    static std::uint64_t key_of(const ipc::Event& event) {
        const auto kind = static_cast<std::uint64_t>(event.kind) << 40;
        if (event.kind == ipc::EventKind::Parameter) return kind | event.index;
        if (event.kind == ipc::EventKind::Program) return kind;
        const bool of_channel = command(event) >= 0xC0 && command(event) <= 0xE0;
        return kind | static_cast<std::uint64_t>(event.midi[0]) << 8 |
               (of_channel ? 0u : event.midi[1]);
    }

    // Keeps the newest of each parameter, controller and note-off, in order; drops note-ons.
    void coalesce() ISB_RT {
        ++stamp_;
        std::size_t kept = 0;
        for (std::size_t i = count_; i-- > 0;) {
            const ipc::Event& event = events_[i];
            if (is_note_on(event)) continue;
            Seen& seen = find(key_of(event));
            if (seen.stamp == stamp_) {
                // The edit before is contained in the edit after.
                ipc::Event& later = scratch_[seen.place];
                if (event.edit > later.edit) later.edit = event.edit;
                continue;
            }
            seen = {key_of(event), stamp_, static_cast<std::uint32_t>(kept)};
            scratch_[kept++] = event;
        }
        for (std::size_t i = 0; i < kept; ++i) events_[i] = scratch_[kept - 1 - i];
        count_ = kept;
        settled_ = 0;
    }

    // Where a key is noted in the running coalesce(), or may be.
    struct Seen {
        std::uint64_t key = 0;
        std::uint32_t stamp = 0;
        std::uint32_t place = 0;  // in scratch_
    };
    static constexpr std::size_t kSeen = 8192;  // more than twice what a queue holds
    Seen& find(std::uint64_t key) ISB_RT {
        std::size_t at = (key * 0x9E3779B97F4A7C15u >> 40) % kSeen;
        while (seen_[at].stamp == stamp_ && seen_[at].key != key) at = (at + 1) % kSeen;
        return seen_[at];
    }

    std::vector<ipc::Event> events_, scratch_;
    std::array<ipc::Event, ipc::kMaxEvents> sent_{}, made_events_{};
    std::size_t count_ = 0, sent_count_ = 0, made_ = 0;
    std::size_t settled_ = 0;  // as many, from the first on, are coalesced and at offset 0
    std::uint64_t dropped_ = 0;
    std::vector<Seen> seen_ = std::vector<Seen>(kSeen);
    std::uint32_t stamp_ = 0;
    std::array<std::uint8_t, 16 * 128> velocity_{};
    std::array<std::uint16_t, 16 * 128> controllers_{};
    std::array<std::uint16_t, 16> program_{}, pressure_{}, bend_{};
};

}  // namespace isobooth::host
