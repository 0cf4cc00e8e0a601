// SPDX-License-Identifier: GPL-3.0-or-later
//
// The events on their way to one plugin slot, and what the plugin should know by now.
//
// A slot that does not run keeps its events: coalesced in order, they are delivered at offset 0 of
// its next block, all but note-ons (a note that begins late is worse than none) and never without
// the note-offs. After a restart, controllers and held notes are chased.
#pragma once

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
        events_.resize(kCapacity);
        scratch_.resize(kCapacity);
        controllers_.fill(kUnset);
        pressure_.fill(kUnset);
        program_.fill(kUnset);
        bend_.fill(kNoBend);
    }

    // Adds an event of the coming block. A full queue drops note-ons, then the oldest of its kind
    // wins: counted in dropped().
    void add(const ipc::Event& event) ISB_RT {
        if (count_ == kCapacity) coalesce();
        if (count_ == kCapacity) {
            ++dropped_;
            return;
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
        for (std::size_t i = 0; i < taken; ++i) track(to[i]);
        return static_cast<std::uint32_t>(taken);
    }

    // The block that take() filled was not run: its events come first again.
    void take_back() ISB_RT {
        if (sent_count_ == 0) return;
        const std::size_t kept =
            count_ < kCapacity - sent_count_ ? count_ : kCapacity - sent_count_;
        std::memmove(events_.data() + sent_count_, events_.data(), kept * sizeof(ipc::Event));
        std::memcpy(events_.data(), sent_.data(), sent_count_ * sizeof(ipc::Event));
        count_ = kept + sent_count_;
        sent_count_ = 0;
        hold();
    }

    // The slot does not run this block: everything waits for its next one.
    void hold() ISB_RT {
        if (count_ == 0) return;
        coalesce();
        for (std::size_t i = 0; i < count_; ++i) events_[i].offset = 0;
    }

    // A fresh plugin instance must learn program, controllers and held notes: they come first.
    void chase() ISB_RT {
        coalesce();
        for (std::size_t i = 0; i < count_; ++i) track(events_[i]);  // do not chase what ends here
        std::size_t made = 0;
        const auto make = [&](std::uint8_t status, std::uint8_t a, std::uint8_t b,
                              std::uint16_t size) {
            if (made + 1 >= ipc::kMaxEvents) return;
            ipc::Event& event = scratch_[made++];
            event = {};
            event.kind = ipc::EventKind::Midi;
            event.size = size;
            event.midi[0] = status;
            event.midi[1] = a;
            event.midi[2] = b;
        };
        for (std::uint8_t channel = 0; channel < 16; ++channel) {
            if (program_[channel] != kUnset)
                make(0xC0 | channel, static_cast<std::uint8_t>(program_[channel]), 0, 2);
            for (std::uint8_t cc = 0; cc < 120; ++cc)
                if (controllers_[channel * 128u + cc] != kUnset)
                    make(0xB0 | channel, cc,
                         static_cast<std::uint8_t>(controllers_[channel * 128u + cc]), 3);
            if (bend_[channel] != kNoBend)
                make(0xE0 | channel, bend_[channel] & 0x7f,
                     static_cast<std::uint8_t>(bend_[channel] >> 7 & 0x7f), 3);
            if (pressure_[channel] != kUnset)
                make(0xD0 | channel, static_cast<std::uint8_t>(pressure_[channel]), 0, 2);
        }
        for (std::uint8_t channel = 0; channel < 16; ++channel)
            for (std::uint8_t note = 0; note < 128; ++note)
                if (velocity_[channel * 128u + note])
                    make(0x90 | channel, note, velocity_[channel * 128u + note], 3);
        const std::size_t kept = count_ < kCapacity - made ? count_ : kCapacity - made;
        std::memmove(events_.data() + made, events_.data(), kept * sizeof(ipc::Event));
        std::memcpy(events_.data(), scratch_.data(), made * sizeof(ipc::Event));
        count_ = kept + made;
    }

    std::size_t size() const ISB_RT { return count_; }
    std::uint64_t dropped() const ISB_RT { return dropped_; }

private:
    static constexpr std::uint16_t kUnset = 0xffff;
    static constexpr std::uint16_t kNoBend = 0xffff;

    static std::uint8_t command(const ipc::Event& event) { return event.midi[0] & 0xf0; }
    static bool is_note_on(const ipc::Event& event) {
        return event.kind == ipc::EventKind::Midi && command(event) == 0x90 && event.midi[2] > 0;
    }

    // Would `later` make `earlier` pointless?
    static bool supersedes(const ipc::Event& later, const ipc::Event& earlier) {
        if (later.kind != earlier.kind) return false;
        if (later.kind == ipc::EventKind::Parameter) return later.index == earlier.index;
        if (later.kind == ipc::EventKind::Program) return true;
        if (later.midi[0] != earlier.midi[0]) return false;
        switch (command(later)) {
            case 0xC0:
            case 0xD0:
            case 0xE0:
                return true;
            default:
                return later.midi[1] == earlier.midi[1];  // same note or controller
        }
    }

    // Keeps the newest of each parameter, controller and note-off, in order; drops note-ons.
    void coalesce() ISB_RT {
        std::size_t kept = 0;
        for (std::size_t i = count_; i-- > 0;) {
            if (is_note_on(events_[i])) continue;
            bool superseded = false;
            for (std::size_t k = 0; k < kept && k < kSearch && !superseded; ++k) {
                ipc::Event& later = scratch_[kept - 1 - k];
                superseded = supersedes(later, events_[i]);
                // The edit before is contained in the edit after.
                if (superseded && events_[i].edit > later.edit) later.edit = events_[i].edit;
            }
            if (!superseded) scratch_[kept++] = events_[i];
        }
        for (std::size_t i = 0; i < kept; ++i) events_[i] = scratch_[kept - 1 - i];
        count_ = kept;
    }

    void track(const ipc::Event& event) ISB_RT {
        if (event.kind != ipc::EventKind::Midi) return;
        const std::size_t channel = event.midi[0] & 0x0f;
        const std::size_t at = channel * 128u + (event.midi[1] & 0x7f);
        switch (command(event)) {
            case 0x90:
                velocity_[at] = event.midi[2];
                break;
            case 0x80:
                velocity_[at] = 0;
                break;
            case 0xB0:
                if ((event.midi[1] & 0x7f) >= 120)
                    std::fill_n(velocity_.begin() + static_cast<std::ptrdiff_t>(channel * 128u),
                                128, std::uint8_t{0});
                else
                    controllers_[at] = event.midi[2];
                break;
            case 0xC0:
                program_[channel] = event.midi[1];
                break;
            case 0xD0:
                pressure_[channel] = event.midi[1];
                break;
            case 0xE0:
                bend_[channel] = static_cast<std::uint16_t>(event.midi[1] | event.midi[2] << 7);
                break;
            default:
                break;
        }
    }

    // How far back a later event is looked for; bounds the work of a full queue.
    static constexpr std::size_t kSearch = 256;

    std::vector<ipc::Event> events_, scratch_;
    std::array<ipc::Event, ipc::kMaxEvents> sent_{};
    std::size_t count_ = 0, sent_count_ = 0;
    std::uint64_t dropped_ = 0;
    std::array<std::uint8_t, 16 * 128> velocity_{};
    std::array<std::uint16_t, 16 * 128> controllers_{};
    std::array<std::uint16_t, 16> program_{}, pressure_{}, bend_{};
};

}  // namespace isobooth::host
