// SPDX-License-Identifier: GPL-3.0-or-later
//
// A value that moves to its target in a straight line, so that a turned knob does not click. The
// line starts at the frame of the change, and one frame at a time, so it is the same however the
// blocks fall.
#pragma once

#include <algorithm>
#include <cmath>

namespace isobooth::sandbox {

constexpr double kRampS = 0.005;  // short enough to feel immediate, long enough not to click

inline double db_to_gain(double db) { return std::pow(10.0, db / 20.0); }

class Ramp {
public:
    explicit Ramp(double sample_rate)
        : length_(std::max(1, static_cast<int>(std::lround(kRampS * sample_rate)))) {}

    void move_to(double target) noexcept {
        target_ = target;
        if (!started_) value_ = target;  // before the first frame there is nothing to click
        left_ = value_ == target ? 0 : length_;
        step_ = (target - value_) / length_;
    }

    double next() noexcept {
        started_ = true;
        if (left_ > 0) value_ = --left_ == 0 ? target_ : value_ + step_;
        return value_;
    }

private:
    int length_;
    int left_ = 0;
    bool started_ = false;
    double value_ = 0.0, target_ = 0.0, step_ = 0.0;
};

}  // namespace isobooth::sandbox
