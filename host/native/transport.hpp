// SPDX-License-Identifier: GPL-3.0-or-later
//
// Play, stop, locate, loop: where each block lies on the song's time line.
//
// A loop may end inside a block; players are then given two pieces of it. A player that plan delay
// compensation plays late is given the pieces of that time ago: what it plays after a loop's end or
// a locate is what the others played, only later.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

#include "host/native/realtime.hpp"
#include "ipc/native/layout.hpp"

namespace isobooth::host {

// A block of a late player may lie across two blocks of the transport, each with a loop's end in it.
constexpr int kMaxPieces = 4;

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

    // The block's transport; moves on. Its pieces are in pieces().
    void next_block(int frames, ipc::Transport& transport) ISB_RT {
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
        block_start_ = rendered_;
        block_frames_ = frames;
        if (!playing_) {
            remember({rendered_, frames, 0, false, false});
            jumped_ = false;
        } else {
            const bool wraps = looping && position_ < loop_end_ && position_ + frames >= loop_end_;
            const int first = wraps ? static_cast<int>(loop_end_ - position_) : frames;
            remember({rendered_, first, position_, true, jumped_});
            position_ += first;
            jumped_ = false;
            if (wraps) {
                position_ = loop_start_;
                if (first < frames)
                    remember({rendered_ + first, frames - first, position_, true, true});
                else
                    jumped_ = true;  // the next block's first piece
                position_ += frames - first;
            }
        }
        rendered_ += frames;
        shown_position.store(position_, std::memory_order_relaxed);
        shown_playing.store(playing_, std::memory_order_relaxed);
    }

    // What is to be played in this block by a player that is `delay` frames late; none while
    // stopped. Delays are remembered for as long as kRemembered pieces last.
    int pieces(std::int64_t delay, Piece (&to)[kMaxPieces]) const ISB_RT {
        const std::int64_t from = block_start_ - delay;
        const std::int64_t end = from + block_frames_;
        // The last stretch that begins at `from` or before.
        std::uint64_t low = written_ > kRemembered ? written_ - kRemembered : 0, high = written_;
        while (low + 1 < high) {
            const std::uint64_t middle = (low + high) / 2;
            (stretch(middle).start <= from ? low : high) = middle;
        }
        int count = 0;
        for (std::uint64_t i = low; i < written_ && count < kMaxPieces; ++i) {
            const Stretch& s = stretch(i);
            const std::int64_t begin = std::max(from, s.start);
            const std::int64_t until = std::min(end, s.start + s.frames);
            if (s.start >= end) break;
            if (!s.playing || begin >= until) continue;
            to[count++] = {static_cast<int>(begin - from), static_cast<int>(until - begin),
                           s.position + (begin - s.start), s.jumped && begin == s.start};
        }
        return count;
    }

private:
    // Some frames of the engine's own time, which never jumps.
    struct Stretch {
        std::int64_t start;
        int frames;
        std::int64_t position;  // song frame
        bool playing, jumped;
    };
    // Enough for 65536 frames of delay in blocks of 16 with a loop's end in each.
    static constexpr std::uint64_t kRemembered = 8192;

    const Stretch& stretch(std::uint64_t i) const ISB_RT { return stretches_[i % kRemembered]; }
    void remember(const Stretch& stretch) ISB_RT { stretches_[written_++ % kRemembered] = stretch; }

    double sample_rate_;
    double tempo_ = 120.0;
    int numerator_ = 4, denominator_ = 4;
    std::int64_t position_ = 0, loop_start_ = 0, loop_end_ = 0;
    bool playing_ = false, jumped_ = true;

    std::vector<Stretch> stretches_ = std::vector<Stretch>(kRemembered);
    std::uint64_t written_ = 0;
    std::int64_t rendered_ = 0, block_start_ = 0;
    int block_frames_ = 0;
};

}  // namespace isobooth::host
