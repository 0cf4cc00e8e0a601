// SPDX-License-Identifier: GPL-3.0-or-later
#include "host/native/pipelined_sound.hpp"

#include "ipc/native/repair.hpp"

namespace isobooth::host {

using ipc::kBusChannels;

PipelinedSound::PipelinedSound(const ipc::Geometry& geometry)
    : cover_(geometry.sample_rate, geometry.max_frames, kLongestLatency),
      delay_out_(kLongestLatency, geometry.max_frames),
      splice_(geometry.sample_rate),
      delay_splice_(geometry.sample_rate) {}

void PipelinedSound::hear(const Flight& flight, const float* const* input, const float* const* wet,
                          bool delivered, StereoBuffer& heard, float* last_good,
                          int frames) ISB_RT {
    float* out[kBusChannels] = {heard[0], heard[1]};
    if (!started_) {  // there was no block before: silence, and nothing to fade from
        started_ = true;
        heard.clear(frames);
        cover_.start_wet();
        return;
    }
    cover_.set_latency(flight.latency);
    cover_.set_policy(flight.policy, flight.is_instrument);
    const bool changes = heard_any_ && flight.path != path_;
    // The step that a slot makes which is let in or out, and what a slot that is let in was given
    // long ago, come out of the slots behind it only later.
    const bool bridged = changes && flight.latency > 0 && cover_.hold_back(input);
    if (!delivered) {
        cover_.cover(input, out, frames, false);
        splice_.process(out, frames, changes && !bridged);
    } else if (cover_.must_fade_in()) {
        cover_.fade_in(input, wet, out, frames);
        splice_.process(out, frames, changes && !bridged);
    } else {
        heard.copy(wet[0], wet[1], frames);
        for (unsigned side = 0; side < kBusChannels; ++side)
            ipc::repair(heard[side], frames, last_good[side]);
        splice_.process(out, frames, changes && !bridged);
        const float* plain[kBusChannels] = {heard[0], heard[1]};
        cover_.delivered(input, level_of(input, frames), level_of(plain, frames), frames);
    }
    delay_out_.process(out, out, frames, flight.latency_out);
    delay_splice_.process(out, frames, heard_any_ && flight.latency_out != latency_out_);
    path_ = flight.path;
    latency_out_ = flight.latency_out;
    heard_any_ = true;
}

}  // namespace isobooth::host
