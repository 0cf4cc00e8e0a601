// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is heard of a slot that did not deliver: the dry input, delayed by the slot's latency, plus
// an offset from the last sample heard that decays within milliseconds, so that nothing clicks.
//
// The dry input must not be louder than the slot was (a lost limiter must not be 40 dB louder): it
// is brought to the slot's level where that is lower. Silence takes its place for instruments, for
// slots that attenuate by more than 6 dB, and where the user says so. A slot that the user bypasses
// is its plain input, whatever it does otherwise.
//
// When the slot delivers again, its output is faded in, once what it was given before the gap has
// left it: what comes out in the first `latency` frames is of another time.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "host/native/look.hpp"
#include "host/native/signal.hpp"

namespace isobooth::host {

enum class OnMiss : std::uint8_t { Auto, Dry, Silence };

// Offsets that hide a step fall to 1/e in 4 ms and are unheard after 30. The factor a frame.
inline float decay_of(double sample_rate) {
    constexpr double kDecaySeconds = 0.004;
    return static_cast<float>(std::exp(-1.0 / (kDecaySeconds * sample_rate)));
}

class Cover {
public:
    // `capacity_frames`: the largest latency that can be matched.
    Cover(double sample_rate, std::uint32_t max_frames, std::uint32_t capacity_frames)
        : past_(capacity_frames, max_frames),
          decay_(decay_of(sample_rate)),
          fade_frames_(std::max(1, static_cast<int>(kFadeSeconds * sample_rate))),
          level_frames_(kLevelSeconds * sample_rate) {}

    void set_latency(std::uint32_t frames) ISB_RT {
        latency_ = std::min(frames, past_.capacity());
        keeps_past_ = keeps_past_ || latency_ > 0;
    }
    std::uint32_t latency() const ISB_RT { return latency_; }
    void set_policy(OnMiss policy, bool is_instrument) ISB_RT {
        policy_ = policy;
        is_instrument_ = is_instrument;
    }

    OnMiss policy() const ISB_RT { return policy_; }
    bool is_instrument() const ISB_RT { return is_instrument_; }

    // The slot is in place before anything was heard: nothing to fade from.
    void start_wet() ISB_RT { state_ = State::Wet; }

    // If the slot delivers this block, the host must fade its output in.
    bool must_fade_in() const ISB_RT { return state_ != State::Wet; }
    // If the slot does not deliver this block, the host must make what is heard in its place: the
    // plain input will not do.
    bool must_cover(bool by_user) const ISB_RT {
        return !is_plain() || (by_user != by_user_ && gain_of_dry(by_user) != 1.0f);
    }

    // Another instance of the plugin, which has been given the same, is heard from the next block
    // on. What it was given before any gap is not lost: there is no latency to wait for.
    void take_over() ISB_RT {
        is_filled_ = true;
        if (state_ == State::Wet) state_ = State::TakenOver;
    }

    // The slot delivers something that must not be heard at once: it returns as from a miss. False
    // if it was out already.
    bool hold_back(const float* const* in) ISB_RT {
        if (state_ == State::Dry) return false;
        begin_dry(in, false);
        return true;
    }

    // The slot's input is asked for again, after it was heard.
    bool keeps_past() const ISB_RT { return keeps_past_; }

    // The slot delivered and nothing is being faded. `given` and `made` are the levels of what it
    // was given and of what it made of it; `in` is looked at only where the past is kept.
    void delivered(const float* const* in, const Level& given, const Level& made,
                   int frames) ISB_RT {
        if (keeps_past_) past_.write(in, frames);
        for (std::size_t side = 0; side < 2; ++side) {
            last_heard_[side] = made.last[side];
            last_dry_[side] = latency_ > 0 ? dry(side, frames, frames - 1) : given.last[side];
        }
        track(given.power, made.power, frames);
        state_ = State::Wet;
    }

    // The slot did not deliver: fills `out` with what is heard instead. `out` may be `in`.
    void cover(const float* const* in, float* const* out, int frames, bool by_user) ISB_RT {
        if (state_ != State::Dry || by_user != by_user_) begin_dry(in, by_user);
        past_.write(in, frames);
        for (std::size_t side = 0; side < 2; ++side) {
            float offset = offset_[side];
            for (int i = 0; i < frames; ++i) {
                out[side][i] = gain_ * dry(side, frames, i) + offset;
                offset *= decay_;
            }
            offset_[side] = std::fabs(offset) > 1e-7f ? offset : 0.0f;
            last_dry_[side] = dry(side, frames, frames - 1);
            last_heard_[side] = out[side][frames - 1];
        }
    }

    // The slot delivers again: fades from what was heard to `wet`. `out` may be `wet`.
    void fade_in(const float* const* in, const float* const* wet, float* const* out,
                 int frames) ISB_RT {
        past_.write(in, frames);
        if (state_ == State::Dry) {
            state_ = State::FadingIn;
            fade_position_ = is_filled_ ? 0 : -static_cast<int>(latency_);
        } else if (state_ == State::TakenOver) {
            state_ = State::FadingIn;
            fade_position_ = 0;
            is_spliced_ = true;
            for (std::size_t side = 0; side < 2; ++side)
                offset_[side] = last_heard_[side] - wet[side][0];
        }
        is_filled_ = false;
        const float step = 1.0f / static_cast<float>(fade_frames_);
        for (std::size_t side = 0; side < 2; ++side) {
            float offset = offset_[side];
            for (int i = 0; i < frames; ++i) {
                const int at = fade_position_ + i + 1;
                // Nothing was missed: the two are the same but for what differs at the joint.
                const float under = is_spliced_ ? wet[side][i] : gain_ * dry(side, frames, i);
                const float covered = under + offset;
                offset *= decay_;
                if (at <= 0)
                    out[side][i] = covered;
                else if (at >= fade_frames_)
                    out[side][i] = wet[side][i];
                else
                    out[side][i] =
                        covered + (wet[side][i] - covered) * (static_cast<float>(at) * step);
            }
            offset_[side] = offset;
            last_dry_[side] = dry(side, frames, frames - 1);
            last_heard_[side] = out[side][frames - 1];
        }
        fade_position_ += frames;
        if (fade_position_ >= fade_frames_) state_ = State::Wet;
    }

private:
    enum class State : std::uint8_t { Wet, Dry, FadingIn, TakenOver };

    static constexpr double kFadeSeconds = 0.010;
    static constexpr double kLevelSeconds = 0.3;
    static constexpr double kQuiet = 1e-8;       // mean square below which levels say nothing
    static constexpr double kRest = 2.0;         // of level_frames_: as long a silence is a rest
    static constexpr double kAttenuates = 0.25;  // power ratio: 6 dB
    static constexpr double kSameLevel = 0.8;    // power ratio: 1 dB, which nobody hears

    // Of the block of `frames` that was written last.
    float dry(std::size_t side, int frames, int frame) const ISB_RT {
        return past_.at(side, latency_ + static_cast<std::uint32_t>(frames - frame));
    }
    bool offset_heard() const ISB_RT {
        return std::fabs(offset_[0]) > 1e-6f || std::fabs(offset_[1]) > 1e-6f;
    }
    // What is heard is the input as it is.
    bool is_plain() const ISB_RT {
        return state_ == State::Dry && latency_ == 0 && gain_ == 1.0f && !offset_heard();
    }

    void begin_dry(const float* const* in, bool by_user) ISB_RT {
        const bool was_plain = is_plain();  // then nobody asked: what was heard is not known here
        by_user_ = by_user;
        gain_ = gain_of_dry(by_user);
        for (std::size_t side = 0; side < 2; ++side) {
            if (was_plain) last_heard_[side] = last_dry_[side] = in[side][0];
            offset_[side] = last_heard_[side] - gain_ * last_dry_[side];
        }
        state_ = State::Dry;
        is_filled_ = is_spliced_ = false;
    }

    float gain_of_dry(bool by_user) const ISB_RT {
        if (by_user || policy_ == OnMiss::Dry) return 1.0f;
        if (policy_ == OnMiss::Silence || is_instrument_) return 0.0f;
        if (!(in_power_ > kQuiet)) return 1.0f;
        const double ratio = out_power_ / in_power_;
        if (ratio < kAttenuates) return 0.0f;
        return ratio < kSameLevel ? static_cast<float>(std::sqrt(ratio)) : 1.0f;
    }

    // Compares the slot's output with its input of the same time.
    void track(double in_power, double out_power, int frames) ISB_RT {
        if (policy_ != OnMiss::Auto || is_instrument_) return;
        const double given = (latency_ == 0 ? in_power : dry_power(frames)) / frames;
        // A rest says nothing about the slot: what it did before is remembered,
        // or a limiter lost in a rest would be loud after it.
        quiet_frames_ = given > kQuiet ? 0.0 : quiet_frames_ + frames;
        if (quiet_frames_ > kRest * level_frames_) return;
        const double keep = std::exp(-static_cast<double>(frames) / level_frames_);
        in_power_ = in_power_ * keep + given * (1.0 - keep);
        out_power_ = out_power_ * keep + out_power * (1.0 - keep) / frames;
    }

    double dry_power(int frames) const ISB_RT {
        constexpr int kChunk = 64;
        double power = 0.0;
        float left[kChunk], right[kChunk];
        const float* const chunk[2] = {left, right};
        for (int from = 0; from < frames; from += kChunk) {
            const int count = std::min(kChunk, frames - from);
            for (int i = 0; i < count; ++i) {
                left[i] = dry(0, frames, from + i);
                right[i] = dry(1, frames, from + i);
            }
            power += level_of(chunk, count).power;
        }
        return power;
    }

    VariableDelay past_;
    float decay_;
    int fade_frames_;
    double level_frames_;
    std::uint32_t latency_ = 0;
    bool keeps_past_ = false;  // once it had latency
    OnMiss policy_ = OnMiss::Auto;
    bool is_instrument_ = false;
    bool by_user_ = false;
    State state_ = State::Dry;  // until the plugin has delivered, its input is heard
    float gain_ = 1.0f;         // of the dry input
    int fade_position_ = 0;
    bool is_filled_ = false;   // whoever delivers next has had all of the input
    bool is_spliced_ = false;  // the fade is from one instance to another
    float offset_[2] = {}, last_heard_[2] = {}, last_dry_[2] = {};
    double in_power_ = 0.0, out_power_ = 0.0;
    double quiet_frames_ = 0.0;  // how long the input has been silent
};

// Goes on from the last sample heard where a signal is about to continue differently.
class Splice {
public:
    explicit Splice(double sample_rate) : decay_(decay_of(sample_rate)) {}

    // `changes`: from this block on the signal comes another way.
    void process(float* const* planes, int frames, bool changes) ISB_RT {
        for (std::size_t side = 0; side < 2; ++side) {
            float* const plane = planes[side];
            if (changes) offset_[side] = last_[side] - plane[0];
            if (offset_[side] != 0.0f) {
                float offset = offset_[side];
                for (int i = 0; i < frames; ++i) {
                    plane[i] += offset;
                    offset *= decay_;
                }
                offset_[side] = std::fabs(offset) > 1e-7f ? offset : 0.0f;
            }
            last_[side] = plane[frames - 1];
        }
    }

private:
    float decay_;
    float offset_[2] = {}, last_[2] = {};
};

}  // namespace isobooth::host
