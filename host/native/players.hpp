// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a strip plays from the song: an audio clip and a MIDI clip, held in memory.
//
// `delay` shifts a clip later than the transport says: plan delay compensation for sources.
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

    void add_to(StereoBuffer& buffer, const Piece& piece, std::int64_t delay) const ISB_RT {
        if (frames <= 0) return;
        for (int done = 0; done < piece.frames;) {
            std::int64_t at = piece.position + done - delay - start;
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
                for (int i = 0; i < run; ++i) to[i] += from[i] * gain;
            }
            done += run;
        }
    }
};

struct TimedMidi {
    std::int64_t frame;  // song frame
    std::uint8_t bytes[4];
};

// Channel messages in order. Remembers which notes it holds, to end them when the transport jumps.
class MidiClip {
public:
    explicit MidiClip(std::vector<TimedMidi> events) : events_(std::move(events)) {}

    // Appends this piece's events to `to` (offsets within the block); at most `room` of them.
    std::uint32_t render(const Piece& piece, std::int64_t delay, ipc::Event* to,
                         std::uint32_t room) ISB_RT {
        std::uint32_t made = 0;
        if (piece.jumped) made = release(piece.offset, to, room);
        const std::int64_t from = piece.position - delay;
        const auto before = [](const TimedMidi& event, std::int64_t frame) {
            return event.frame < frame;
        };
        auto it = std::lower_bound(events_.begin(), events_.end(), from, before);
        for (; it != events_.end() && it->frame < from + piece.frames && made < room; ++it)
            made += emit(it->bytes, piece.offset + static_cast<int>(it->frame - from), to[made]);
        return made;
    }

    // Ends every note this clip holds.
    std::uint32_t release(int offset, ipc::Event* to, std::uint32_t room) ISB_RT {
        std::uint32_t made = 0;
        for (std::size_t i = 0; i < held_.size() && made < room && held_count_ > 0; ++i) {
            if (!held_[i]) continue;
            const std::uint8_t off[3] = {static_cast<std::uint8_t>(0x80 | i / 128),
                                         static_cast<std::uint8_t>(i % 128), 0};
            made += emit(off, offset, to[made]);
        }
        return made;
    }
    bool holds_notes() const ISB_RT { return held_count_ > 0; }

private:
    std::uint32_t emit(const std::uint8_t* bytes, int offset, ipc::Event& event) ISB_RT {
        event = {};
        event.offset = static_cast<std::uint32_t>(offset);
        event.kind = ipc::EventKind::Midi;
        const std::uint8_t command = bytes[0] & 0xf0;
        event.size = command == 0xC0 || command == 0xD0 ? 2 : 3;
        std::memcpy(event.midi, bytes, 3);
        const std::size_t at = (bytes[0] & 0x0fu) * 128u + (bytes[1] & 0x7fu);
        const bool on = command == 0x90 && bytes[2] > 0;
        const bool off = command == 0x80 || (command == 0x90 && bytes[2] == 0);
        if (on && !held_[at]) ++held_count_;
        if (off && held_[at]) --held_count_;
        if (on || off) held_[at] = on;
        return 1;
    }

    std::vector<TimedMidi> events_;
    std::array<bool, 16 * 128> held_{};
    int held_count_ = 0;
};

}  // namespace isobooth::host
