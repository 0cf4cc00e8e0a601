// SPDX-License-Identifier: GPL-3.0-or-later
//
// Repairing audio that came from someone else: NaN, Inf, denormals and
// over-level.
//
// A single NaN in a filter's state silences it for good, so nothing that is not
// a plain number passes a process border: the host repairs what it reads, a
// worker repairs what it is given.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace isobooth::ipc {

// +30 dBFS. Louder than any intended signal inside a chain, far below what
// harms.
constexpr float kOverLevel = 31.6227766f;

struct RepairCount {
    std::uint32_t nonfinite = 0;
    std::uint32_t over_level = 0;
    std::uint32_t denormal = 0;

    std::uint32_t total() const { return nonfinite + over_level + denormal; }
};

// True if every sample is zero or a normal number within ±kOverLevel.
// Branch-free, vectorizes.
inline bool is_clean(const float* samples, int frames) noexcept {
    std::int32_t bad = 0;
    for (int i = 0; i < frames; ++i) {
        // Integer order of magnitudes is float order; NaN and Inf are above every
        // finite number. Signed: that is one instruction where unsigned is four.
        const std::int32_t magnitude = std::bit_cast<std::int32_t>(samples[i]) & 0x7fffffff;
        bad |= static_cast<std::int32_t>(magnitude > std::bit_cast<std::int32_t>(kOverLevel));
        bad |= static_cast<std::int32_t>(magnitude > 0) &
               static_cast<std::int32_t>(magnitude < 0x00800000);
    }
    return bad == 0;
}

// Repairs in place. A sample that is no number becomes the last good one,
// decaying to silence within about a millisecond, so that the repair itself
// does not click. `last` carries the last good sample from block to block.
inline RepairCount repair(float* samples, int frames, float& last) noexcept {
    RepairCount count;
    if (is_clean(samples, frames)) {
        if (frames > 0) last = samples[frames - 1];
        return count;
    }
    for (int i = 0; i < frames; ++i) {
        const std::uint32_t magnitude = std::bit_cast<std::uint32_t>(samples[i]) & 0x7fffffffu;
        if (magnitude >= 0x7f800000u) {
            last = std::fabs(last) < 1e-6f ? 0.0f : last * 0.9f;
            samples[i] = last;
            ++count.nonfinite;
        } else if (magnitude > std::bit_cast<std::uint32_t>(kOverLevel)) {
            samples[i] = std::copysign(kOverLevel, samples[i]);
            last = samples[i];
            ++count.over_level;
        } else if (magnitude - 1u < 0x007fffffu) {
            samples[i] = 0.0f;
            last = 0.0f;
            ++count.denormal;
        } else {
            last = samples[i];
        }
    }
    return count;
}

}  // namespace isobooth::ipc
