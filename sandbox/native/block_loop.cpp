// SPDX-License-Identifier: GPL-3.0-or-later
#include "sandbox/native/block_loop.hpp"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cfenv>
#include <cstring>

#include "ipc/native/denormals.hpp"
#include "ipc/native/repair.hpp"
#include "ipc/native/scheduling.hpp"
#include "sandbox/native/crash_handler.hpp"
#include "sandbox/native/later_transport.hpp"

namespace isobooth::sandbox {

using namespace ipc;

ChainPorts::ChainPorts(const Geometry& geometry_, const ChainNames& names)
    : geometry(geometry_), record(names.record), end(names.end_semaphore) {
    if (names.outputs.size() != geometry.records || names.semaphores.size() != geometry.records ||
        names.record >= geometry.records)
        throw std::runtime_error("the chain's names do not fit its geometry");
    const auto attach = [&](const std::string& name, SegmentKind kind, bool writable) {
        return mappings_.emplace_back(name, kind, geometry, writable).base();
    };
    host = {attach(names.host, SegmentKind::ChainHost, false), geometry};
    activation = {attach(names.activation, SegmentKind::ChainActivation, true), geometry};
    for (std::uint32_t i = 0; i < geometry.records; ++i) {
        outputs.push_back(
            {attach(names.outputs[i], SegmentKind::RecordOutput, i == record), geometry});
        semaphores.emplace_back(names.semaphores[i]);
    }
}

BlockLoop::BlockLoop(Slot& slot, ChainPorts& ports) : slot_(slot), ports_(ports) {
    for (unsigned channel = 0; channel < kBusChannels; ++channel) {
        rt_.input[channel].assign(ports.geometry.max_frames, 0.0f);
        rt_.sidechain[channel].assign(ports.geometry.max_frames, 0.0f);
    }
    rt_.events.resize(kMaxBlockEvents);
    rt_.events_out.resize(kMaxEvents);
}

BlockLoop::~BlockLoop() { stop(); }

void BlockLoop::warm_up(int blocks) {
    const DenormalsOff guard;
    std::vector<float> out[kBusChannels];
    const Transport transport{120.0, 4, 4, 0, 0.0, 0, 0, 0, 0};
    for (auto& plane : out) plane.assign(ports_.geometry.max_frames, 0.0f);
    for (int i = 0; i < blocks; ++i) {
        BusBlock bus{};
        for (unsigned channel = 0; channel < kBusChannels; ++channel) {
            bus.inputs[channel] = rt_.input[channel].data();
            bus.outputs[channel] = out[channel].data();
        }
        bus.frames = std::min(slot_.max_frames(), static_cast<int>(ports_.geometry.max_frames));
        bus.events_out = rt_.events_out.data();
        bus.events_out_capacity = kMaxEvents;
        bus.transport = &transport;
        slot_.process(bus);
    }
}

void BlockLoop::start(int priority, int cpu) {
    if (thread_.joinable()) throw std::runtime_error("the block loop runs already");
    stopping_.store(false);
    thread_ = std::thread([this, priority, cpu] { run(priority, cpu); });
    while (thread_id_.load() == 0) std::this_thread::yield();
}

void BlockLoop::activate(std::uint64_t applied_edit, double tail_s) {
    Report& report = ports_.own_output().report();
    rt_.applied_edit = applied_edit;  // the loop is not linked yet: no race
    report.applied_edit.store(applied_edit);
    report.tail_s.store(tail_s);
    report.latency_frames.store(slot_.latency_frames());
    apply(ports_.own_activation().state, [](Word seen) { return ipc::activate(seen); });
}

void BlockLoop::stop() {
    if (!thread_.joinable()) return;
    stopping_.store(true);
    ports_.semaphores[ports_.record].post();
    thread_.join();
    thread_id_.store(0);
}

void BlockLoop::run(int priority, int cpu) noexcept {
    prctl(PR_SET_NAME, "isb-block");
    const CrashStack crash_stack;
    realtime_.store(ask_for_attention(priority, cpu));
    fesetenv(FE_DFL_ENV);  // a plugin's constructor may have left another one on the main thread
    const DenormalsOff guard;
    thread_id_.store(static_cast<int>(syscall(SYS_gettid)));
    auto& state = ports_.own_activation().state;
    for (;;) {
        ports_.semaphores[ports_.record].wait();
        if (stopping_.load(std::memory_order_relaxed)) return;
        const Move move = apply(state, [](Word seen) { return claim(seen); });
        if (move.effect == Effect::Run) process_claimed(generation_of(move.from));
    }
}

// The host's events and, if an upstream plugin sends MIDI, its events, merged
// by offset.
int BlockLoop::gather_events(const BlockContext& context) noexcept {
    const std::uint32_t from_host = std::min(context.event_count, kMaxEvents);
    Event* const events = rt_.events.data();
    std::memcpy(events, ports_.host.events(ports_.record), from_host * sizeof(Event));
    std::uint32_t count = from_host;
    if (context.midi_record >= 0 &&
        static_cast<std::uint32_t>(context.midi_record) < ports_.geometry.records) {
        const OutputView& sender = ports_.outputs[static_cast<std::size_t>(context.midi_record)];
        const unsigned half = half_of(context.generation);
        const std::uint32_t sent =
            std::min(sender.report().events_out[half].load(std::memory_order_acquire), kMaxEvents);
        // MIDI and nothing else, in order: a neighbour's wild write must neither turn this
        // plugin's knobs nor pass for an edit, and sorting it must not cost this plugin's time.
        std::uint32_t last = 0;
        for (std::uint32_t i = 0; i < sent; ++i) {
            Event event = sender.events_out(half)[i];
            if (event.kind != EventKind::Midi) continue;
            event.size = std::min<std::uint16_t>(event.size, 3);
            event.edit = 0;
            last = event.offset = std::max(last, event.offset);
            events[count++] = event;
        }
    }
    const std::uint32_t last = context.frames - 1;
    bool sorted = true;
    for (std::uint32_t i = 0; i < count; ++i) {
        events[i].offset = std::min(events[i].offset, last);
        sorted = sorted && (i == 0 || events[i - 1].offset <= events[i].offset);
    }
    if (!sorted)  // insertion sort: stable, in place, almost sorted already
        for (std::uint32_t i = 1; i < count; ++i) {
            const Event event = events[i];
            std::uint32_t k = i;
            for (; k > 0 && events[k - 1].offset > event.offset; --k) events[k] = events[k - 1];
            events[k] = event;
        }
    return static_cast<int>(count);
}

// Copies the input, so that nobody changes it under the plugin, and repairs it:
// what an upstream plugin sends must not poison this one.
void BlockLoop::take_input(const BlockContext& context) noexcept {
    const int frames = static_cast<int>(context.frames);
    const bool relayed = context.input_record >= 0 &&
                         static_cast<std::uint32_t>(context.input_record) < ports_.geometry.records;
    for (unsigned channel = 0; channel < kBusChannels; ++channel) {
        const float* source =
            relayed ? ports_.outputs[static_cast<std::size_t>(context.input_record)].audio_out(
                          half_of(context.generation), channel)
                    : ports_.host.audio_in(ports_.record, channel);
        std::memcpy(rt_.input[channel].data(), source, context.frames * sizeof(float));
        rt_.repaired += repair(rt_.input[channel].data(), frames, rt_.last_input[channel]).total();
        if (context.flags & kContextSidechain) {
            std::memcpy(rt_.sidechain[channel].data(),
                        ports_.host.sidechain(ports_.record, channel),
                        context.frames * sizeof(float));
            repair(rt_.sidechain[channel].data(), frames, rt_.last_key[channel]);
        }
    }
}

// A chain's block may be several of the plugin's (offline, to wake less often): the plugin is
// called with the blocks it was prepared for, each with its own events and place in time.
std::uint32_t BlockLoop::process_parts(const BlockContext& context, unsigned half,
                                       int event_count) noexcept {
    const int frames = static_cast<int>(context.frames);
    const int part = slot_.max_frames();
    const OutputView& own = ports_.own_output();
    Event* const events = rt_.events.data();
    std::uint32_t sent = 0;
    int next_event = 0;
    for (int from = 0; from < frames; from += part) {
        const int length = std::min(part, frames - from);
        const int first_event = next_event;
        while (next_event < event_count &&
               events[next_event].offset < static_cast<std::uint32_t>(from + length))
            events[next_event++].offset -= static_cast<std::uint32_t>(from);
        const Transport transport = later(context.transport, from, ports_.geometry.sample_rate);
        BusBlock bus{};
        for (unsigned channel = 0; channel < kBusChannels; ++channel) {
            bus.inputs[channel] = rt_.input[channel].data() + from;
            bus.outputs[channel] = own.audio_out(half, channel) + from;
            bus.sidechain[channel] =
                context.flags & kContextSidechain ? rt_.sidechain[channel].data() + from : nullptr;
        }
        bus.frames = length;
        bus.events = events + first_event;
        bus.event_count = next_event - first_event;
        bus.events_out = own.events_out(half) + sent;
        bus.events_out_capacity = static_cast<int>(kMaxEvents - sent);
        bus.transport = &transport;
        slot_.process(bus);
        for (int i = 0; i < bus.events_out_count; ++i)
            bus.events_out[i].offset += static_cast<std::uint32_t>(from);
        sent += static_cast<std::uint32_t>(std::max(0, bus.events_out_count));
    }
    return sent;
}

void BlockLoop::process_claimed(std::uint64_t generation) noexcept {
    Activation& own = ports_.own_activation();
    const std::uint64_t claimed = now_ns();
    own.claimed_ns.store(claimed, std::memory_order_relaxed);
    std::memcpy(&rt_.context, &ports_.host.context(ports_.record), sizeof(BlockContext));
    BlockContext& context = rt_.context;
    context.frames = std::clamp(context.frames, 1u, ports_.geometry.max_frames);
    context.generation = generation;

    take_input(context);
    const unsigned half = half_of(generation);
    const int event_count = gather_events(context);

    std::uint32_t sent = 0;
    const std::uint64_t before = now_ns();
    {
        const DenormalsOff guard;  // a plugin may have changed the mode in its last block
        sent = process_parts(context, half, event_count);
    }
    const std::uint64_t after = now_ns();

    for (int i = 0; i < event_count; ++i)
        rt_.applied_edit = std::max(rt_.applied_edit, rt_.events[static_cast<std::size_t>(i)].edit);
    Report& report = ports_.own_output().report();
    report.process_ns.store(after - before, std::memory_order_relaxed);
    report.applied_edit.store(rt_.applied_edit, std::memory_order_relaxed);
    report.latency_frames.store(slot_.latency_frames(), std::memory_order_relaxed);
    report.repaired_inputs.store(rt_.repaired, std::memory_order_relaxed);
    report.blocks.store(++rt_.blocks, std::memory_order_relaxed);
    report.events_out[half].store(sent, std::memory_order_relaxed);
    report.generation.store(generation, std::memory_order_relaxed);
    own.finished_ns.store(after, std::memory_order_relaxed);

    const Move done =
        apply(own.state, [generation](Word seen) { return finish(seen, generation); });
    if (done.effect != Effect::Finished || context.flags & kContextAside) return;
    if (context.successor < 0 ||
        static_cast<std::uint32_t>(context.successor) >= ports_.geometry.records) {
        ports_.end.post();
        return;
    }
    const auto next = static_cast<std::uint32_t>(context.successor);
    const Move handed = apply(ports_.activation.record(next).state,
                              [generation](Word seen) { return hand_on(seen, generation); });
    if (handed.effect != Effect::Handed) {
        // Abandoned, or the successor is gone: a host that still waits should look now.
        ports_.end.post();
        return;
    }
    ports_.activation.record(next).triggered_ns.store(now_ns(), std::memory_order_relaxed);
    ports_.semaphores[next].post();
}

}  // namespace isobooth::sandbox
