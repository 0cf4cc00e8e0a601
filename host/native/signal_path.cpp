// SPDX-License-Identifier: GPL-3.0-or-later
#include "host/native/signal_path.hpp"

#include <algorithm>

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

void SignalPath::begin(const float* const* input, const BlockTime& time) ISB_RT {
    frames_ = time.frames;
    part_frames_ = time.part_frames;
    first_part_ = time.first_part;
    signal_[0] = input[0];
    signal_[1] = input[1];
    record_ = kNoRecord;
    muted_ = is_repaired_ = is_level_known_ = false;
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
    is_repaired_ = is_level_known_ = false;
}

const Level& SignalPath::level() ISB_RT {
    if (!is_level_known_) level_ = level_of(signal_, frames_);
    is_level_known_ = true;
    return level_;
}

void SignalPath::cover(PluginSlot& slot) ISB_RT {
    if (!slot.cover.must_cover(slot.bypassed_by_user))
        return;  // steadily out of the way: the input goes on as it is
    StereoBuffer& buffer = unused();
    float* out[kBusChannels] = {buffer[0], buffer[1]};
    slot.cover.cover(signal_, out, frames_, slot.bypassed_by_user);
    continue_in(buffer);
}

void SignalPath::take(PluginSlot& slot, const Delivery& delivery) ISB_RT {
    const float* wet[kBusChannels] = {delivery.output.audio_out(delivery.half, 0),
                                      delivery.output.audio_out(delivery.half, 1)};
    // The copy before this one may still be this slot's input.
    StereoBuffer& taken = use_taken_b_ ? taken_b_ : taken_a_;
    const auto copy = [&] {
        use_taken_b_ = !use_taken_b_;
        taken.copy(wet[0], wet[1], frames_);
        wet[0] = taken[0];
        wet[1] = taken[1];
    };
    // First: its worker may write it again while it is looked at.
    if (delivery.is_kept) copy();
    Look look = look_at(wet, frames_);
    const bool clean = look.is_clean;
    if (!clean) {
        if (!delivery.is_kept) copy();
        repair_taken(slot, taken);
        look.level = level_of(wet, frames_);
    } else {
        slot.counters.nonfinite.end();
        slot.counters.overlevel.end();
        slot.runaway_frames = 0;
        std::copy_n(look.level.last, kBusChannels, slot.last_good);
    }

    const bool muted = static_cast<double>(slot.runaway_frames) > runaway_frames_;
    muted_ = muted_ || muted;
    if (delivery.fades && (muted || slot.cover.must_fade_in())) {
        StereoBuffer& buffer = unused();
        float* out[kBusChannels] = {buffer[0], buffer[1]};
        if (muted)
            slot.cover.cover(signal_, out, frames_, false);
        else
            slot.cover.fade_in(signal_, wet, out, frames_);
        continue_in(buffer);
        return;
    }
    slot.cover.delivered(signal_, level(), look.level, frames_);
    signal_[0] = wet[0];
    signal_[1] = wet[1];
    // The next worker reads the record's file, unless that needed repair.
    record_ = clean ? static_cast<std::int32_t>(delivery.record) : kNoRecord;
    is_repaired_ = delivery.is_kept || !clean;
    level_ = look.level;
    is_level_known_ = true;
}

void SignalPath::repair_taken(PluginSlot& slot, StereoBuffer& taken) ISB_RT {
    for (int at = 0; at < frames_; at += part_frames_) {
        const int frames = std::min(part_frames_, frames_ - at);
        RepairCount count;
        for (unsigned side = 0; side < kBusChannels; ++side) {
            const RepairCount fixed = repair(taken[side] + at, frames, slot.last_good[side]);
            count.nonfinite += fixed.nonfinite;
            count.over_level += fixed.over_level;
        }
        note_repairs(slot, count, at, frames);
    }
}

void SignalPath::note_repairs(PluginSlot& slot, const RepairCount& count, int at,
                              int frames) ISB_RT {
    SlotCounters& counters = slot.counters;
    const std::uint64_t block = first_part_ + static_cast<std::uint64_t>(at / part_frames_);
    counters.repaired_samples.fetch_add(count.nonfinite + count.over_level,
                                        std::memory_order_relaxed);
    count.nonfinite ? counters.nonfinite.extend(block) : counters.nonfinite.end();
    count.over_level ? counters.overlevel.extend(block) : counters.overlevel.end();
    slot.runaway_frames = count.over_level ? slot.runaway_frames + frames : 0;
}

}  // namespace isobooth::host
