// SPDX-License-Identifier: GPL-3.0-or-later
//
// fault:KIND. A plugin that misbehaves on purpose, as real ones do: what the rest of the program
// is tested against, and what a user can try the host with.
//
// It is a stereo gain until its time comes: after `after` blocks, counted from its loading (the
// blocks that warm a worker up included; a restarted worker counts anew), it commits its fault in
// every `every`th block, at most `times` times (0: without end). The same blocks give the same
// faults on every run.
#pragma once

#include <optional>
#include <string_view>

#include "sandbox/native/parameter_processor.hpp"
#include "sandbox/native/ramp.hpp"

namespace isobooth::sandbox {

enum class FaultKind {
    Segv,
    Abort,
    Exit,
    Spin,
    Deadlock,
    Sleep,
    Nan,
    Inf,
    Loud,
    Leak,
    StackOverflow,
    DoubleFree,
    Stop,
};

std::optional<FaultKind> fault_kind(std::string_view name);
std::vector<std::string> fault_kinds();

struct FaultPlan {
    std::int64_t after = 100;
    std::int64_t every = 1;
    std::int64_t times = 0;
    int sleep_ms = 50;  // Sleep
    int leak_mb = 1;    // Leak
};

// Does what `kind` says, here and now: for faults outside a block. Nan, Inf and Loud do nothing.
void commit_fault(FaultKind kind, const FaultPlan& plan) noexcept;

class FaultProcessor : public ParameterProcessor {
public:
    FaultProcessor(double sample_rate, FaultKind kind, const FaultPlan& plan);

protected:
    void parameter_changed(std::size_t, double plain) noexcept override {
        gain_.move_to(db_to_gain(plain));
    }
    void begin_block() noexcept override;
    bool run(PluginBlock& stretch) noexcept override;

private:
    bool is_due() noexcept;

    FaultKind kind_;
    FaultPlan plan_;
    std::int64_t blocks_ = 0, committed_ = 0;
    bool spoils_block_ = false;
    Ramp gain_;
};

}  // namespace isobooth::sandbox
