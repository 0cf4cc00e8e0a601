// SPDX-License-Identifier: GPL-3.0-or-later
#include "host/native/signal_path.hpp"

#include "ipc/native/repair.hpp"

namespace isobooth::host {

using namespace ipc;

namespace {

// How long a level beyond any use is heard, clipped, before the slot is covered.
constexpr double kRunawaySeconds = 0.02;

}  // namespace

SignalPath::SignalPath(const Geometry& geometry)
    : runaway_frames_(kRunawaySeconds * geometry.sample_rate),
      mixed_a_(geometry.max_frames),
      mixed_b_(geometry.max_frames),
      taken_a_(geometry.max_frames),
      taken_b_(geometry.max_frames) {}

void SignalPath::begin(const float* const* input, int frames) ISB_RT {
    frames_ = frames;
    signal_[0] = input[0];
    signal_[1] = input[1];
    record_ = kNoRecord;
    muted_ = false;
}

StereoBuffer& SignalPath::unused() ISB_RT {
    StereoBuffer& buffer = use_mixed_b_ ? mixed_b_ : mixed_a_;
    use_mixed_b_ = !use_mixed_b_;
    return buffer;
}

void SignalPath::continue_in(const StereoBuffer& buffer) ISB_RT {
    signal_[0] = buffer[0];
    signal_[1] = buffer[1];
    record_ = kNoRecord;
}

void SignalPath::cover(PluginSlot& slot) ISB_RT {
    if (!slot.cover.must_cover(slot.bypassed_by_user))
        return;  // steadily out of the way: the input goes on as it is
    StereoBuffer& buffer = unused();
    float* out[kBusChannels] = {buffer[0], buffer[1]};
    slot.cover.cover(signal_, out, frames_, slot.bypassed_by_user);
    continue_in(buffer);
}

void SignalPath::take(PluginSlot& slot, const OutputView& output, unsigned half,
                      std::uint32_t record, bool fades) ISB_RT {
    // Read once: its worker may write it again while it is looked at. The copy before this one is
    // still this slot's input.
    StereoBuffer& taken = use_taken_b_ ? taken_b_ : taken_a_;
    use_taken_b_ = !use_taken_b_;
    taken.copy(output.audio_out(half, 0), output.audio_out(half, 1), frames_);
    const float* wet[kBusChannels] = {taken[0], taken[1]};

    const bool clean = is_clean(wet[0], frames_) && is_clean(wet[1], frames_);
    if (!clean) {
        repair_taken(slot, taken);
    } else {
        slot.counters.nonfinite_in_a_row.store(0, std::memory_order_relaxed);
        slot.counters.overlevel_in_a_row.store(0, std::memory_order_relaxed);
        slot.runaway_frames = 0;
        slot.last_good[0] = wet[0][frames_ - 1];
        slot.last_good[1] = wet[1][frames_ - 1];
    }

    const bool muted = static_cast<double>(slot.runaway_frames) > runaway_frames_;
    muted_ = muted_ || muted;
    if (fades && (muted || slot.cover.must_fade_in())) {
        StereoBuffer& buffer = unused();
        float* out[kBusChannels] = {buffer[0], buffer[1]};
        if (muted)
            slot.cover.cover(signal_, out, frames_, false);
        else
            slot.cover.fade_in(signal_, wet, out, frames_);
        continue_in(buffer);
        return;
    }
    slot.cover.delivered(signal_, wet, frames_);
    // The host goes on with its copy, the next worker with the record's file, unless that needed
    // repair.
    continue_in(taken);
    if (clean) record_ = static_cast<std::int32_t>(record);
}

void SignalPath::repair_taken(PluginSlot& slot, StereoBuffer& taken) ISB_RT {
    RepairCount count;
    for (unsigned side = 0; side < kBusChannels; ++side) {
        const RepairCount fixed = repair(taken[side], frames_, slot.last_good[side]);
        count.nonfinite += fixed.nonfinite;
        count.over_level += fixed.over_level;
        count.denormal += fixed.denormal;
    }
    SlotCounters& counters = slot.counters;
    counters.repaired_samples.fetch_add(count.nonfinite + count.over_level,
                                        std::memory_order_relaxed);
    count.nonfinite ? counters.nonfinite_in_a_row.fetch_add(1, std::memory_order_relaxed)
                    : counters.nonfinite_in_a_row.exchange(0, std::memory_order_relaxed);
    slot.runaway_frames = count.over_level ? slot.runaway_frames + frames_ : 0;
    count.over_level ? counters.overlevel_in_a_row.fetch_add(1, std::memory_order_relaxed)
                     : counters.overlevel_in_a_row.exchange(0, std::memory_order_relaxed);
}

}  // namespace isobooth::host
