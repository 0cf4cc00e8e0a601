// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is heard of a slot that did not deliver: the dry input, delayed by the slot's latency, plus
// an offset from the last sample heard that decays within milliseconds, so that nothing clicks.
//
// Silence takes the dry signal's place for instruments, for slots that attenuate by more than
// 6 dB (a lost limiter must not be 40 dB louder), or where the user says so. When the slot
// delivers again, its output is faded in.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "host/native/signal.hpp"

namespace isobooth::host {

enum class OnMiss : std::uint8_t { Auto, Dry, Silence };

class Cover {
public:
    // `capacity_frames`: the largest latency that can be matched.
    Cover(double sample_rate, std::uint32_t max_frames, std::uint32_t capacity_frames)
        : decay_(static_cast<float>(std::exp(-1.0 / (kDecaySeconds * sample_rate)))),
          fade_frames_(std::max(1, static_cast<int>(kFadeSeconds * sample_rate))) {
        std::uint32_t size = 1;
        while (size < capacity_frames + max_frames) size <<= 1;
        mask_ = size - 1;
        for (auto& ring : rings_) ring.assign(size, 0.0f);
        // A power smoothing of kLevelSeconds, applied once a block.
        level_seconds_in_frames_ = kLevelSeconds * sample_rate;
    }

    void set_latency(std::uint32_t frames) ISB_RT { latency_ = std::min(frames, mask_ / 2); }
    std::uint32_t latency() const ISB_RT { return latency_; }
    void set_policy(OnMiss policy, bool is_instrument) ISB_RT {
        policy_ = policy;
        is_instrument_ = is_instrument;
    }

    bool is_instrument() const ISB_RT { return is_instrument_; }

    // The slot is in place before anything was heard: nothing to fade from.
    void start_wet() ISB_RT { state_ = State::Wet; }

    // The slot's output must pass through the host this block: it is being faded in.
    bool wants_wet() const ISB_RT { return state_ != State::Wet; }
    // The slot's place must pass through the host this block, although the slot does not run.
    bool wants_dry() const ISB_RT {
        return state_ != State::Dry || latency_ > 0 || silent_ || offset_heard();
    }

    // The slot delivered and nothing is being faded.
    void delivered(const float* const* in, const float* const* out, int frames) ISB_RT {
        if (latency_ > 0) feed(in, frames);
        for (std::size_t side = 0; side < 2; ++side) {
            last_heard_[side] = out[side][frames - 1];
            last_dry_[side] = latency_ > 0 ? dry(side, frames - 1) : in[side][frames - 1];
        }
        position_ += static_cast<std::uint32_t>(frames);
        track(in, out, frames);
        state_ = State::Wet;
    }

    // The slot did not deliver: fills `out` with what is heard instead. `out` may be `in`.
    void cover(const float* const* in, float* const* out, int frames) ISB_RT {
        feed(in, frames);
        if (state_ != State::Dry) begin_dry();
        render_dry(out, frames);
        position_ += static_cast<std::uint32_t>(frames);
        remember(out, frames);
    }

    // The slot delivers again: fades from what was heard to `wet`. `out` may be `wet`.
    void fade_in(const float* const* in, const float* const* wet, float* const* out,
                 int frames) ISB_RT {
        feed(in, frames);
        if (state_ == State::Dry) {
            state_ = State::FadingIn;
            fade_position_ = 0;
        }
        const float step = 1.0f / static_cast<float>(fade_frames_);
        for (std::size_t side = 0; side < 2; ++side) {
            float offset = offset_[side];
            for (int i = 0; i < frames; ++i) {
                const int at = fade_position_ + i + 1;
                const float x = at >= fade_frames_ ? 1.0f : static_cast<float>(at) * step;
                const float covered = (silent_ ? 0.0f : dry(side, i)) + offset;
                offset *= decay_;
                out[side][i] = covered + (wet[side][i] - covered) * x;
            }
            offset_[side] = offset;
            last_dry_[side] = silent_ ? 0.0f : dry(side, frames - 1);
        }
        position_ += static_cast<std::uint32_t>(frames);
        fade_position_ += frames;
        remember(out, frames);
        if (fade_position_ >= fade_frames_) {
            state_ = State::Wet;
            silent_ = false;
        }
    }

private:
    enum class State : std::uint8_t { Wet, Dry, FadingIn };

    static constexpr double kDecaySeconds = 0.004;  // offset: 1/e after 4 ms, unheard after 30
    static constexpr double kFadeSeconds = 0.010;
    static constexpr double kLevelSeconds = 0.3;
    static constexpr double kQuiet = 1e-8;       // mean square below which levels say nothing
    static constexpr double kAttenuates = 0.25;  // power ratio: 6 dB

    void feed(const float* const* in, int frames) ISB_RT {
        for (std::size_t side = 0; side < 2; ++side)
            for (int i = 0; i < frames; ++i)
                rings_[side][(position_ + static_cast<std::uint32_t>(i)) & mask_] = in[side][i];
    }
    float dry(std::size_t side, int frame) const ISB_RT {
        return rings_[side][(position_ + static_cast<std::uint32_t>(frame) - latency_) & mask_];
    }
    bool offset_heard() const ISB_RT {
        return std::fabs(offset_[0]) > 1e-6f || std::fabs(offset_[1]) > 1e-6f;
    }

    void begin_dry() ISB_RT {
        silent_ = policy_ == OnMiss::Silence ||
                  (policy_ == OnMiss::Auto && (is_instrument_ || attenuates()));
        for (std::size_t side = 0; side < 2; ++side)
            offset_[side] = last_heard_[side] - (silent_ ? 0.0f : last_dry_[side]);
        state_ = State::Dry;
    }

    void render_dry(float* const* out, int frames) ISB_RT {
        for (std::size_t side = 0; side < 2; ++side) {
            float offset = offset_[side];
            for (int i = 0; i < frames; ++i) {
                out[side][i] = (silent_ ? 0.0f : dry(side, i)) + offset;
                offset *= decay_;
            }
            offset_[side] = std::fabs(offset) > 1e-7f ? offset : 0.0f;
            last_dry_[side] = silent_ ? 0.0f : dry(side, frames - 1);
        }
    }

    void remember(const float* const* out, int frames) ISB_RT {
        for (std::size_t side = 0; side < 2; ++side) last_heard_[side] = out[side][frames - 1];
    }

    void track(const float* const* in, const float* const* out, int frames) ISB_RT {
        if (policy_ != OnMiss::Auto || is_instrument_) return;
        const double keep = std::exp(-static_cast<double>(frames) / level_seconds_in_frames_);
        in_power_ = in_power_ * keep + power_of(in, frames) * (1.0 - keep) / frames;
        out_power_ = out_power_ * keep + power_of(out, frames) * (1.0 - keep) / frames;
    }
    bool attenuates() const ISB_RT {
        return in_power_ > kQuiet && out_power_ < kAttenuates * in_power_;
    }

    float decay_;
    int fade_frames_;
    double level_seconds_in_frames_ = 1.0;
    std::uint32_t latency_ = 0, mask_ = 0, position_ = 0;
    OnMiss policy_ = OnMiss::Auto;
    bool is_instrument_ = false;
    bool silent_ = false;
    State state_ = State::Dry;  // until the plugin has delivered, its input is heard
    int fade_position_ = 0;
    float offset_[2] = {}, last_heard_[2] = {}, last_dry_[2] = {};
    double in_power_ = 0.0, out_power_ = 0.0;
    std::vector<float> rings_[2];
};

}  // namespace isobooth::host
