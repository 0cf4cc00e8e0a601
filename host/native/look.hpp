// SPDX-License-Identifier: GPL-3.0-or-later
//
// A block of somebody else's memory at one look: whether it may be heard as it is, and its level.
// Its worker may write it meanwhile, so each sample is read once.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "host/native/realtime.hpp"
#include "ipc/native/layout.hpp"
#include "ipc/native/repair.hpp"

namespace isobooth::host {

// What the next block is compared with, and goes on from.
struct Level {
    double power = 0.0;                  // sum of both sides' squares
    float last[ipc::kBusChannels] = {};  // the block's last samples
};

struct Look {
    bool is_clean = true;  // as ipc::is_clean
    Level level;           // of no use unless clean
};

namespace look {

// Of the processor's vectors: GCC does not make them out of two sums in one loop.
constexpr int kLanes = 4, kVectors = 4, kStep = kLanes * kVectors;
using Floats = float __attribute__((vector_size(kLanes * sizeof(float))));
using Bits = std::int32_t __attribute__((vector_size(kLanes * sizeof(std::int32_t))));
using Words = std::uint32_t __attribute__((vector_size(kLanes * sizeof(std::uint32_t))));

struct Sums {
    Floats power[kVectors] = {};
    Bits bad = {};  // a lane is not 0 once a sample was not clean
};

// kStep samples. Of magnitudes, integer order is float order; NaN and Inf are above every finite
// number. Moved down by the least normal number, those below it wrap to the top of the unsigned
// ones; and moved by half the range, a signed comparison, which is one instruction, tells.
inline void add(Sums& sums, const float* samples) ISB_RT {
    constexpr std::uint32_t kMove = 0x80000000u - 0x00800000u;
    constexpr auto kHighest =
        static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(ipc::kOverLevel) + kMove);
    Floats part[kVectors];
    std::memcpy(part, samples, sizeof part);
    for (int v = 0; v < kVectors; ++v) {
        sums.power[v] += part[v] * part[v];
        const Words magnitude = std::bit_cast<Words>(part[v]) & 0x7fffffffu;
        sums.bad |= (std::bit_cast<Bits>(magnitude + kMove) > kHighest) & (magnitude != 0);
    }
}

}  // namespace look

// `planes`: kBusChannels of `frames` samples, at least 1.
inline Look look_at(const float* const* planes, int frames) ISB_RT {
    look::Sums sums;
    Look seen;
    for (std::size_t side = 0; side < ipc::kBusChannels; ++side) {
        const float* const plane = planes[side];
        int i = 0;
        for (; i + look::kStep <= frames; i += look::kStep) look::add(sums, plane + i);
        float rest[look::kStep] = {};
        std::memcpy(rest, plane + i, static_cast<std::size_t>(frames - i) * sizeof(float));
        look::add(sums, rest);
        seen.level.last[side] = plane[frames - 1];  // a second look at it, so judged by itself
        seen.is_clean = seen.is_clean && ipc::is_clean(&seen.level.last[side], 1);
    }
    for (const look::Floats& part : sums.power)
        for (int lane = 0; lane < look::kLanes; ++lane)
            seen.level.power += static_cast<double>(part[lane]);
    for (int lane = 0; lane < look::kLanes; ++lane)
        seen.is_clean = seen.is_clean && sums.bad[lane] == 0;
    return seen;
}

inline Level level_of(const float* const* planes, int frames) ISB_RT {
    return look_at(planes, frames).level;
}

}  // namespace isobooth::host
