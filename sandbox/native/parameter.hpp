// SPDX-License-Identifier: GPL-3.0-or-later
//
// A plugin parameter that we scale ourselves (LADSPA, pedalboard, built-in devices, faults): the
// one rule between the normalized 0..1 of the rest of the program and the plugin's plain value.
#pragma once

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace isobooth::sandbox {

struct Parameter {
    std::string id;  // stable between versions of the plugin
    std::string name;
    std::string unit;
    double minimum = 0.0;
    double maximum = 1.0;
    double initial = 0.0;              // the default
    bool logarithmic = false;          // only where minimum is above zero
    int steps = 0;                     // discrete values; 0: continuous
    std::vector<std::string> choices;  // names of the discrete values, or empty

    // True if the numbers can be scaled at all.
    bool valid() const {
        return std::isfinite(minimum) && std::isfinite(maximum) && std::isfinite(initial) &&
               minimum < maximum && minimum <= initial && initial <= maximum &&
               (!logarithmic || minimum > 0.0) && steps != 1 && steps >= 0;
    }

    // `plain` is bounded to the range; NaN becomes the default.
    float to_normalized(double plain) const noexcept {
        if (std::isnan(plain)) plain = initial;
        if (plain <= minimum) return 0.0f;
        if (plain >= maximum) return 1.0f;
        if (logarithmic)
            return static_cast<float>(std::log(plain / minimum) / std::log(maximum / minimum));
        return static_cast<float>((plain - minimum) / (maximum - minimum));
    }

    // A discrete parameter has no positions between its steps.
    double snapped(double position) const noexcept {
        return steps < 2 ? position : std::round(position * (steps - 1)) / (steps - 1);
    }

    // The default comes back exactly, although a float cannot hold every position: a plugin at
    // its default must sound like one whose default was never touched.
    double to_plain(float normalized) const noexcept {
        if (!(normalized > 0.0f)) return minimum;
        if (normalized >= 1.0f) return maximum;
        if (normalized == to_normalized(initial)) return initial;
        const double position = snapped(normalized);
        if (logarithmic) return minimum * std::pow(maximum / minimum, position);
        return minimum + (maximum - minimum) * position;
    }
};

}  // namespace isobooth::sandbox
