// SPDX-License-Identifier: GPL-3.0-or-later
//
// Small pieces of signal handling that every node of the mix uses: a stereo buffer and delay lines.
#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "host/native/realtime.hpp"
#include "ipc/native/layout.hpp"

namespace isobooth::host {

// Stereo planes of a block, allocated off the audio thread.
struct StereoBuffer {
    explicit StereoBuffer(std::uint32_t max_frames) {
        for (auto& plane : planes) plane.assign(max_frames, 0.0f);
    }
    float* operator[](std::size_t side) { return planes[side].data(); }
    const float* operator[](std::size_t side) const { return planes[side].data(); }

    void clear(int frames) ISB_RT {
        for (auto& plane : planes) std::fill_n(plane.data(), frames, 0.0f);
    }
    void copy(const float* left, const float* right, int frames) ISB_RT {
        std::memcpy(planes[0].data(), left, static_cast<std::size_t>(frames) * sizeof(float));
        std::memcpy(planes[1].data(), right, static_cast<std::size_t>(frames) * sizeof(float));
    }
    void add(const float* left, const float* right, int frames) ISB_RT {
        const float* sides[2] = {left, right};
        for (std::size_t side = 0; side < 2; ++side)
            for (int i = 0; i < frames; ++i)
                planes[side][static_cast<std::size_t>(i)] += sides[side][i];
    }

    std::vector<float> planes[ipc::kBusChannels];
};

// A stereo delay of a fixed number of frames; what plan delay compensation is made of.
class DelayLine {
public:
    DelayLine(std::uint32_t delay_frames, std::uint32_t max_frames) : delay_(delay_frames) {
        std::uint32_t size = 1;
        while (size < delay_frames + max_frames) size <<= 1;
        mask_ = size - 1;
        for (auto& ring : rings_) ring.assign(size, 0.0f);
    }

    std::uint32_t delay_frames() const { return delay_; }

    void process(const float* const* in, float* const* out, int frames) ISB_RT {
        for (std::size_t side = 0; side < 2; ++side) {
            float* ring = rings_[side].data();
            for (int i = 0; i < frames; ++i)
                ring[(position_ + static_cast<std::uint32_t>(i)) & mask_] = in[side][i];
            const std::uint32_t from = position_ - delay_;
            for (int i = 0; i < frames; ++i)
                out[side][i] = ring[(from + static_cast<std::uint32_t>(i)) & mask_];
        }
        position_ += static_cast<std::uint32_t>(frames);
    }

private:
    std::uint32_t delay_, mask_ = 0, position_ = 0;
    std::vector<float> rings_[2];
};

// The recent past of a stereo signal, and a delay whose length may change from block to block.
class VariableDelay {
public:
    // `capacity_frames`: the longest delay, at least.
    VariableDelay(std::uint32_t capacity_frames, std::uint32_t max_frames) {
        std::uint32_t size = 1;
        while (size < capacity_frames + max_frames) size <<= 1;
        mask_ = size - 1;
        capacity_ = size - max_frames;
        for (auto& ring : rings_) ring.assign(size, 0.0f);
    }

    std::uint32_t capacity() const ISB_RT { return capacity_; }

    void write(const float* const* in, int frames) ISB_RT {
        const std::uint32_t from = position_ & mask_;
        const auto count = static_cast<std::uint32_t>(frames);
        const std::uint32_t first = std::min(count, mask_ + 1 - from);
        for (std::size_t side = 0; side < 2; ++side) {
            float* const ring = rings_[side].data();
            std::memcpy(ring + from, in[side], first * sizeof(float));
            std::memcpy(ring, in[side] + first, (count - first) * sizeof(float));
        }
        position_ += count;
    }

    // The sample written `ago` frames ago; 1: the last.
    float at(std::size_t side, std::uint32_t ago) const ISB_RT {
        return rings_[side][(position_ - ago) & mask_];
    }

    // Writes a block and reads it back `delay` frames late. `out` may be `in`.
    void process(const float* const* in, float* const* out, int frames,
                 std::uint32_t delay) ISB_RT {
        write(in, frames);
        delay = std::min(delay, capacity_);
        for (std::size_t side = 0; side < 2; ++side)
            for (int i = 0; i < frames; ++i)
                out[side][i] = at(side, delay + static_cast<std::uint32_t>(frames - i));
    }

private:
    std::uint32_t mask_ = 0, capacity_ = 0, position_ = 0;
    std::vector<float> rings_[2];
};

}  // namespace isobooth::host
