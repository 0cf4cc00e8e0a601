// SPDX-License-Identifier: GPL-3.0-or-later
//
// A time line beside the song's, for what is heard whether the song plays or not: it begins at 0
// with its first block, never jumps, and runs until it is ended.
#pragma once

#include <atomic>
#include <cstdint>

#include "host/native/transport.hpp"

namespace isobooth::host {

class OwnTime {
public:
    // Readable from any thread: where the next block begins.
    std::atomic<std::int64_t> shown_position{0};

    // ---- control thread ----
    // Nothing is played from the next block on; notes that are held end there.
    void end() { ended_.store(true, std::memory_order_relaxed); }

    // ---- audio thread ----
    void next_block(int frames) ISB_RT {
        runs_ = !ended_.load(std::memory_order_relaxed);
        piece_ = {0, frames, position_, position_ == 0};
        if (runs_) position_ += frames;
        shown_position.store(position_, std::memory_order_relaxed);
    }
    // As TransportClock's: of this block.
    int pieces(Piece (&to)[kMaxPieces]) const ISB_RT {
        to[0] = piece_;
        return runs_ ? 1 : 0;
    }

private:
    std::atomic<bool> ended_{false};
    bool runs_ = false;
    std::int64_t position_ = 0;
    Piece piece_{};
};

}  // namespace isobooth::host
