// SPDX-License-Identifier: GPL-3.0-or-later
//
// Play, stop, locate, loop: where each block lies on the song's time line.
//
// A loop may end inside a block; players are then given two pieces of it.
#pragma once

#include <atomic>
#include <cstdint>

#include "host/native/realtime.hpp"
#include "ipc/native/layout.hpp"

namespace isobooth::host {

// Frames [offset, offset+frames) of the block play song frames from `position` on.
struct Piece {
    int offset;
    int frames;
    std::int64_t position;
    bool jumped;  // not where the piece before ended
};

class TransportClock {
public:
    explicit TransportClock(double sample_rate) : sample_rate_(sample_rate) {}

    // Readable from any thread.
    std::atomic<std::int64_t> shown_position{0};
    std::atomic<bool> shown_playing{false};

    // ---- audio thread ----
    void play(bool playing) ISB_RT {
        jumped_ = jumped_ || playing != playing_;
        playing_ = playing;
    }
    void locate(std::int64_t position) ISB_RT {
        position_ = position;
        jumped_ = true;
    }
    void set_loop(std::int64_t start, std::int64_t end) ISB_RT {
        loop_start_ = start;
        loop_end_ = end;
    }
    void set_tempo(double bpm) ISB_RT { tempo_ = bpm; }
    void set_signature(int numerator, int denominator) ISB_RT {
        numerator_ = numerator;
        denominator_ = denominator;
    }
    bool playing() const ISB_RT { return playing_; }

    // The block's transport, and its pieces (none while stopped); moves on.
    int next_block(int frames, ipc::Transport& transport, Piece (&pieces)[2]) ISB_RT {
        transport = {};
        transport.tempo_bpm = tempo_;
        transport.numerator = numerator_;
        transport.denominator = denominator_;
        transport.position_frames = position_;
        transport.position_beats = static_cast<double>(position_) / sample_rate_ * tempo_ / 60.0;
        transport.loop_start_frames = loop_start_;
        transport.loop_end_frames = loop_end_;
        const bool looping = loop_end_ - loop_start_ >= frames;  // a block wraps once at most
        transport.flags = (playing_ ? ipc::kTransportPlaying : 0u) |
                          (looping ? ipc::kTransportLooping : 0u) |
                          (jumped_ ? ipc::kTransportJumped : 0u);
        int count = 0;
        if (playing_) {
            const bool wraps = looping && position_ < loop_end_ && position_ + frames > loop_end_;
            const int first = wraps ? static_cast<int>(loop_end_ - position_) : frames;
            if (first > 0) pieces[count++] = {0, first, position_, jumped_};
            position_ += first;
            if (wraps) {
                pieces[count++] = {first, frames - first, loop_start_, true};
                position_ = loop_start_ + frames - first;
            }
        }
        jumped_ = false;
        shown_position.store(position_, std::memory_order_relaxed);
        shown_playing.store(playing_, std::memory_order_relaxed);
        return count;
    }

private:
    double sample_rate_;
    double tempo_ = 120.0;
    int numerator_ = 4, denominator_ = 4;
    std::int64_t position_ = 0, loop_start_ = 0, loop_end_ = 0;
    bool playing_ = false, jumped_ = true;
};

}  // namespace isobooth::host
