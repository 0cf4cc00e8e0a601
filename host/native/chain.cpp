// SPDX-License-Identifier: GPL-3.0-or-later
#include "host/native/chain.hpp"

#include <algorithm>

#include "ipc/native/repair.hpp"

namespace isobooth::host {

using namespace ipc;

namespace {

// Wakes that a block tolerates before it stops believing its semaphore: a worker may post the
// chain's end as often as it likes.
constexpr int kSpuriousWakes = 256;

// A worker's word for its latency is bounded like everything it says: half a minute at 768 kHz.
constexpr std::int64_t kMaxLatency = 1 << 24;

// How long a level beyond any use is heard, clipped, before the slot is covered.
constexpr double kRunawaySeconds = 0.02;

// The longest latency of a pipelined chain that its cover can match, frames.
constexpr std::uint32_t kPipelineLatency = 32768;

}  // namespace

Chain::Chain(std::uint32_t id_, const ChainMemory& memory)
    : id(id_),
      geometry_(memory.geometry),
      host_{memory.host, memory.geometry},
      activation_{memory.activation, memory.geometry},
      end_(memory.end_semaphore),
      dead_(std::make_unique<std::atomic<bool>[]>(memory.geometry.records)),
      mixed_a_(memory.geometry.max_frames),
      mixed_b_(memory.geometry.max_frames),
      final_(memory.geometry.max_frames),
      taken_a_(memory.geometry.max_frames),
      taken_b_(memory.geometry.max_frames),
      previous_input_(memory.geometry.max_frames),
      chain_cover_(memory.geometry.sample_rate, memory.geometry.max_frames, kPipelineLatency),
      delay_out_(kPipelineLatency, memory.geometry.max_frames),
      splice_(memory.geometry.sample_rate),
      delay_splice_(memory.geometry.sample_rate) {
    for (std::byte* base : memory.outputs) outputs_.push_back({base, memory.geometry});
    for (const std::string& name : memory.semaphores) semaphores_.emplace_back(name);
    segment_.reserve(memory.geometry.records);
    for (unsigned side = 0; side < kBusChannels; ++side) output_[side] = final_[side];
}

void Chain::retire(std::uint32_t record) noexcept {
    dead_[record].store(true, std::memory_order_release);
    apply(word(record), [](Word seen) { return ipc::retire(seen); });
    end_.post();
}

void Chain::reset(std::uint32_t record) noexcept {
    semaphores_[record].drain();
    // Whatever the last worker did to the word, a late activation or a wild write: all of its
    // process tree is reaped, so this is the only party left.
    word(record).store(make_word(Status::Offline, 0), std::memory_order_release);
    dead_[record].store(false, std::memory_order_release);
}

// ---------------------------------------------------------------- linking

bool Chain::linkable(const PluginSlot& slot) const ISB_RT {
    if (slot.bypassed || slot.record < 0) return false;
    const auto record = static_cast<std::uint32_t>(slot.record);
    if (dead_[record].load(std::memory_order_acquire)) return false;
    return ipc::link(word(record).load(std::memory_order_acquire), generation_, false).any();
}

MissCause Chain::why_unlinkable(const PluginSlot& slot) const ISB_RT {
    if (slot.bypassed) return MissCause::Bypassed;
    if (slot.record < 0) return MissCause::Offline;
    const auto record = static_cast<std::uint32_t>(slot.record);
    const Status status = status_of(word(record).load(std::memory_order_acquire));
    return dead_[record].load() || status == Status::Offline ? MissCause::Offline : MissCause::Busy;
}

void Chain::note_busy(PluginSlot& slot) ISB_RT {
    slot.counters.stuck_blocks.fetch_add(1, std::memory_order_relaxed);
    if (slot.counters.stuck_since_ns.load(std::memory_order_relaxed) == 0)
        slot.counters.stuck_since_ns.store(now_ns(), std::memory_order_relaxed);
}

// Adds a slot to the segment. From a slot that sends MIDI on, its stream replaces the host's.
void Chain::enlist(PluginSlot& slot) ISB_RT {
    const auto record = static_cast<std::uint32_t>(slot.record);
    segment_.push_back({&slot, record, run_.midi_record});  // reserved: never allocates
    if (slot.produces_midi) run_.midi_record = slot.record;
    slot.counters.stuck_blocks.store(0, std::memory_order_relaxed);
    slot.counters.stuck_since_ns.store(0, std::memory_order_relaxed);
}

void Chain::gather_events(PluginSlot& slot) ISB_RT {
    if (!slot.accepts_midi || run_.midi_record != kNoRecord) return;
    for (std::uint32_t i = 0; i < run_.midi_count; ++i) slot.events.add(run_.midi[i]);
}

// The slot does not run in this block.
void Chain::pass_by(PluginSlot& slot, MissCause cause) ISB_RT {
    if (cause == MissCause::Busy) note_busy(slot);
    slot.unheard(cause);
    slot.events.hold();
    if (slot.produces_midi && !slot.bypassed) run_.midi_record = kNobody;
}

void Chain::forget_last_block() ISB_RT {
    for (std::size_t i = 0; i < run_.count; ++i) {
        run_.slots[i]->had_block = false;
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
            for (std::uint32_t k = 0; k < count; ++k) {
                Event event = events[k];  // from a worker's file: once, then bounded
                if (event.kind != EventKind::Midi) continue;
                event.size = std::min<std::uint16_t>(event.size, 3);
                event.edit = 0;
                slot.had_block ? slot.events.observe(event) : slot.events.add(event);
            }
            if (!slot.had_block) slot.events.hold();
        }
        if (!slot.produces_midi || slot.bypassed) continue;
        source = slot.heard_record;
        if (source == kNoRecord) continue;
        const OutputView& view = outputs_[static_cast<std::size_t>(source)];
        const unsigned half = half_of(generation_);
        count =
            std::min(view.report().events_out[half].load(std::memory_order_acquire), kMaxEvents);
        events = view.events_out(half);
    }
}

void Chain::write_context(const Linked& linked, std::int32_t input_record,
                          std::int32_t successor) ISB_RT {
    PluginSlot& slot = *linked.slot;
    BlockContext& context = host_.context(linked.record);
    context.generation = generation_;
    context.frames = static_cast<std::uint32_t>(run_.time->frames);
    context.input_record = input_record;
    const bool sent = slot.accepts_midi && linked.midi_record >= 0;
    context.midi_record = sent ? linked.midi_record : kNoRecord;
    if (slot.accepts_midi && linked.midi_record != kNobody) {
        if (slot.midi_source != linked.midi_record && !slot.is_fresh) slot.events.let_go();
        slot.midi_source = linked.midi_record;
    }
    slot.is_fresh = false;
    context.successor = successor;
    context.transport = run_.time->transport;
    if (slot.jumped) context.transport.flags |= kTransportJumped;
    slot.jumped = false;
    const Event* const given = host_.events(linked.record);
    context.event_count = slot.events.take(host_.events(linked.record), kMaxEvents);
    for (std::uint32_t i = 0; i < context.event_count; ++i) slot.recent.note(generation_, given[i]);
    slot.recent.generation.store(generation_, std::memory_order_relaxed);
    context.flags = 0;
    for (std::size_t k = 0; k < run_.key_count; ++k) {
        if (run_.slots[run_.keys[k].slot] != &slot) continue;
        context.flags |= kContextSidechain;
        for (unsigned side = 0; side < kBusChannels; ++side)
            std::memcpy(host_.sidechain(linked.record, side), run_.keys[k].planes[side],
                        context.frames * sizeof(float));
    }
}

// Links segment_ (already chosen) into this block and wakes its first worker.
void Chain::link_segment() ISB_RT {
    for (std::size_t i = 0; i < segment_.size(); ++i) {
        const auto input =
            i == 0 ? run_.signal_record : static_cast<std::int32_t>(segment_[i - 1].record);
        const auto successor =
            i + 1 < segment_.size() ? static_cast<std::int32_t>(segment_[i + 1].record) : kNoRecord;
        if (i == 0 && run_.signal_record == kNoRecord)
            for (unsigned side = 0; side < kBusChannels; ++side)
                std::memcpy(host_.audio_in(segment_[0].record, side), run_.signal[side],
                            static_cast<std::size_t>(run_.time->frames) * sizeof(float));
        write_context(segment_[i], input, successor);
    }
    // Blocks that were finished before the host looked left their end posts behind.
    end_.drain(kSpuriousWakes);
    // Words last, first slot last of all: nobody may run before every context stands.
    for (std::size_t i = segment_.size(); i-- > 0;) {
        const bool first = i == 0;
        apply(word(segment_[i].record),
              [&](Word seen) { return ipc::link(seen, generation_, first); });
    }
    run_.deadline_ns =
        run_.time->offline ? now_ns() + run_.time->patience_ns : run_.time->deadline_ns;
    const std::uint32_t first = segment_[0].record;
    activation_.record(first).triggered_ns.store(now_ns(), std::memory_order_relaxed);
    {
        const RtAllow semaphore;
        semaphores_[first].post();
    }
    run_.ran_any = true;
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
        cover_slot(slot);
        ++run_.next;
    }
    if (segment_.empty()) return;
    // A slot that is faded in, or that the host hosts, ends its segment.
    while (run_.next < run_.count && run_.mode == ChainMode::Relayed &&
           !segment_.back().slot->cover.wants_wet()) {
        PluginSlot& slot = *run_.slots[run_.next];
        if (linkable(slot)) {
            gather_events(slot);
            enlist(slot);
        } else if (slot.cover.wants_dry(slot.bypassed_by_user) ||
                   why_unlinkable(slot) == MissCause::Busy) {
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

// ---------------------------------------------------------------- waiting

bool Chain::segment_finished() const ISB_RT {
    return word(segment_.back().record).load(std::memory_order_acquire) ==
           make_word(Status::Finished, generation_);
}

// Is the slot whose turn it is gone? Those before it have delivered; those behind it may still get
// their turn, or turn out to be gone, when it comes: nobody is given up for another's death.
bool Chain::segment_lost_a_record() const ISB_RT {
    for (const Linked& linked : segment_) {
        const Word seen = word(linked.record).load(std::memory_order_acquire);
        if (seen == make_word(Status::Finished, generation_)) continue;
        // Or retired, reaped and fit for the next worker before this thread got to look: an
        // offline block would wait for its hang limit.
        return dead_[linked.record].load(std::memory_order_acquire) ||
               generation_of(seen) != generation_ || status_of(seen) == Status::Offline;
    }
    return false;
}

bool Chain::wait_for_segment() ISB_RT {
    for (int wakes = 0; wakes < kSpuriousWakes; ++wakes) {
        if (segment_finished()) return true;
        if (segment_lost_a_record()) break;
        const RtAllow semaphore;
        if (!end_.wait_until(run_.deadline_ns) && now_ns() >= run_.deadline_ns) break;
    }
    return segment_finished();
}

// Why a linked slot was not heard; its events are taken back unless the plugin has them, however
// late. `behind`: a slot before it missed already.
MissCause Chain::blame(const Linked& linked, Effect effect, bool behind) ISB_RT {
    PluginSlot& slot = *linked.slot;
    // Behind a record that was retired after it had handed on: its plugin has had the events.
    const bool ran = word(linked.record).load(std::memory_order_acquire) ==
                     make_word(Status::Finished, generation_);
    MissCause cause = behind ? MissCause::Skipped : MissCause::Offline;
    if (effect == Effect::Skipped) cause = MissCause::Skipped;
    if (effect == Effect::Overrun) cause = MissCause::Overrun;
    if (effect == Effect::Unwoken) {
        const RtAllow semaphore;
        semaphores_[linked.record].post();
        cause = MissCause::Unwoken;
    }
    slot.had_block = cause == MissCause::Overrun || ran;
    if (!slot.had_block) slot.events.take_back();
    if (cause == MissCause::Overrun || cause == MissCause::Unwoken) {
        ++run_.missed;
        slot.counters.stuck_since_ns.store(now_ns(), std::memory_order_relaxed);
    }
    slot.unheard(cause);
    run_.log->push({run_.time->block, now_ns(), generation_, slot.id,
                    static_cast<std::int32_t>(linked.record), cause});
    return cause;
}

void Chain::abandon_segment() ISB_RT {
    bool lost = false;  // the slots behind the first that missed are nobody's fault
    const float* input[kBusChannels] = {run_.signal[0], run_.signal[1]};
    for (const Linked& linked : segment_) {
        PluginSlot& slot = *linked.slot;
        const Move move =
            apply(word(linked.record), [&](Word seen) { return abandon(seen, generation_); });
        const bool finished = !lost && word(linked.record).load(std::memory_order_acquire) ==
                                           make_word(Status::Finished, generation_);
        if (finished) {
            take_delivered(linked, input);
            input[0] = run_.signal[0];
            input[1] = run_.signal[1];
            continue;
        }
        blame(linked, move.effect, lost);
        if (!lost) run_.midi_record = linked.midi_record;  // its own events are not this block's
        if (slot.produces_midi) run_.midi_record = kNobody;
        lost = true;
        cover_slot(slot);
        input[0] = run_.signal[0];
        input[1] = run_.signal[1];
    }
    run_.too_late = now_ns() >= run_.deadline_ns;
}

// ---------------------------------------------------------------- signal

// From here on the signal lies in host memory.
void Chain::host_signal(const float* const* from) ISB_RT {
    StereoBuffer& buffer = use_b_ ? mixed_b_ : mixed_a_;
    use_b_ = !use_b_;
    buffer.copy(from[0], from[1], run_.time->frames);
    for (unsigned side = 0; side < kBusChannels; ++side) run_.signal[side] = buffer[side];
    run_.signal_record = kNoRecord;
}

void Chain::cover_slot(PluginSlot& slot) ISB_RT {
    if (!slot.cover.wants_dry(slot.bypassed_by_user))
        return;  // steadily out of the way: the input goes on as it is
    StereoBuffer& buffer = use_b_ ? mixed_b_ : mixed_a_;
    use_b_ = !use_b_;
    float* out[kBusChannels] = {buffer[0], buffer[1]};
    slot.cover.cover(run_.signal, out, run_.time->frames, slot.bypassed_by_user);
    run_.signal[0] = out[0];
    run_.signal[1] = out[1];
    run_.signal_record = kNoRecord;
}

// A slot delivered: its output is the signal now. `input` is what it was given.
void Chain::take_delivered(const Linked& linked, const float* const* input) ISB_RT {
    PluginSlot& slot = *linked.slot;
    const int frames = run_.time->frames;
    const OutputView& view = outputs_[linked.record];
    const unsigned half = half_of(generation_);
    // Read once: its worker may write it again while it is looked at. The copy before this one is
    // still this slot's input.
    StereoBuffer& taken = use_taken_b_ ? taken_b_ : taken_a_;
    use_taken_b_ = !use_taken_b_;
    taken.copy(view.audio_out(half, 0), view.audio_out(half, 1), frames);
    const float* wet[kBusChannels] = {taken[0], taken[1]};
    const float* dry[kBusChannels] = {input[0], input[1]};

    slot.heard();
    slot.had_block = true;
    slot.heard_record = static_cast<std::int32_t>(linked.record);
    const std::uint64_t process_ns = view.report().process_ns.load(std::memory_order_relaxed);
    slot.counters.process_ns.store(process_ns, std::memory_order_relaxed);
    slot.recent.note_time(process_ns);
    const std::int64_t latency = view.report().latency_frames.load(std::memory_order_relaxed);
    slot.counters.reported_latency.store(std::clamp<std::int64_t>(latency, 0, kMaxLatency),
                                         std::memory_order_relaxed);
    slot.counters.dropped_events.store(slot.events.dropped(), std::memory_order_relaxed);
    run_.delivered_any = true;

    const bool clean = is_clean(wet[0], frames) && is_clean(wet[1], frames);
    if (!clean) {
        RepairCount count;
        for (unsigned side = 0; side < kBusChannels; ++side) {
            const RepairCount fixed = repair(taken[side], frames, slot.last_good[side]);
            count.nonfinite += fixed.nonfinite;
            count.over_level += fixed.over_level;
            count.denormal += fixed.denormal;
        }
        slot.counters.repaired_samples.fetch_add(count.nonfinite + count.over_level,
                                                 std::memory_order_relaxed);
        count.nonfinite ? slot.counters.nonfinite_in_a_row.fetch_add(1, std::memory_order_relaxed)
                        : slot.counters.nonfinite_in_a_row.exchange(0, std::memory_order_relaxed);
        slot.runaway_frames = count.over_level ? slot.runaway_frames + frames : 0;
        count.over_level ? slot.counters.overlevel_in_a_row.fetch_add(1, std::memory_order_relaxed)
                         : slot.counters.overlevel_in_a_row.exchange(0, std::memory_order_relaxed);
    } else {
        slot.counters.nonfinite_in_a_row.store(0, std::memory_order_relaxed);
        slot.counters.overlevel_in_a_row.store(0, std::memory_order_relaxed);
        slot.runaway_frames = 0;
        slot.last_good[0] = wet[0][frames - 1];
        slot.last_good[1] = wet[1][frames - 1];
    }

    const bool muted =
        static_cast<double>(slot.runaway_frames) > kRunawaySeconds * geometry_.sample_rate;
    run_.muted = run_.muted || muted;
    // A slot that is faded in ends its segment; pipelined chains fade as a whole.
    if (muted && run_.mode != ChainMode::Pipelined) {
        StereoBuffer& buffer = use_b_ ? mixed_b_ : mixed_a_;
        use_b_ = !use_b_;
        float* out[kBusChannels] = {buffer[0], buffer[1]};
        slot.cover.cover(dry, out, frames, false);
        run_.signal[0] = out[0];
        run_.signal[1] = out[1];
        run_.signal_record = kNoRecord;
        return;
    }
    if (slot.cover.wants_wet() && run_.mode != ChainMode::Pipelined) {
        StereoBuffer& buffer = use_b_ ? mixed_b_ : mixed_a_;
        use_b_ = !use_b_;
        float* out[kBusChannels] = {buffer[0], buffer[1]};
        slot.cover.fade_in(dry, wet, out, frames);
        run_.signal[0] = out[0];
        run_.signal[1] = out[1];
        run_.signal_record = kNoRecord;
        return;
    }
    slot.cover.delivered(dry, wet, frames);
    if (!clean) {
        host_signal(wet);
        return;
    }
    // The host goes on with its copy, the next worker with the record's file.
    run_.signal[0] = wet[0];
    run_.signal[1] = wet[1];
    run_.signal_record = static_cast<std::int32_t>(linked.record);
}

void Chain::finish_segment() ISB_RT {
    for (const Linked& linked : segment_) {
        const float* input[kBusChannels] = {run_.signal[0], run_.signal[1]};
        take_delivered(linked, input);
    }
}

// Copies the chain's output into host memory and repairs the copy.
void Chain::publish_output() ISB_RT {
    const int frames = run_.time->frames;
    final_.copy(run_.signal[0], run_.signal[1], frames);
    for (unsigned side = 0; side < kBusChannels; ++side)
        repair(final_[side], frames, last_good_[side]);
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
    run_.count = std::min<std::size_t>(count, geometry_.records);
    run_.signal[0] = input[0];
    run_.signal[1] = input[1];
    run_.midi = midi;
    run_.midi_count = midi_count;
    run_.keys = keys;
    run_.key_count = key_count;
    run_.log = &log;
    if (mode == ChainMode::Pipelined) {
        begin_pipelined();
        return;
    }
    ++generation_;
    forget_last_block();
    start_next_segment();
}

std::uint32_t Chain::complete() ISB_RT {
    if (run_.mode == ChainMode::Pipelined) return run_.missed;
    while (!segment_.empty()) {
        if (wait_for_segment())
            finish_segment();
        else
            abandon_segment();
        // Another chain's wait may have used up the time: then nobody here is to blame.
        run_.too_late = run_.too_late || (run_.next < run_.count && !run_.time->offline &&
                                          now_ns() >= run_.deadline_ns);
        start_next_segment();
    }
    follow_midi();
    publish_output();
    return run_.missed;
}

// ---------------------------------------------------------------- pipelined

// Takes what the block before delivered, then starts this one. The host never waits: the deadline
// of a block is the start of the next.
void Chain::begin_pipelined() ISB_RT {
    const float* const input[kBusChannels] = {run_.signal[0], run_.signal[1]};
    const float* const before[kBusChannels] = {previous_input_[0], previous_input_[1]};
    run_.ran_any = flight_.linked;
    collect_flight(before);
    previous_input_.copy(input[0], input[1], run_.time->frames);
    start_flight();
}

// `input`: of the block in flight. Leaves in final_ what is heard of it.
void Chain::collect_flight(const float* const* input) ISB_RT {
    const int frames = run_.time->frames;
    bool delivered = flight_.passes;
    forget_last_block();
    run_.signal[0] = input[0];
    run_.signal[1] = input[1];
    if (flight_.linked) {
        // Offline it gets all the time that a slot has; live, none beyond the block it had.
        if (run_.time->offline) run_.deadline_ns = now_ns() + run_.time->patience_ns;
        delivered = run_.time->offline ? wait_for_segment() : segment_finished();
        if (delivered) {
            finish_segment();
            delivered = !run_.muted;
        } else {
            // The whole chain dry, never a prefix: here only who is to blame.
            bool lost = false;
            for (const Linked& linked : segment_) {
                const Move move = apply(word(linked.record),
                                        [&](Word seen) { return abandon(seen, generation_); });
                if (!move.any() && !lost &&
                    word(linked.record).load() == make_word(Status::Finished, generation_)) {
                    linked.slot->heard();
                    linked.slot->had_block = true;
                    linked.slot->heard_record = static_cast<std::int32_t>(linked.record);
                    continue;
                }
                blame(linked, move.effect, lost);
                lost = true;
            }
        }
    }
    if (flight_.linked) follow_midi();
    hear_flight(input, delivered);
    for (unsigned side = 0; side < kBusChannels; ++side)
        repair(final_[side], frames, last_good_[side]);
}

void Chain::hear_flight(const float* const* input, bool delivered) ISB_RT {
    const int frames = run_.time->frames;
    float* out[kBusChannels] = {final_[0], final_[1]};
    if (!started_) {  // there was no block before: silence, and nothing to fade from
        started_ = true;
        final_.clear(frames);
        chain_cover_.start_wet();
        return;
    }
    chain_cover_.set_latency(flight_.latency);
    chain_cover_.set_policy(flight_.policy, flight_.is_instrument);
    const bool changes = heard_any_ && flight_.path != heard_path_;
    // The step that a slot makes which is let in or out, and what a slot that is let in was given
    // long ago, come out of the slots behind it only later.
    const bool bridged = changes && flight_.latency > 0 && chain_cover_.hold_back(input);
    if (!delivered) {
        chain_cover_.cover(input, out, frames, false);
        splice_.process(out, frames, changes && !bridged);
    } else if (chain_cover_.wants_wet()) {
        chain_cover_.fade_in(input, run_.signal, out, frames);
        splice_.process(out, frames, changes && !bridged);
    } else {
        final_.copy(run_.signal[0], run_.signal[1], frames);
        for (unsigned side = 0; side < kBusChannels; ++side)
            repair(final_[side], frames, last_good_[side]);
        splice_.process(out, frames, changes && !bridged);
        const float* heard[kBusChannels] = {final_[0], final_[1]};
        chain_cover_.delivered(input, heard, frames);
    }
    delay_out_.process(out, out, frames, flight_.latency_out);
    delay_splice_.process(out, frames, heard_any_ && flight_.latency_out != heard_latency_out_);
    heard_path_ = flight_.path;
    heard_latency_out_ = flight_.latency_out;
    heard_any_ = true;
}

// The next block: all slots that are not bypassed, or none.
void Chain::start_flight() ISB_RT {
    ++generation_;
    run_.signal[0] = previous_input_[0];
    run_.signal[1] = previous_input_[1];
    run_.signal_record = kNoRecord;
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
            slot.unheard(MissCause::Bypassed);
            slot.events.hold();
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
        linked.slot->unheard(MissCause::Skipped);
        linked.slot->events.hold();
    }
    segment_.clear();
}

}  // namespace isobooth::host
