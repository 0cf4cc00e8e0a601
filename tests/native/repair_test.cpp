// SPDX-License-Identifier: GPL-3.0-or-later
//
// Repairing foreign audio: every kind of float there is, what is counted, and that a repair does
// not click.
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "ipc/native/repair.hpp"
#include "tests/native/check.hpp"

using namespace isobooth::ipc;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kDenormal = std::numeric_limits<float>::denorm_min();
constexpr float kSmallest = std::numeric_limits<float>::min();

std::uint32_t bits(float value) { return std::bit_cast<std::uint32_t>(value); }

enum class Kind { Good, NonFinite, OverLevel, Denormal };

// By the library's idea of floats, to check against the integer comparisons of the code.
Kind kind_of(float value) {
    if (!std::isfinite(value)) return Kind::NonFinite;
    if (std::fabs(value) > kOverLevel) return Kind::OverLevel;
    return std::fpclassify(value) == FP_SUBNORMAL ? Kind::Denormal : Kind::Good;
}

// One sample on its own, with 0.5 before it.
void check_one(float value) {
    const Kind kind = kind_of(value);
    CHECK(is_clean(&value, 1) == (kind == Kind::Good), "%08x", bits(value));
    float repaired = value, last = 0.5f;
    const RepairCount count = repair(&repaired, 1, last);
    CHECK(count.nonfinite == (kind == Kind::NonFinite), "%08x", bits(value));
    CHECK(count.over_level == (kind == Kind::OverLevel), "%08x", bits(value));
    CHECK(count.denormal == (kind == Kind::Denormal), "%08x", bits(value));
    CHECK(count.total() == (kind != Kind::Good), "%08x", bits(value));
    CHECK(is_clean(&repaired, 1), "%08x became %08x", bits(value), bits(repaired));
    CHECK(bits(last) == bits(repaired), "%08x: last is %08x", bits(value), bits(last));
    switch (kind) {
        case Kind::Good:
            CHECK(bits(repaired) == bits(value), "%08x became %08x", bits(value), bits(repaired));
            break;
        case Kind::NonFinite:
            CHECK(repaired > 0.0f && repaired < 0.5f, "%08x became %g", bits(value),
                  static_cast<double>(repaired));
            break;
        case Kind::OverLevel:
            CHECK(repaired == std::copysign(kOverLevel, value), "%08x became %g", bits(value),
                  static_cast<double>(repaired));
            break;
        case Kind::Denormal:
            CHECK(repaired == 0.0f, "%08x became %08x", bits(value), bits(repaired));
            break;
    }
}

int every_kind_of_float() {
    const float special[] = {0.0f,
                             -0.0f,
                             1.0f,
                             -1.0f,
                             kNan,
                             -kNan,
                             std::numeric_limits<float>::signaling_NaN(),
                             kInf,
                             -kInf,
                             kDenormal,
                             -kDenormal,
                             kSmallest,
                             -kSmallest,
                             std::nextafter(kSmallest, 0.0f),
                             kOverLevel,
                             -kOverLevel,
                             std::nextafter(kOverLevel, kInf),
                             std::nextafter(-kOverLevel, -kInf),
                             std::nextafter(kOverLevel, 0.0f),
                             std::numeric_limits<float>::max(),
                             std::numeric_limits<float>::lowest()};
    int checked = 0;
    for (const float value : special) check_one(value), ++checked;
    // Every exponent and sign, with mantissas at their ends.
    for (std::uint32_t top = 0; top < 512; ++top)
        for (const std::uint32_t mantissa : {0u, 1u, 0x3fffffu, 0x400000u, 0x7ffffeu, 0x7fffffu})
            check_one(std::bit_cast<float>(top << 23 | mantissa)), ++checked;
    std::mt19937 random(1);
    for (int i = 0; i < 200'000; ++i)
        check_one(std::bit_cast<float>(static_cast<std::uint32_t>(random()))), ++checked;
    CHECK(std::fabs(20.0f * std::log10(kOverLevel) - 30.0f) < 1e-4f, "over-level is not +30 dB");
    return checked;
}

void one_bad_sample_is_found_wherever_it_is() {
    for (int frames = 0; frames <= 70; ++frames) {
        std::vector<float> block(static_cast<std::size_t>(frames) + 1, 0.25f);
        CHECK(is_clean(block.data(), frames), "%d frames", frames);
        block[static_cast<std::size_t>(frames)] = kNan;  // behind the block: not its business
        CHECK(is_clean(block.data(), frames), "%d frames, a NaN behind them", frames);
        for (int at = 0; at < frames; ++at)
            for (const float bad : {kNan, -kInf, 100.0f, -kDenormal}) {
                block.assign(block.size(), 0.25f);
                block[static_cast<std::size_t>(at)] = bad;
                CHECK(!is_clean(block.data(), frames), "frame %d of %d", at, frames);
            }
    }
}

void counts_each_kind() {
    std::vector<float> block = {0.1f, kNan,      kInf,  0.2f,       1e9f,  -50.0f, -kInf,
                                0.3f, kDenormal, -0.0f, -kDenormal, 32.0f, 0.4f};
    float last = 0.0f;
    const RepairCount count = repair(block.data(), static_cast<int>(block.size()), last);
    CHECK(count.nonfinite == 3, "%u", count.nonfinite);
    CHECK(count.over_level == 3, "%u", count.over_level);
    CHECK(count.denormal == 2, "%u", count.denormal);
    CHECK(count.total() == 8, "%u", count.total());
    CHECK(is_clean(block.data(), static_cast<int>(block.size())), "not clean after repair");
    for (const auto& [at, value] :
         {std::pair{0, 0.1f}, {3, 0.2f}, {7, 0.3f}, {9, -0.0f}, {12, 0.4f}})
        CHECK(bits(block[static_cast<std::size_t>(at)]) == bits(value), "good frame %d changed",
              at);
    CHECK(bits(last) == bits(0.4f), "last is %g", static_cast<double>(last));

    float empty_last = 0.7f;
    CHECK(repair(block.data(), 0, empty_last).total() == 0, "an empty block");
    CHECK(empty_last == 0.7f, "an empty block changed the last sample");
}

// From any good sample: no step larger than a tenth of it, no overshoot, silence soon.
void a_hole_fades_without_a_click() {
    for (const float level : {kOverLevel, 1.0f, -1.0f, 0.5f, -1e-3f, 2e-6f, 1e-6f, 1e-9f, 0.0f}) {
        std::vector<float> block(512, kNan);
        float last = level;
        CHECK(repair(block.data(), 512, last).nonfinite == 512, "all are NaN");
        float before = level;
        for (std::size_t i = 0; i < block.size(); ++i) {
            const float step = std::fabs(block[i] - before);
            CHECK(step <= 0.1001f * std::fabs(before) + 1e-6f, "a step of %g at frame %zu after %g",
                  static_cast<double>(step), i, static_cast<double>(level));
            CHECK(std::fabs(block[i]) <= std::fabs(before), "it grows at frame %zu", i);
            CHECK(block[i] == 0.0f || std::signbit(block[i]) == std::signbit(level),
                  "it changes sign at frame %zu", i);
            before = block[i];
        }
        // A millisecond at 48 kHz leaves less than a hundredth; four of them nothing at all.
        CHECK(std::fabs(block[47]) <= 0.01f * std::fabs(level), "%g after 1 ms",
              static_cast<double>(block[47]));
        for (std::size_t i = 192; i < block.size(); ++i)
            CHECK(block[i] == 0.0f, "%g at frame %zu", static_cast<double>(block[i]), i);
        CHECK(std::fabs(last) < 1e-6f, "last is %g", static_cast<double>(last));
    }
}

// What is carried from block to block makes their borders unnoticeable.
void block_sizes_make_no_difference() {
    std::mt19937 random(2);
    const auto roll = [&](std::uint32_t sides) { return random() % sides; };
    for (int round = 0; round < 200; ++round) {
        std::vector<float> signal(1000);
        const std::uint32_t rarity = 1 + roll(20);
        for (std::size_t i = 0; i < signal.size();) {
            const float bad[] = {kNan, kInf, 1e6f, -64.0f, kDenormal, -kInf};
            const float value = bad[roll(6)];
            const bool is_bad = roll(rarity) == 0;
            const std::size_t run = std::min<std::size_t>(1 + roll(60), signal.size() - i);
            for (std::size_t k = 0; k < run; ++k, ++i)
                signal[i] = is_bad ? value : std::sin(0.05f * static_cast<float>(i));
        }
        std::vector<float> whole = signal, pieces = signal;
        float last_whole = 0.0f, last_pieces = 0.0f;
        const std::uint32_t total = repair(whole.data(), 1000, last_whole).total();
        std::uint32_t sum = 0;
        for (int at = 0; at < 1000;) {
            const int frames = std::min(static_cast<int>(1 + roll(130)), 1000 - at);
            sum += repair(pieces.data() + at, frames, last_pieces).total();
            at += frames;
        }
        CHECK(sum == total, "%u repairs in pieces, %u in one", sum, total);
        CHECK(bits(last_whole) == bits(last_pieces), "the last sample differs");
        CHECK(std::memcmp(whole.data(), pieces.data(), sizeof(float) * 1000) == 0,
              "the samples differ");
        CHECK(is_clean(whole.data(), 1000), "not clean after repair");
        CHECK(repair(whole.data(), 1000, last_whole).total() == 0, "repaired twice");
    }
}

// A hole at a block's start goes on from the block before, clean or repaired.
void a_hole_begins_where_the_last_block_ended() {
    float last = 0.0f;
    float clean[4] = {0.1f, 0.2f, 0.3f, 0.8f};
    CHECK(repair(clean, 4, last).total() == 0 && last == 0.8f, "a clean block");
    float hole[2] = {kNan, kNan};
    repair(hole, 2, last);
    CHECK(std::fabs(hole[0] - 0.72f) < 1e-6f, "%g", static_cast<double>(hole[0]));
    CHECK(std::fabs(hole[1] - 0.648f) < 1e-6f, "%g", static_cast<double>(hole[1]));
    float loud[1] = {-1e20f};
    repair(loud, 1, last);
    float behind[1] = {kInf};
    repair(behind, 1, last);
    CHECK(std::fabs(behind[0] + 0.9f * kOverLevel) < 1e-4f, "%g", static_cast<double>(behind[0]));
}

}  // namespace

int main() {
    const int floats = every_kind_of_float();
    one_bad_sample_is_found_wherever_it_is();
    counts_each_kind();
    a_hole_fades_without_a_click();
    block_sizes_make_no_difference();
    a_hole_begins_where_the_last_block_ended();
    std::printf("repair_test: %d floats, holes, counts and block sizes\n", floats);
    return 0;
}
