// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is heard in a slot's place: continuous at every change, at the slot's own level, in time,
// and exact where it can be.
#include "host/native/cover.hpp"

#include <array>
#include <cmath>
#include <functional>
#include <numbers>
#include <vector>

#include "tests/native/check.hpp"

using namespace isobooth::host;

namespace {

constexpr double kRate = 48000.0;
constexpr int kFrames = 128;
constexpr double kFrequency = 200.0;
// A sine's own largest step.
constexpr double kStep = 2.0 * std::numbers::pi * kFrequency / kRate;

// A slot, and a listener who writes down the left side.
class Listening {
public:
    explicit Listening(float gain = 1.0f, std::uint32_t latency = 0)
        : cover(kRate, kFrames, 4096), gain_(gain), latency_(latency) {
        cover.set_latency(latency);
        cover.set_policy(OnMiss::Auto, false);
        cover.start_wet();
    }

    // Blocks that the slot plays.
    void plays(int blocks) {
        while (blocks-- > 0) {
            block([this](const float* const* in, float* const* out) {
                const float* const wet[2] = {wet_[0].data(), wet_[1].data()};
                if (cover.must_fade_in()) {
                    cover.fade_in(in, wet, out, kFrames);
                } else {
                    std::copy_n(wet[0], kFrames, out[0]);
                    cover.delivered(in, level_of(in, kFrames), level_of(wet, kFrames), kFrames);
                }
            });
        }
    }

    // Blocks that it does not play.
    void misses(int blocks, bool by_user = false) {
        while (blocks-- > 0) {
            block([&](const float* const* in, float* const* out) {
                if (cover.must_cover(by_user))
                    cover.cover(in, out, kFrames, by_user);
                else
                    std::copy_n(in[0], kFrames, out[0]);  // passed by without the host
            });
        }
    }

    void set_gain(float gain) { gain_ = gain; }

    double largest_step() const {
        double largest = 0.0;
        for (std::size_t i = 1; i < heard.size(); ++i)
            largest = std::max(largest, std::fabs(static_cast<double>(heard[i] - heard[i - 1])));
        return largest;
    }
    // The largest sample of the last `blocks` blocks.
    float peak(int blocks) const {
        float largest = 0.0f;
        for (std::size_t i = heard.size() - static_cast<std::size_t>(blocks * kFrames);
             i < heard.size(); ++i)
            largest = std::max(largest, std::fabs(heard[i]));
        return largest;
    }
    float input_at(std::int64_t frame) const {
        return frame < 0 ? 0.0f : static_cast<float>(std::sin(kStep * static_cast<double>(frame)));
    }

    Cover cover;
    std::vector<float> heard;

private:
    using Way = std::function<void(const float* const*, float* const*)>;
    void block(const Way& way) {
        std::array<std::array<float, kFrames>, 2> in, out;
        for (int i = 0; i < kFrames; ++i) {
            const std::int64_t frame = frame_ + i;
            in[0][i] = in[1][i] = input_at(frame);
            wet_[0][i] = wet_[1][i] = gain_ * input_at(frame - latency_);
        }
        const float* const ins[2] = {in[0].data(), in[1].data()};
        float* const outs[2] = {out[0].data(), out[1].data()};
        way(ins, outs);
        heard.insert(heard.end(), out[0].begin(), out[0].end());
        frame_ += kFrames;
    }

    float gain_;
    std::uint32_t latency_;
    std::int64_t frame_ = 0;
    std::array<std::array<float, kFrames>, 2> wet_{};
};

void check_smooth(const Listening& listening, double gain) {
    // The sine's own step, and what an offset or a fade of twice its height adds.
    const double bound = kStep * std::max(1.0, gain) + 2.0 * (1.0 + gain) / (0.004 * kRate);
    CHECK(listening.largest_step() <= bound, "a step of %g, the bound is %g",
          listening.largest_step(), bound);
}

void a_transparent_slot_is_covered_bit_for_bit() {
    for (const std::uint32_t latency : {0u, 100u, 1000u}) {
        Listening slot(1.0f, latency);
        slot.plays(20);
        slot.misses(3);
        slot.plays(1);  // in the middle of the fade
        slot.misses(2);
        slot.plays(40);
        slot.misses(100);
        slot.plays(40);
        for (std::size_t i = 0; i < slot.heard.size(); ++i)
            CHECK(slot.heard[i] == slot.input_at(static_cast<std::int64_t>(i) - latency),
                  "latency %u, frame %zu", latency, i);
    }
}

void no_change_clicks() {
    for (const float gain : {1.0f, -1.0f, 0.7f, 0.01f, 3.0f, 0.0f}) {
        Listening slot(gain);
        slot.plays(200);
        for (int i = 1; i < 40; ++i) {
            slot.misses(i % 5 + 1, i % 7 == 0);
            slot.plays(i % 3 == 0 ? 1 : i);
        }
        check_smooth(slot, std::fabs(gain));
    }
}

void the_user_may_change_their_mind_without_a_click() {
    for (const float gain : {1.0f, 0.01f}) {
        Listening slot(gain);
        slot.plays(200);
        for (int i = 0; i < 20; ++i) {
            slot.misses(i, true);
            slot.misses(20 - i, false);
            if (i % 4 == 0) slot.plays(i);
        }
        check_smooth(slot, gain);
    }
}

void the_dry_signal_is_as_loud_as_the_slot_was() {
    const auto peak_in_the_gap = [](float gain, OnMiss policy, bool is_instrument, bool by_user) {
        Listening slot(gain);
        slot.cover.set_policy(policy, is_instrument);
        slot.plays(400);
        slot.misses(100, by_user);
        return slot.peak(50);
    };
    const auto near = [](float value, float wanted) { return std::fabs(value - wanted) < 0.01f; };
    CHECK(near(peak_in_the_gap(0.01f, OnMiss::Auto, false, false), 0.0f), "a lost limiter");
    CHECK(near(peak_in_the_gap(0.63f, OnMiss::Auto, false, false), 0.63f), "4 dB less");
    CHECK(near(peak_in_the_gap(0.95f, OnMiss::Auto, false, false), 1.0f), "less than 1 dB");
    CHECK(near(peak_in_the_gap(4.0f, OnMiss::Auto, false, false), 1.0f), "12 dB more");
    CHECK(near(peak_in_the_gap(1.0f, OnMiss::Auto, true, false), 0.0f), "an instrument");
    CHECK(near(peak_in_the_gap(1.0f, OnMiss::Silence, false, false), 0.0f), "wanted silent");
    CHECK(near(peak_in_the_gap(0.01f, OnMiss::Dry, false, false), 1.0f), "wanted dry");
    CHECK(near(peak_in_the_gap(0.01f, OnMiss::Auto, false, true), 1.0f), "bypassed");
    CHECK(near(peak_in_the_gap(1.0f, OnMiss::Silence, true, true), 1.0f), "bypassed, silent");
}

void what_is_steadily_out_of_the_way_needs_no_host() {
    Listening slot;
    slot.plays(50);
    CHECK(slot.cover.must_cover(false), "it plays: a miss must be heard by the host");
    slot.misses(100);
    CHECK(!slot.cover.must_cover(false) && !slot.cover.must_cover(true), "plain input");
    Listening late(1.0f, 64);
    late.plays(50);
    late.misses(100);
    CHECK(late.cover.must_cover(false), "its latency must stay in place");
    Listening quiet(0.01f);
    quiet.plays(400);
    quiet.misses(100);
    CHECK(quiet.cover.must_cover(false), "silence must be made");
}

void a_latency_beyond_the_capacity_is_cut_to_it() {
    Cover cover(kRate, kFrames, 4096);
    cover.set_latency(4096);
    CHECK(cover.latency() == 4096, "%u", cover.latency());
    cover.set_latency(1u << 30);
    CHECK(cover.latency() >= 4096 && cover.latency() < 1u << 20, "%u", cover.latency());
}

void a_splice_goes_on_from_what_was_heard() {
    Splice splice(kRate);
    std::array<float, kFrames> left, right;
    float* const planes[2] = {left.data(), right.data()};
    float before = 0.0f;
    for (int block = 0; block < 50; ++block) {
        const float level = block < 10 ? 0.5f : -0.25f;
        left.fill(level);
        right.fill(-level);
        splice.process(planes, kFrames, block == 10);
        for (int i = 0; i < kFrames; ++i) {
            CHECK(block == 0 || std::fabs(left[i] - before) < 0.01f, "block %d, frame %d", block,
                  i);
            CHECK(left[i] == -right[i], "sides differ");
            before = left[i];
        }
    }
    CHECK(before == -0.25f, "%g", static_cast<double>(before));
}

// A standby goes on where the other one was: from the last sample, and exact after the fade.
void a_takeover_between_two_blocks_is_smooth_and_then_exact() {
    constexpr int kFade = 480;  // 10 ms
    for (const float other : {1.0f, 0.5f, -1.0f}) {
        Listening slot;
        slot.plays(20);
        slot.cover.take_over();
        slot.set_gain(other);  // not the same, as it should be
        slot.plays(20);
        check_smooth(slot, 1.0);
        for (std::size_t i = 20 * kFrames + kFade; i < slot.heard.size(); ++i)
            CHECK(slot.heard[i] == other * slot.input_at(static_cast<std::int64_t>(i)), "frame %zu",
                  i);
    }
}

// Whoever stood by has had what a slot with latency would first have to be filled with.
void a_takeover_behind_a_gap_does_not_wait_for_the_latency() {
    constexpr std::uint32_t kLatency = 1024;
    constexpr int kFade = 480;
    for (const bool stood_by : {false, true}) {
        Listening slot(0.9f, kLatency);
        slot.plays(40);
        slot.misses(1);
        if (stood_by) slot.cover.take_over();
        slot.plays(20);
        check_smooth(slot, 1.0);
        const std::size_t end = 41 * kFrames + kFade + (stood_by ? 0 : kLatency);
        const auto wet = [&](std::size_t i) {
            return 0.9f * slot.input_at(static_cast<std::int64_t>(i) - kLatency);
        };
        CHECK(slot.heard[end - 20] != wet(end - 20), "it fades until then");
        for (std::size_t i = end; i < slot.heard.size(); ++i)
            CHECK(slot.heard[i] == wet(i), "frame %zu", i);
    }
}

}  // namespace

int main() {
    a_transparent_slot_is_covered_bit_for_bit();
    no_change_clicks();
    the_user_may_change_their_mind_without_a_click();
    the_dry_signal_is_as_loud_as_the_slot_was();
    what_is_steadily_out_of_the_way_needs_no_host();
    a_latency_beyond_the_capacity_is_cut_to_it();
    a_splice_goes_on_from_what_was_heard();
    a_takeover_between_two_blocks_is_smooth_and_then_exact();
    a_takeover_behind_a_gap_does_not_wait_for_the_latency();
    std::puts("cover_test: ok");
}
