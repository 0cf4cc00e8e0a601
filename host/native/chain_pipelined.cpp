// SPDX-License-Identifier: GPL-3.0-or-later
//
// Pipelined chains: the block picks up what the one before delivered, so the host never waits. The
// deadline of a block is the start of the next.
#include "host/native/chain.hpp"

namespace isobooth::host {

using namespace ipc;

// Takes what the block before delivered, then starts this one.
void Chain::begin_pipelined() ISB_RT {
    const float* const input[kBusChannels] = {signal_.planes()[0], signal_.planes()[1]};
    const float* const before[kBusChannels] = {previous_input_[0], previous_input_[1]};
    run_.ran_any = flight_.linked;
    collect_flight(before);
    previous_input_.copy(input[0], input[1], run_.time->frames);
    start_flight();
}

// `input`: of the block in flight. Leaves in final_ what is heard of it.
void Chain::collect_flight(const float* const* input) ISB_RT {
    bool delivered = flight_.passes;
    forget_last_block();
    signal_.begin(input, *run_.time);
    if (flight_.linked) {
        // Offline it gets all the time that a slot has; live, none beyond the block it had.
        delivered = run_.time->offline ? relay_.wait(segment_, now_ns() + run_.time->patience_ns)
                                       : relay_.is_finished(segment_);
        if (delivered) {
            finish_segment();
            delivered = !signal_.muted();
        } else {
            abandon_flight();
        }
        follow_midi();
    }
    sound_.hear(flight_, input, signal_.planes(), delivered, final_, last_good_, run_.time->frames);
    hear_final();
}

// The whole chain is dry, never a prefix: here only who is to blame.
void Chain::abandon_flight() ISB_RT {
    bool lost = false;
    for (const Linked& linked : segment_) {
        const Effect effect = relay_.abandon(linked.record);
        if (effect == Effect::None && !lost && relay_.is_finished(linked.record)) {
            note_heard(linked);
            continue;
        }
        blame(linked, effect, lost);
        lost = true;
    }
}

// The next block: all slots that are not bypassed, or none.
void Chain::start_flight() ISB_RT {
    relay_.next_generation();
    const float* const input[kBusChannels] = {previous_input_[0], previous_input_[1]};
    signal_.begin(input, *run_.time);
    run_.midi_record = kNoRecord;
    segment_.clear();
    flight_ = {};
    bool complete = true;
    std::size_t dry = 0, running = 0;
    for (std::size_t i = 0; i < run_.count; ++i) {
        PluginSlot& slot = *run_.slots[i];
        gather_events(slot);
        if (slot.bypassed) {
            flight_.latency_out += slot.cover.latency();
            slot.unheard(MissCause::Bypassed, run_.time->parts());
            slot.seat().events.hold();
            continue;
        }
        ++running;
        flight_.latency += slot.cover.latency();
        flight_.path |= std::uint64_t{1} << i;
        flight_.is_instrument = flight_.is_instrument || slot.cover.is_instrument();
        if (slot.cover.policy() == OnMiss::Silence) flight_.policy = OnMiss::Silence;
        dry += slot.cover.policy() == OnMiss::Dry ? 1 : 0;
        if (linkable(slot)) {
            enlist(slot);
        } else {
            complete = false;
            pass_by(slot, why_unlinkable(slot));
        }
    }
    if (dry == running) flight_.policy = OnMiss::Dry;
    flight_.passes = running == 0;
    flight_.linked = complete && running > 0;
    if (flight_.linked) {
        link_segment();
        return;
    }
    for (const Linked& linked : segment_) {
        linked.slot->unheard(MissCause::Skipped, run_.time->parts());
        linked.slot->seat().events.hold();
    }
    segment_.clear();
}

}  // namespace isobooth::host
