// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a strip plays from the song: an audio clip and a MIDI clip, held in memory.
//
// Plan delay compensation gives a clip the pieces of some time ago (transport.hpp).
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "host/native/signal.hpp"
#include "host/native/transport.hpp"

namespace isobooth::host {

// Planar stereo audio at the engine's rate. `keep_alive` owns the samples; it is released on the
// control thread, with the clip.
struct AudioClip {
    const float* planes[ipc::kBusChannels] = {};
    std::int64_t frames = 0;
    std::int64_t start = 0;  // song frame
    float gain = 1.0f;
    bool loop = false;
    std::shared_ptr<void> keep_alive;

    // Into a cleared buffer. Not added to it: 0 + -0 is 0, and a render is exact to the bit.
    void play_into(StereoBuffer& buffer, const Piece& piece) const ISB_RT {
        if (frames <= 0) return;
        for (int done = 0; done < piece.frames;) {
            std::int64_t at = piece.position + done - start;
            int run = piece.frames - done;
            if (at < 0) {
                done += static_cast<int>(std::min<std::int64_t>(run, -at));
                continue;
            }
            if (loop) at %= frames;
            if (at >= frames) return;
            run = static_cast<int>(std::min<std::int64_t>(run, frames - at));
            for (std::size_t side = 0; side < 2; ++side) {
                float* to = buffer[side] + piece.offset + done;
                const float* from = planes[side] + at;
                for (int i = 0; i < run; ++i) to[i] = from[i] * gain;
            }
            done += run;
        }
    }
};

struct TimedMidi {
    std::int64_t frame;  // song frame
    std::uint8_t bytes[4];
};

// Channel messages in order. Remembers the notes and pedals it holds, to let go of them when the
// place it plays from jumps, for whatever reason: nothing may sound on for ever.
class MidiClip {
public:
    explicit MidiClip(std::vector<TimedMidi> events) : events_(std::move(events)) {}

    // Appends this piece's events to `to` (offsets within the block); at most `room` of them. What
    // has no room is late by a block, never lost.
    std::uint32_t render(const Piece& piece, ipc::Event* to, std::uint32_t room) ISB_RT {
        std::uint32_t made = 0;
        if (piece.jumped || piece.position != end_) {
            made = release(piece.offset, to, room);
            next_ = static_cast<std::size_t>(
                std::lower_bound(events_.begin(), events_.end(), piece.position,
                                 [](const TimedMidi& event, std::int64_t frame) {
                                     return event.frame < frame;
                                 }) -
                events_.begin());
        }
        end_ = piece.position + piece.frames;
        for (; next_ < events_.size() && events_[next_].frame < end_ && made < room; ++next_) {
            const TimedMidi& event = events_[next_];
            const auto late = std::max<std::int64_t>(0, event.frame - piece.position);
            emit(event.bytes, piece.offset + static_cast<int>(late), to[made++]);
        }
        return made;
    }

    // Ends every note and lifts every pedal that this clip holds, as far as there is room.
    std::uint32_t release(int offset, ipc::Event* to, std::uint32_t room) ISB_RT {
        std::uint32_t made = 0;
        for (std::size_t i = 0; i < held_.size() && made < room && held_count_ > 0; ++i) {
            if (!held_[i]) continue;
            const bool is_note = i < kNotes;
            const std::size_t place = is_note ? i : i - kNotes;
            const std::size_t channel = is_note ? place / 128 : place / kPedals.size();
            const std::uint8_t off[3] = {
                static_cast<std::uint8_t>((is_note ? 0x80 : 0xB0) | channel),
                is_note ? static_cast<std::uint8_t>(place % 128) : kPedals[place % kPedals.size()],
                0};
            emit(off, offset, to[made++]);
        }
        return made;
    }
    bool holds_notes() const ISB_RT { return held_count_ > 0; }

private:
    static constexpr std::size_t kNotes = 16 * 128;
    // Sustain and sostenuto: they hold notes whose note-off has passed.
    static constexpr std::array<std::uint8_t, 2> kPedals = {64, 66};

    void emit(const std::uint8_t* bytes, int offset, ipc::Event& event) ISB_RT {
        event = {};
        event.offset = static_cast<std::uint32_t>(offset);
        event.kind = ipc::EventKind::Midi;
        const std::uint8_t command = bytes[0] & 0xf0;
        const std::size_t channel = bytes[0] & 0x0f;
        event.size = command == 0xC0 || command == 0xD0 ? 2 : 3;
        std::memcpy(event.midi, bytes, 3);
        if (command == 0x90 || command == 0x80)
            hold(channel * 128u + (bytes[1] & 0x7fu), command == 0x90 && bytes[2] > 0);
        if (command == 0xB0)
            for (std::size_t pedal = 0; pedal < kPedals.size(); ++pedal)
                if (bytes[1] == kPedals[pedal])
                    hold(kNotes + channel * kPedals.size() + pedal, bytes[2] >= 64);
    }
    void hold(std::size_t at, bool on) ISB_RT {
        held_count_ += static_cast<int>(on) - static_cast<int>(held_[at]);
        held_[at] = on;
    }

    std::vector<TimedMidi> events_;
    std::size_t next_ = 0;   // the first event not yet played
    std::int64_t end_ = -1;  // where the last piece ended
    std::array<bool, kNotes + 16 * kPedals.size()> held_{};
    int held_count_ = 0;
};

}  // namespace isobooth::host
