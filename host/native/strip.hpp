// SPDX-License-Identifier: GPL-3.0-or-later
//
// A mixer strip: fader, stereo balance, mute and meter. Every change is a ramp over one block, at
// least kRampFrames long, so that no move clicks; at unity the signal passes bit for bit.
//
// Side-chains are fed from behind the fader but before the mute: a track that serves as a key, or
// that the solo of others silences, goes on to do so unheard.
#pragma once

#include <atomic>
#include <cmath>
#include <cstdint>

#include "host/native/signal.hpp"

namespace isobooth::host {

class Strip {
public:
    Strip(std::uint32_t id_, std::uint32_t max_frames)
        : id(id_), input(max_frames), output(max_frames), unmuted_(max_frames) {}

    const std::uint32_t id;

    // Peak of the last block after the fader, linear, one a side.
    std::atomic<float> peaks[ipc::kBusChannels] = {};

    // The highest since the last look, for a meter that does not look at every block.
    float take_peak(std::size_t side) { return highest_[side].exchange(0.0f); }

    // ---- audio thread ----
    StereoBuffer input, output;

    void set_gain(float linear) ISB_RT { gain_ = linear; }
    void set_pan(float pan) ISB_RT { pan_ = pan; }
    void set_mute(bool mute) ISB_RT { mute_ = mute; }
    // No ramp from what was before: nothing was heard yet.
    void settle() ISB_RT {
        for (std::size_t side = 0; side < 2; ++side) {
            current_[side] = target(side);
            key_current_[side] = level(side);
        }
    }

    // Fader: `from` into output, and the meter; into key() as well if the strip `is_key`.
    void mix(const float* const* from, int frames, bool is_key) ISB_RT {
        for (std::size_t side = 0; side < 2; ++side) {
            // The same as the output, unless a mute is in between.
            const bool apart = is_key && (mute_ || current_[side] != key_current_[side]);
            if (apart) fade(key_current_[side], level(side), from[side], unmuted_[side], frames);
            fade(current_[side], target(side), from[side], output[side], frames);
            if (!apart) key_current_[side] = mute_ ? level(side) : current_[side];
            key_[side] = apart ? unmuted_[side] : output[side];
            const float peak = peak_of(output[side], frames);
            peaks[side].store(peak, std::memory_order_relaxed);
            // A look in between may be overwritten: then the next one sees its peak again.
            if (peak > highest_[side].load(std::memory_order_relaxed))
                highest_[side].store(peak, std::memory_order_relaxed);
        }
    }

    // What side-chains hear of the last block: the strip without its mute.
    const float* key(std::size_t side) const ISB_RT { return key_[side]; }

private:
    static constexpr int kRampFrames = 64;

    // Moves the gain `current` towards `goal`.
    static void fade(float& current, float goal, const float* from, float* to, int frames) ISB_RT {
        const float begin = current;
        if (begin == goal) {
            for (int i = 0; i < frames; ++i) to[i] = from[i] * goal;
            return;
        }
        const int ramp = std::max(frames, kRampFrames);
        const float step = (goal - begin) / static_cast<float>(ramp);
        for (int i = 0; i < frames; ++i)
            to[i] = from[i] * (begin + step * static_cast<float>(i + 1));
        current = frames == ramp ? goal : begin + step * static_cast<float>(frames);
        if (std::fabs(current - goal) < 1e-6f) current = goal;
    }

    float target(std::size_t side) const ISB_RT { return mute_ ? 0.0f : level(side); }

    // Balance: the centre is unity on both sides, one side falls linearly towards the edge.
    float level(std::size_t side) const ISB_RT {
        const float away = side == 0 ? pan_ : -pan_;
        return gain_ * (away > 0.0f ? 1.0f - away : 1.0f);
    }

    static float peak_of(const float* samples, int frames) ISB_RT {
        float peaks[8] = {};
        int i = 0;
        for (; i + 8 <= frames; i += 8)
            for (int k = 0; k < 8; ++k) {
                const float magnitude = std::fabs(samples[i + k]);
                peaks[k] = magnitude > peaks[k] ? magnitude : peaks[k];
            }
        for (; i < frames; ++i) peaks[0] = std::max(peaks[0], std::fabs(samples[i]));
        for (int k = 1; k < 8; ++k) peaks[0] = std::max(peaks[0], peaks[k]);
        return peaks[0];
    }

    std::atomic<float> highest_[ipc::kBusChannels] = {};
    float gain_ = 1.0f, pan_ = 0.0f;
    bool mute_ = false;
    float current_[2] = {1.0f, 1.0f}, key_current_[2] = {1.0f, 1.0f};
    StereoBuffer unmuted_;
    const float* key_[2] = {output[0], output[1]};
};

}  // namespace isobooth::host
