// SPDX-License-Identifier: GPL-3.0-or-later
//
// One look at a block tells what is_clean tells of every sample, wherever in the block it lies and
// however long the block is, and the block's level.
#include "host/native/look.hpp"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "tests/native/check.hpp"

using namespace isobooth;

namespace {

constexpr int kLongest = 67;  // several steps of the look, and a rest

host::Look look_at(const std::vector<float> (&planes)[2], int frames) {
    // Copies of just this length, so that a sanitizer sees a look beyond the end.
    const std::vector<float> left(planes[0].begin(), planes[0].begin() + frames);
    const std::vector<float> right(planes[1].begin(), planes[1].begin() + frames);
    const float* const pointers[2] = {left.data(), right.data()};
    return host::look_at(pointers, frames);
}

void check_place_of(float value) {
    const bool clean = ipc::is_clean(&value, 1);
    for (const int frames : {1, 2, 15, 16, 17, 32, kLongest})
        for (unsigned side = 0; side < 2; ++side)
            for (int at = 0; at < frames; ++at) {
                std::vector<float> planes[2] = {std::vector<float>(kLongest, 0.25f),
                                                std::vector<float>(kLongest, -0.5f)};
                planes[side][static_cast<std::size_t>(at)] = value;
                CHECK(look_at(planes, frames).is_clean == clean, "%g at %d of %d, side %u",
                      static_cast<double>(value), at, frames, side);
            }
}

void check_level() {
    std::mt19937 random(1);
    std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
    std::vector<float> planes[2];
    for (auto& plane : planes)
        for (int i = 0; i < kLongest; ++i) plane.push_back(uniform(random));
    for (int frames = 1; frames <= kLongest; ++frames) {
        double power = 0.0;
        for (const auto& plane : planes)
            for (int i = 0; i < frames; ++i)
                power += std::pow(static_cast<double>(plane[static_cast<std::size_t>(i)]), 2.0);
        const host::Look look = look_at(planes, frames);
        CHECK(std::fabs(look.level.power - power) < 1e-5 * power, "%d frames: %g, not %g", frames,
              look.level.power, power);
        for (std::size_t side = 0; side < 2; ++side)
            CHECK(look.level.last[side] == planes[side][static_cast<std::size_t>(frames - 1)],
                  "%d frames, side %zu", frames, side);
    }
}

}  // namespace

int main() {
    constexpr float kLeast = std::numeric_limits<float>::min();
    constexpr float kInf = std::numeric_limits<float>::infinity();
    for (const float value :
         {0.0f, 1.0f, kLeast, std::nextafter(kLeast, 0.0f),
          std::numeric_limits<float>::denorm_min(), ipc::kOverLevel,
          std::nextafter(ipc::kOverLevel, 100.0f), std::numeric_limits<float>::max(), kInf,
          std::numeric_limits<float>::quiet_NaN()}) {
        check_place_of(value);
        check_place_of(-value);
    }
    check_level();
    return 0;
}
