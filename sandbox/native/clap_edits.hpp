// SPDX-License-Identifier: GPL-3.0-or-later
//
// Parameters that a CLAP plugin says it has changed by itself, as its editor does: noted by whoever
// is inside the gate, fetched by the main thread. The newest value of each counts.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "sandbox/native/clap_parameter.hpp"

namespace isobooth::sandbox {

class ClapEdits {
public:
    // Plain values, by the parameter's place. Not while blocks are processed.
    void expect(const std::vector<ClapParameter>& parameters) {
        places_.clear();
        for (std::size_t i = 0; i < parameters.size(); ++i)
            if (!parameters[i].read_only) places_.emplace_back(parameters[i].clap_id, i);
        std::sort(places_.begin(), places_.end());
        values_.reset(new std::atomic<double>[parameters.size()]);
        size_ = parameters.size();
        for (std::size_t i = 0; i < size_; ++i) values_[i].store(kNone, std::memory_order_relaxed);
    }

    void note(clap::Id id, double plain) noexcept {
        const auto at =
            std::lower_bound(places_.begin(), places_.end(), std::pair{id, std::size_t{0}});
        if (at == places_.end() || at->first != id || !std::isfinite(plain)) return;
        values_[at->second].store(plain, std::memory_order_relaxed);
        any_.store(true, std::memory_order_release);
    }

    std::vector<std::pair<std::size_t, double>> take() {
        std::vector<std::pair<std::size_t, double>> taken;
        if (!any_.exchange(false, std::memory_order_acquire)) return taken;
        for (std::size_t i = 0; i < size_; ++i)
            if (const double plain = values_[i].exchange(kNone, std::memory_order_relaxed);
                !std::isnan(plain))
                taken.emplace_back(i, plain);
        return taken;
    }

private:
    static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

    std::vector<std::pair<clap::Id, std::size_t>> places_;  // in the order of ids
    std::unique_ptr<std::atomic<double>[]> values_;         // NaN: no news
    std::size_t size_ = 0;
    std::atomic<bool> any_{false};
};

}  // namespace isobooth::sandbox
