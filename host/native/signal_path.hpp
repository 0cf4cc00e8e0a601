// SPDX-License-Identifier: GPL-3.0-or-later
//
// The signal on its way through a chain: what the next slot is given, and, behind the last one,
// what the chain sounds like.
//
// It lies in a worker's file as long as slots simply deliver, and in host memory behind a slot that
// was covered, faded in or repaired. In the middle of a chain the host looks at it and leaves it where
// it is; what it hears itself is its own copy in either case.
#pragma once

#include "host/native/block_time.hpp"
#include "host/native/plugin_slot.hpp"
#include "host/native/signal.hpp"
#include "ipc/native/repair.hpp"

namespace isobooth::host {

class SignalPath {
public:
    explicit SignalPath(const ipc::Geometry& geometry);

    // A new block; `input` must stay valid until the next.
    void begin(const float* const* input, const BlockTime& time) ISB_RT;

    const float* const* planes() const ISB_RT { return signal_; }
    // Whose file it lies in; kNoRecord: host memory.
    std::int32_t record() const ISB_RT { return record_; }
    // A slot's level was beyond any use in this block.
    bool muted() const ISB_RT { return muted_; }

    // The next slot did not deliver.
    void cover(PluginSlot& slot) ISB_RT;
    // It lies in host memory and is fit to be heard.
    bool is_repaired() const ISB_RT { return is_repaired_; }
    const float* last() const ISB_RT { return level_.last; }

    // The next slot delivered into `half` of `record`'s output: checked, repaired, faded in unless
    // its chain `fades` as a whole. `is_kept`: the host will want the signal itself.
    struct Delivery {
        const ipc::OutputView& output;
        unsigned half;
        std::uint32_t record;
        bool fades, is_kept;
    };
    void take(PluginSlot& slot, const Delivery& delivery) ISB_RT;

private:
    // A host buffer that does not hold the signal.
    StereoBuffer& unused() ISB_RT;
    // From here on the signal lies in host memory.
    void continue_in(const StereoBuffer& buffer) ISB_RT;
    const Level& level() ISB_RT;
    void repair_taken(PluginSlot& slot, StereoBuffer& taken) ISB_RT;
    // One block of the plugin's own, `at` which it begins, with what was repaired in it.
    void note_repairs(PluginSlot& slot, const ipc::RepairCount& count, int at, int frames) ISB_RT;

    double runaway_frames_;
    int frames_ = 0, part_frames_ = 1;
    std::uint64_t first_part_ = 0;
    const float* signal_[ipc::kBusChannels] = {};
    std::int32_t record_ = ipc::kNoRecord;
    bool muted_ = false;
    bool is_repaired_ = false;
    bool is_level_known_ = false;
    Level level_;                     // of the signal, if known
    StereoBuffer mixed_a_, mixed_b_;  // host-side signal, used in turn
    StereoBuffer taken_a_, taken_b_;  // outputs as they were read, used in turn
    bool use_mixed_b_ = false, use_taken_b_ = false;
};

}  // namespace isobooth::host
