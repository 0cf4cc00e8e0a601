// SPDX-License-Identifier: GPL-3.0-or-later
#include "host/native/chain.hpp"

#include <algorithm>

#include "ipc/native/repair.hpp"

namespace isobooth::host {

using namespace ipc;

Chain::Chain(std::uint32_t id_, const ChainMemory& memory)
    : id(id_),
      relay_(memory),
      signal_(memory.geometry),
      final_(memory.geometry.max_frames),
      previous_input_(memory.geometry.max_frames),
      sound_(memory.geometry) {
    segment_.reserve(memory.geometry.records);
    for (unsigned side = 0; side < kBusChannels; ++side) output_[side] = final_[side];
}

// ---------------------------------------------------------------- linking

// Can somebody play the slot in this block? Whoever has played so far does, if he can; else the
// standby takes over.
bool Chain::linkable(PluginSlot& slot) ISB_RT {
    if (slot.bypassed) return false;
    if (is_up_to_date(slot, slot.seat())) return true;
    if (Seat* const other = slot.standby(); other && is_up_to_date(slot, *other)) {
        slot.take_over();
        return true;
    }
    // One that was not woken in a block goes on without that, where nobody else has had it.
    Seat& seat = slot.seat();
    if (!seat.lacks_block || slot.is_behind(seat)) return false;
    seat.lacks_block = false;
    return is_up_to_date(slot, seat);
}

MissCause Chain::why_unlinkable(PluginSlot& slot) const ISB_RT {
    if (slot.bypassed) return MissCause::Bypassed;
    if (!slot.seat().is_taken()) return MissCause::Offline;
    return relay_.is_offline(static_cast<std::uint32_t>(slot.seat().record)) ? MissCause::Offline
                                                                             : MissCause::Busy;
}

// Adds a slot to the segment. From a slot that sends MIDI on, its stream replaces the host's.
void Chain::enlist(PluginSlot& slot) ISB_RT {
    Seat& seat = slot.seat();
    const auto record = static_cast<std::uint32_t>(seat.record);
    segment_.push_back({&slot, record, run_.midi_record});  // reserved: never allocates
    if (slot.produces_midi) run_.midi_record = seat.record;
    seat.came_back();
}

// The slot does not run in this block.
void Chain::pass_by(PluginSlot& slot, MissCause cause) ISB_RT {
    if (cause == MissCause::Busy) slot.seat().is_busy();
    slot.unheard(cause, run_.time->parts());
    if (cause == MissCause::Busy || cause == MissCause::Offline)
        remember(slot, run_.midi_record, nullptr, false);
    slot.for_each_worker([](Seat& seat) { seat.events.hold(); });
    if (slot.produces_midi && !slot.bypassed) run_.midi_record = kNobody;
}

void Chain::write_context(const Linked& linked, std::int32_t input_record,
                          std::int32_t successor) ISB_RT {
    PluginSlot& slot = *linked.slot;
    Seat& seat = slot.seat();
    BlockContext& context = relay_.host().context(linked.record);
    context.generation = relay_.generation();
    context.frames = static_cast<std::uint32_t>(run_.time->frames);
    context.input_record = input_record;
    const bool sent = slot.accepts_midi && linked.midi_record >= 0;
    context.midi_record = sent ? linked.midi_record : kNoRecord;
    turn_to_sender(slot, seat, linked.midi_record);
    context.successor = successor;
    context.transport = run_.time->transport;
    if (seat.jumped) context.transport.flags |= kTransportJumped;
    seat.jumped = false;
    Event* const given = relay_.host().events(linked.record);
    context.event_count = seat.events.take(given, kMaxEvents);
    seat.recent.note(relay_.generation(), given, context.event_count);
    context.flags = 0;
    if (const KeySignal* const key = key_of(slot)) {
        context.flags |= kContextSidechain;
        for (unsigned side = 0; side < kBusChannels; ++side)
            std::memcpy(relay_.host().sidechain(linked.record, side), key->planes[side],
                        context.frames * sizeof(float));
    }
}

// Links segment_ (already chosen) into this block and wakes its first worker.
void Chain::link_segment() ISB_RT {
    for (std::size_t i = 0; i < segment_.size(); ++i) {
        const auto input =
            i == 0 ? signal_.record() : static_cast<std::int32_t>(segment_[i - 1].record);
        const auto successor =
            i + 1 < segment_.size() ? static_cast<std::int32_t>(segment_[i + 1].record) : kNoRecord;
        if (i == 0 && input == kNoRecord)
            for (unsigned side = 0; side < kBusChannels; ++side)
                std::memcpy(relay_.host().audio_in(segment_[0].record, side),
                            signal_.planes()[side],
                            static_cast<std::size_t>(run_.time->frames) * sizeof(float));
        write_context(segment_[i], input, successor);
    }
    run_.deadline_ns =
        run_.time->offline ? now_ns() + run_.time->patience_ns : run_.time->deadline_ns;
    run_.ran_any = true;
    relay_.start(segment_);
}

// Handles slots that the host covers or passes by, then links the next run of slots.
void Chain::start_next_segment() ISB_RT {
    segment_.clear();
    while (run_.next < run_.count && segment_.empty()) {
        // What the slots before the first running one sound like is the host's work.
        PluginSlot& slot = *run_.slots[run_.next];
        gather_events(slot);
        if (!run_.too_late && linkable(slot)) {
            enlist(slot);
            ++run_.next;
            break;
        }
        pass_by(slot, run_.too_late ? MissCause::Skipped : why_unlinkable(slot));
        signal_.cover(slot);
        ++run_.next;
    }
    if (segment_.empty()) return;
    // A slot that is faded in, or that the host hosts, ends its segment.
    while (run_.next < run_.count && run_.mode == ChainMode::Relayed &&
           !segment_.back().slot->cover.must_fade_in()) {
        PluginSlot& slot = *run_.slots[run_.next];
        if (linkable(slot)) {
            gather_events(slot);
            enlist(slot);
        } else if (slot.cover.must_cover(slot.bypassed_by_user) ||
                   why_unlinkable(slot) == MissCause::Busy ||
                   (!slot.bypassed && slot.is_remembered())) {
            break;
        } else {
            // Steadily out of the way: relayed past without the host.
            gather_events(slot);
            pass_by(slot, why_unlinkable(slot));
        }
        ++run_.next;
    }
    link_segment();
}

// ---------------------------------------------------------------- events

void Chain::gather_events(PluginSlot& slot) ISB_RT {
    if (!slot.accepts_midi || run_.midi_record != kNoRecord) return;
    slot.for_each_worker([&](Seat& seat) {
        for (std::uint32_t i = 0; i < run_.midi_count; ++i) seat.events.add(run_.midi[i]);
    });
}

// Who sends a worker its MIDI from now on: another one than before does not end that one's notes.
void Chain::turn_to_sender(const PluginSlot& slot, Seat& seat, std::int32_t midi_record) ISB_RT {
    if (slot.accepts_midi && midi_record != kNobody) {
        if (seat.midi_source != midi_record && !seat.is_fresh) seat.events.let_go();
        seat.midi_source = midi_record;
    }
    seat.is_fresh = false;
}

void Chain::forget_last_block() ISB_RT {
    for (std::size_t i = 0; i < run_.count; ++i) {
        run_.slots[i]->for_each_worker([](Seat& seat) { seat.had_block = false; });
        run_.slots[i]->heard_record = kNoRecord;
    }
}

// After the block: what a plugin was sent by the one before it is noted like what the host sends,
// and kept for it if it did not run.
void Chain::follow_midi() ISB_RT {
    std::int32_t source = kNoRecord;
    std::uint32_t count = 0;
    const Event* events = nullptr;
    for (std::size_t i = 0; i < run_.count; ++i) {
        PluginSlot& slot = *run_.slots[i];
        if (source != kNoRecord && slot.accepts_midi) {
            slot.for_each_worker([&](Seat& seat) {
                for (std::uint32_t k = 0; k < count; ++k) {
                    Event event = events[k];  // from a worker's file: once, then bounded
                    if (event.kind != EventKind::Midi) continue;
                    event.size = std::min<std::uint16_t>(event.size, 3);
                    event.edit = 0;
                    seat.had_block ? seat.events.observe(event) : seat.events.add(event);
                }
                if (!seat.had_block) seat.events.hold();
            });
        }
        if (!slot.produces_midi || slot.bypassed) continue;
        source = slot.heard_record;
        if (source == kNoRecord) continue;
        const OutputView& view = relay_.output(static_cast<std::uint32_t>(source));
        const unsigned half = half_of(relay_.generation());
        count =
            std::min(view.report().events_out[half].load(std::memory_order_acquire), kMaxEvents);
        events = view.events_out(half);
    }
}

// ---------------------------------------------------------------- the end of a segment

void Chain::note_heard(const Linked& linked) ISB_RT {
    linked.slot->heard(run_.time->parts());
    linked.slot->seat().had_block = true;
    linked.slot->heard_record = static_cast<std::int32_t>(linked.record);
}

// A slot delivered: its output is the signal now. `is_kept`: the host will want it.
void Chain::take_delivered(const Linked& linked, bool is_kept) ISB_RT {
    PluginSlot& slot = *linked.slot;
    const OutputView& view = relay_.output(linked.record);
    note_heard(linked);
    const std::uint64_t process_ns = view.report().process_ns.load(std::memory_order_relaxed);
    slot.seat().recent.note_time(process_ns);
    const std::int64_t latency = view.report().latency_frames.load(std::memory_order_relaxed);
    slot.counters.reported_latency.store(std::clamp<std::int64_t>(latency, 0, kMaxReportedLatency),
                                         std::memory_order_relaxed);
    slot.counters.applied_edit.store(view.report().applied_edit.load(std::memory_order_relaxed),
                                     std::memory_order_relaxed);
    slot.counters.dropped_events.store(slot.seat().events.dropped(), std::memory_order_relaxed);
    run_.delivered_any = true;
    remember(slot, linked.midi_record, &slot.seat(), false);
    // A slot that is faded in ends its segment; pipelined chains fade as a whole.
    signal_.take(slot, {.output = view,
                        .half = half_of(relay_.generation()),
                        .record = linked.record,
                        .fades = run_.mode != ChainMode::Pipelined,
                        .is_kept = is_kept});
}

void Chain::finish_segment() ISB_RT {
    for (std::size_t i = 0; i < segment_.size(); ++i)
        take_delivered(segment_[i],
                       i + 1 == segment_.size() || segment_[i + 1].slot->keeps_input());
}

// Why a linked slot was not heard; its events are taken back unless the plugin has them, however
// late. `behind`: a slot before it missed already.
MissCause Chain::blame(const Linked& linked, Effect effect, bool behind) ISB_RT {
    PluginSlot& slot = *linked.slot;
    Seat& seat = slot.seat();
    MissCause cause = behind ? MissCause::Skipped : MissCause::Offline;
    if (effect == Effect::Skipped) cause = MissCause::Skipped;
    if (effect == Effect::Overrun) cause = MissCause::Overrun;
    if (effect == Effect::Unwoken) cause = MissCause::Unwoken;
    // Behind a record that was retired after it had handed on: its plugin has had the events.
    seat.had_block = cause == MissCause::Overrun || relay_.is_finished(linked.record);
    if (!seat.had_block) seat.events.take_back();
    if (cause == MissCause::Overrun || cause == MissCause::Unwoken) {
        ++run_.missed;
        seat.was_stuck();
    }
    slot.unheard(cause, run_.time->parts());
    run_.log->push({run_.time->block, now_ns(), relay_.generation(), slot.id,
                    static_cast<std::int32_t>(linked.record), cause});
    return cause;
}

void Chain::abandon_segment() ISB_RT {
    bool lost = false;  // the slots behind the first that missed are nobody's fault
    const std::uint64_t now = now_ns();
    if (now > run_.deadline_ns) run_.given_up_late_ns = now - run_.deadline_ns;
    for (const Linked& linked : segment_) {
        PluginSlot& slot = *linked.slot;
        const Effect effect = relay_.abandon(linked.record);
        if (!lost && relay_.is_finished(linked.record)) {
            take_delivered(linked, true);
            continue;
        }
        const MissCause cause = blame(linked, effect, lost);
        if (cause != MissCause::Skipped) remember(slot, linked.midi_record, &slot.seat(), true);
        if (Seat* const other = slot.standby(); other && !other->had_block) other->events.hold();
        if (!lost) run_.midi_record = linked.midi_record;  // its own events are not this block's
        if (slot.produces_midi) run_.midi_record = kNobody;
        lost = true;
        signal_.cover(slot);
    }
    run_.too_late = now_ns() >= run_.deadline_ns;
}

// The signal is what leaves the chain.
void Chain::hear_signal() ISB_RT {
    if (!signal_.is_repaired()) {
        final_.copy(signal_.planes()[0], signal_.planes()[1], run_.time->frames);
        hear_final();
        return;
    }
    for (unsigned side = 0; side < kBusChannels; ++side) {
        output_[side] = signal_.planes()[side];
        last_good_[side] = signal_.last()[side];
    }
}

// What lies in final_ is: the last word on it.
void Chain::hear_final() ISB_RT {
    for (unsigned side = 0; side < kBusChannels; ++side) {
        repair(final_[side], run_.time->frames, last_good_[side]);
        output_[side] = final_[side];
    }
}

// ---------------------------------------------------------------- a block

void Chain::begin(const BlockTime& time, ChainMode mode, PluginSlot* const* slots,
                  std::size_t count, const float* const* input, const Event* midi,
                  std::uint32_t midi_count, const KeySignal* keys, std::size_t key_count,
                  MissLog& log) ISB_RT {
    run_ = Run{};
    run_.time = &time;
    run_.mode = mode;
    run_.slots = slots;
    run_.count = std::min<std::size_t>(count, relay_.host().geometry.records);
    run_.midi = midi;
    run_.midi_count = midi_count;
    run_.keys = keys;
    run_.key_count = key_count;
    run_.log = &log;
    signal_.begin(input, time);
    if (mode == ChainMode::Pipelined) {
        begin_pipelined();
        return;
    }
    catch_up();
    relay_.next_generation();
    forget_last_block();
    start_next_segment();
}

std::uint32_t Chain::complete() ISB_RT {
    if (run_.mode == ChainMode::Pipelined) return run_.missed;
    while (!segment_.empty()) {
        if (relay_.wait(segment_, run_.deadline_ns))
            finish_segment();
        else
            abandon_segment();
        // Another chain's wait may have used up the time: then nobody here is to blame.
        run_.too_late = run_.too_late || (run_.next < run_.count && !run_.time->offline &&
                                          now_ns() >= run_.deadline_ns);
        start_next_segment();
    }
    follow_midi();
    hear_signal();
    return run_.missed;
}

}  // namespace isobooth::host
