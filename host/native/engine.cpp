// SPDX-License-Identifier: GPL-3.0-or-later
#include "host/native/engine.hpp"

#include <time.h>

#include <algorithm>

#include "host/native/lateness.hpp"
#include "ipc/native/denormals.hpp"

namespace isobooth::host {

using ipc::now_ns;

namespace {

constexpr std::size_t kCommandsPerBlock = 1024;
constexpr std::size_t kStripMidiPerBlock = 512;
// However late the callback came, chains get this part of the budget: a mix of dry signals helps
// nobody where the device still has buffers in hand.
constexpr double kLeastBudget = 0.25;

}  // namespace

Engine::Engine(const EngineConfig& config_)
    : config(config_),
      period_ns(static_cast<std::uint64_t>(1e9 * config_.block_frames / config_.sample_rate)),
      blocks(config_.log_blocks),
      transport(config_.sample_rate),
      delayed_(config_.block_frames) {
    strip_midi_.resize(kStripMidiPerBlock);
    strip_midi_.clear();
    if (config_.capture_s > 0.0)
        capture = std::make_unique<ipc::Ring<float>>(
            static_cast<std::size_t>(2.0 * config_.capture_s * config_.sample_rate));
}

Engine::~Engine() = default;

// ---------------------------------------------------------------- control thread

bool Engine::publish(std::shared_ptr<Plan> plan) {
    Command command{};
    command.kind = CommandKind::SwapPlan;
    command.target = plan.get();
    plans_.push_back(std::move(plan));
    if (commands_.push(command)) return true;
    plans_.pop_back();
    return false;
}

int Engine::collect() {
    int freed = 0;
    Plan* old = nullptr;
    while (retired_.pop(old)) {
        while (prewaking_.load() == old) {
            const timespec a_while{0, 50'000};
            nanosleep(&a_while, nullptr);
        }
        std::erase_if(plans_, [old](const auto& plan) { return plan.get() == old; });
        ++freed;
    }
    return freed;
}

void Engine::clear() {
    Command command;
    while (commands_.pop(command)) {
    }
    collect();
    plan_ = nullptr;
    playing_.store(nullptr);
    relayed_slots_.store(0, std::memory_order_relaxed);
    plans_.clear();
}

bool Engine::live_midi(Strip* strip, const std::uint8_t* bytes) noexcept {
    Command command{};
    command.kind = CommandKind::StripMidi;
    command.target = strip;
    std::copy_n(bytes, 3, command.bytes);
    return live_midi_.push(command);
}

// ---------------------------------------------------------------- clock thread

void Engine::prewake(std::uint64_t until_ns) noexcept {
    const Plan* const plan = playing_.load();
    prewaking_.store(plan);
    // Looked at again: once it is announced, a plan that plays is not freed.
    if (plan && plan == playing_.load())
        for (const PlanStrip& strip : plan->strips) {
            if (now_ns() >= until_ns) break;
            if (strip.chain && strip.mode != ChainMode::Hosted) strip.chain->prewake();
        }
    prewaking_.store(nullptr);
}

// ---------------------------------------------------------------- commands

void Engine::drain_commands() ISB_RT {
    Command command;
    for (std::size_t i = 0; i < kCommandsPerBlock && commands_.pop(command); ++i) apply(command);
    strip_midi_.clear();
    while (strip_midi_.size() < kStripMidiPerBlock && live_midi_.pop(command))
        strip_midi_.push_back(command);  // capacity was reserved
}

void Engine::apply(const Command& command) ISB_RT {
    auto* const slot = static_cast<PluginSlot*>(command.target);
    auto* const strip = static_cast<Strip*>(command.target);
    ipc::Event event{};
    event.edit = command.edit;
    switch (command.kind) {
        case CommandKind::SwapPlan:
            // Before the old one may be freed: whoever announces it from now on sees that it plays
            // no more.
            playing_.store(static_cast<Plan*>(command.target));
            if (plan_) retired_.push(plan_);
            plan_ = static_cast<Plan*>(command.target);
            relayed_slots_.store(plan_->relayed_slots(), std::memory_order_relaxed);
            break;
        case CommandKind::Gain:
            strip->set_gain(static_cast<float>(command.value));
            break;
        case CommandKind::Pan:
            strip->set_pan(static_cast<float>(command.value));
            break;
        case CommandKind::Mute:
            strip->set_mute(command.a != 0);
            break;
        case CommandKind::Settle:
            strip->settle();
            break;
        case CommandKind::Attach:
            attach(*slot, static_cast<std::uint32_t>(command.b >> 1),
                   static_cast<std::int32_t>(command.a), (command.b & 1) != 0);
            break;
        case CommandKind::Detach:
            slot->seats[static_cast<std::size_t>(command.a)]->leave();
            break;
        case CommandKind::Bypass:
            slot->bypassed = command.a != 0;
            slot->bypassed_by_user = command.b != 0;
            break;
        case CommandKind::Latency:
            slot->cover.set_latency(static_cast<std::uint32_t>(command.a));
            break;
        case CommandKind::Policy:
            slot->cover.set_policy(static_cast<OnMiss>(command.a), (command.b & 1) != 0);
            slot->accepts_midi = (command.b & 2) != 0;
            slot->produces_midi = (command.b & 4) != 0;
            break;
        case CommandKind::Parameter:
            event.kind = ipc::EventKind::Parameter;
            event.offset = static_cast<std::uint32_t>(command.b);
            event.index = static_cast<std::uint32_t>(command.a);
            event.value = static_cast<float>(command.value);
            slot->for_each_worker([&](Seat& seat) { seat.events.add(event); });
            break;
        case CommandKind::Forget:
            event.kind = static_cast<ipc::EventKind>(command.b);
            event.index = static_cast<std::uint32_t>(command.a);
            std::copy_n(command.bytes, 3, event.midi);
            slot->for_each_worker([&](Seat& seat) { seat.events.forget(event); });
            break;
        case CommandKind::StripMidi:
            break;  // has a ring of its own
        case CommandKind::Play:
            transport.play(command.a != 0);
            break;
        case CommandKind::Locate:
            transport.locate(command.a);
            break;
        case CommandKind::Loop:
            transport.set_loop(command.a, command.b);
            break;
        case CommandKind::Tempo:
            transport.set_tempo(command.value);
            break;
        case CommandKind::Signature:
            transport.set_signature(static_cast<int>(command.a), static_cast<int>(command.b));
            break;
    }
}

// A worker sits down: to play if nobody else does, else as the standby.
void Engine::attach(PluginSlot& slot, std::uint32_t index, std::int32_t record,
                    bool restarted) ISB_RT {
    Seat& seat = *slot.seats[index];
    const std::uint64_t at = slot.backlog ? slot.backlog->count() : 0;
    // Whoever stood by plays now, as soon as he has caught up.
    if (&seat == &slot.seat() && slot.standby()) slot.take_over();
    if (&seat != &slot.seat() && slot.seat().is_taken()) {
        seat.events.follow(slot.seat().events);
        seat.take(record, restarted, at);
        return;
    }
    if (&seat != &slot.seat()) {
        seat.events.follow(slot.seat().events);
        slot.change_seats();
    } else if (restarted) {
        seat.events.chase();
    }
    seat.take(record, restarted, at);
    if (slot.backlog) slot.backlog->release_notes([](const ipc::Event&) {});
    slot.counters.nonfinite.end();
    slot.counters.overlevel.end();
    slot.counters.misses_in_a_row.store(0, std::memory_order_relaxed);
    slot.counters.reported_latency.store(-1, std::memory_order_relaxed);
    slot.counters.applied_edit.store(0, std::memory_order_relaxed);
    slot.runaway_frames = 0;
    if (block_count.load(std::memory_order_relaxed) == 0) slot.cover.start_wet();
}

// ---------------------------------------------------------------- strips

// What its clips play in this block.
int Engine::pieces(const PlanStrip& strip, Piece (&to)[kMaxPieces]) const ISB_RT {
    return strip.time ? strip.time->pieces(to) : transport.pieces(strip.source_delay, to);
}

std::uint32_t Engine::gather_midi(PlanStrip& strip) ISB_RT {
    std::uint32_t count = 0;
    const std::uint32_t room = ipc::kMaxEvents;
    if (strip.midi) {
        Piece pieces[kMaxPieces];
        const int piece_count = this->pieces(strip, pieces);
        for (int i = 0; i < piece_count; ++i)
            count += strip.midi->render(pieces[i], strip.midi_events.data() + count, room - count);
        if (piece_count == 0 && strip.midi->holds_notes())
            count += strip.midi->release(0, strip.midi_events.data() + count, room - count);
    }
    for (const Command& live : strip_midi_) {
        if (live.target != strip.strip.get() || count >= room) continue;
        ipc::Event& event = strip.midi_events[count++];
        event = {};
        event.kind = ipc::EventKind::Midi;
        const std::uint8_t command = live.bytes[0] & 0xf0;
        event.size = command == 0xC0 || command == 0xD0 ? 2 : 3;
        std::copy_n(live.bytes, 3, event.midi);
    }
    return count;
}

// Sums what feeds a strip into its input.
void Engine::prepare_strip(PlanStrip& strip, const float* const* input,
                           const BlockTime& time) ISB_RT {
    StereoBuffer& to = strip.strip->input;
    to.clear(time.frames);
    if (strip.time) strip.time->next_block(time.frames);
    bool empty = !strip.audio;
    if (strip.audio) {
        Piece pieces[kMaxPieces];
        const int piece_count = this->pieces(strip, pieces);
        for (int i = 0; i < piece_count; ++i) strip.audio->play_into(to, pieces[i]);
    }
    if (input && strip.live_left >= 0 && strip.live_right >= 0 &&
        static_cast<std::uint32_t>(std::max(strip.live_left, strip.live_right)) <
            config.input_channels) {
        to.add(input[strip.live_left], input[strip.live_right], time.frames);
        empty = false;
    }
    for (Feed& feed : strip.feeds) {
        StereoBuffer& from = plan_->strips[feed.from].strip->output;
        const float* planes[2] = {from[0], from[1]};
        if (feed.delay) {
            float* out[2] = {delayed_[0], delayed_[1]};
            feed.delay->process(planes, out, time.frames);
            planes[0] = out[0];
            planes[1] = out[1];
        }
        // The first is copied, so that a single one passes bit for bit: 0 + -0 is 0.
        if (empty)
            to.copy(planes[0], planes[1], time.frames);
        else
            to.add(planes[0], planes[1], time.frames);
        empty = false;
    }
}

void Engine::begin_chain(PlanStrip& strip, const BlockTime& time, std::uint32_t midi_count) ISB_RT {
    strip.key_signals.clear();
    for (KeyFeed& key : strip.keys) {
        const Strip& from = *plan_->strips[key.from].strip;
        KeySignal signal{key.slot, {from.key(0), from.key(1)}};
        if (key.delay) {
            float* out[2] = {(*key.buffer)[0], (*key.buffer)[1]};
            key.delay->process(signal.planes, out, time.frames);
            signal.planes[0] = out[0];
            signal.planes[1] = out[1];
        }
        strip.key_signals.push_back(signal);  // capacity was reserved
    }
    const float* in[2] = {strip.strip->input[0], strip.strip->input[1]};
    strip.chain->begin(time, strip.mode, strip.slot_pointers.data(), strip.slot_pointers.size(), in,
                       strip.midi_events.data(), midi_count, strip.key_signals.data(),
                       strip.key_signals.size(), misses);
}

// ---------------------------------------------------------------- a block

void Engine::process(const float* const* input, float* const* output, std::uint64_t nominal_ns,
                     std::uint64_t budget_ns, std::uint32_t flags,
                     std::uint32_t cut_frames) ISB_RT {
    const RtSection section;
    const ipc::DenormalsOff denormals;
    const std::uint64_t entry = now_ns();
    next_block_ns.store(0, std::memory_order_relaxed);
    const int frames = static_cast<int>(cut_frames ? cut_frames : config.block_frames);
    drain_commands();

    BlockTime time{};
    time.block = block_count.load(std::memory_order_relaxed);
    time.first_part = plugin_block_count.load(std::memory_order_relaxed);
    time.frames = frames;
    time.part_frames = static_cast<int>(config.block_frames / config.batch);
    time.offline = config.offline;
    time.patience_ns = static_cast<std::uint64_t>(config.hang_limit_s * 1e9);
    const auto part = [&](double share) {
        return static_cast<std::uint64_t>(share * static_cast<double>(budget_ns));
    };
    const std::uint64_t due = nominal_ns + part(config.deadline_fraction);
    const std::uint64_t deadline = std::max(due, entry + part(kLeastBudget));
    deadline_ns.store(deadline, std::memory_order_relaxed);
    transport.next_block(frames, time.transport);

    std::uint32_t missed = 0;
    BlockWitness witness{budget_ns, deadline > due};
    if (plan_) {
        for (std::size_t s = 0; s < plan_->stages.size(); ++s) {
            const auto& stage = plan_->stages[s];
            const double left = static_cast<double>(deadline - entry);
            time.deadline_ns = entry + static_cast<std::uint64_t>(left * plan_->deadlines[s]);
            // Wake every chain of the stage first; they run while the host does its own work.
            for (const std::uint32_t index : stage) {
                PlanStrip& strip = plan_->strips[index];
                prepare_strip(strip, input, time);
                if (!strip.chain) continue;
                begin_chain(strip, time, gather_midi(strip));
            }
            for (const std::uint32_t index : stage) {
                PlanStrip& strip = plan_->strips[index];
                if (strip.chain) continue;
                const float* in[2] = {strip.strip->input[0], strip.strip->input[1]};
                strip.strip->mix(in, frames, strip.is_key);
            }
            for (const std::uint32_t index : stage) {
                PlanStrip& strip = plan_->strips[index];
                if (!strip.chain) continue;
                const std::uint32_t chain_missed = strip.chain->complete();
                // Behind one that missed, the host may be late for that alone.
                if (missed == 0) witness.given_up_late_ns = strip.chain->given_up_late_ns();
                missed += chain_missed;
                witness.chains += strip.chain->ran_any() ? 1 : 0;
                witness.chains_missed += chain_missed > 0 && strip.chain->all_missed() ? 1 : 0;
                const float* out[2] = {strip.chain->output()[0], strip.chain->output()[1]};
                strip.strip->mix(out, frames, strip.is_key);
            }
        }
        const StereoBuffer& master = plan_->strips[plan_->master].strip->output;
        for (std::size_t side = 0; side < 2; ++side)
            std::copy_n(master[side], frames, output[side]);
    } else {
        for (std::size_t side = 0; side < 2; ++side) std::fill_n(output[side], frames, 0.0f);
    }

    if (plan_)
        for (PlanStrip& strip : plan_->strips)
            if (strip.chain) strip.chain->feed_standbys();

    if (capture) {
        if (capture->free() < 2 * static_cast<std::size_t>(frames)) {
            lost_capture_frames.fetch_add(static_cast<std::uint64_t>(frames),
                                          std::memory_order_relaxed);
        } else {
            for (int i = 0; i < frames; ++i) {
                capture->push(output[0][i]);
                capture->push(output[1][i]);
            }
        }
    }
    if (missed > 0) {
        flags |= kBlockMissed;
        if (witness.all_missed()) flags |= kBlockAllMissed;
        const bool away = !config.offline && witness.machine_was_away();
        if (away) machine_late_blocks.fetch_add(1, std::memory_order_relaxed);
        for (PlanStrip& strip : plan_->strips)
            if (strip.chain) strip.chain->judge(away);
    }
    record_block(time, nominal_ns, entry, flags, missed);
    next_block_ns.store(nominal_ns + budget_ns, std::memory_order_relaxed);
}

void Engine::record_block(const BlockTime& time, std::uint64_t nominal, std::uint64_t entry,
                          std::uint32_t flags, std::uint32_t missed) ISB_RT {
    BlockRecord record{};
    record.block = time.block;
    record.start_ns = nominal;
    record.entry_ns = entry;
    record.duration_ns = now_ns() - entry;
    if (!config.offline && record.duration_ns > period_ns) {
        flags |= kBlockLate;
        late_blocks.fetch_add(1, std::memory_order_relaxed);
    }
    record.flags = flags;
    record.missed_slots = missed;
    if (plan_)
        for (std::size_t i = 0; i < plan_->strips.size() && i < kLoggedStrips; ++i) {
            const Strip& strip = *plan_->strips[i].strip;
            record.peaks[i] = std::max(strip.peaks[0].load(std::memory_order_relaxed),
                                       strip.peaks[1].load(std::memory_order_relaxed));
        }
    blocks.push(record);  // a log that nobody reads is full one day
    plugin_block_count.fetch_add(time.parts(), std::memory_order_relaxed);
    block_count.fetch_add(1, std::memory_order_release);
}

}  // namespace isobooth::host
