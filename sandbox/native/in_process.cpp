// SPDX-License-Identifier: GPL-3.0-or-later
//
// A chain of slots in one process, without any of the sandbox: what a host without protection
// would do. The reference for the bits and for the cost of sandboxed rendering.
#include <nanobind/ndarray.h>
#include <nanobind/stl/vector.h>
#include <sched.h>
#include <time.h>

#include <cstring>
#include <vector>

#include "ipc/native/denormals.hpp"
#include "ipc/native/semaphore.hpp"
#include "sandbox/native/bindings.hpp"
#include "sandbox/native/slot.hpp"

namespace nb = nanobind;

namespace isobooth::sandbox {

namespace {

using Planes = nb::ndarray<const float, nb::shape<2, -1>, nb::c_contig, nb::device::cpu>;

struct Timed {
    std::vector<float> audio;              // two planes
    std::vector<std::uint64_t> durations;  // ns a block
};

void process_block(const std::vector<Slot*>& slots, const float* const* in, float* const* out,
                   int frames, const ipc::Transport& transport, std::vector<float>* scratch,
                   std::vector<ipc::Event>& events) {
    const float* from[2] = {in[0], in[1]};
    for (std::size_t i = 0; i < slots.size(); ++i) {
        const bool last = i + 1 == slots.size();
        BusBlock bus{};
        for (unsigned side = 0; side < 2; ++side) {
            bus.inputs[side] = from[side];
            bus.outputs[side] = last ? out[side] : scratch[2 * (i % 2) + side].data();
        }
        bus.frames = frames;
        bus.events_out = events.data();
        bus.events_out_capacity = ipc::kMaxEvents;
        bus.transport = &transport;
        slots[i]->process(bus);
        for (unsigned side = 0; side < 2; ++side) from[side] = bus.outputs[side];
    }
    if (slots.empty())
        for (unsigned side = 0; side < 2; ++side)
            std::memcpy(out[side], in[side], static_cast<std::size_t>(frames) * sizeof(float));
}

Timed run(const std::vector<Slot*>& slots, const float* left, const float* right,
          std::size_t blocks, int frames, std::uint64_t period_ns, int priority, int cpu,
          double sample_rate) {
    if (priority > 0) {
        sched_param param{};
        param.sched_priority = priority;
        sched_setscheduler(0, SCHED_FIFO, &param);
    }
    cpu_set_t before;
    sched_getaffinity(0, sizeof before, &before);
    if (cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        sched_setaffinity(0, sizeof set, &set);
    }
    const auto step = static_cast<std::size_t>(frames);
    Timed timed;
    timed.audio.assign(2 * blocks * step, 0.0f);
    timed.durations.assign(blocks, 0);
    std::vector<float> scratch[4];
    for (auto& plane : scratch) plane.assign(step, 0.0f);
    std::vector<ipc::Event> events(ipc::kMaxEvents);
    ipc::Transport transport{120.0, 4, 4, 0, 0.0, 0, 0, ipc::kTransportPlaying, 0};
    const ipc::DenormalsOff guard;
    std::uint64_t next = ipc::now_ns() + period_ns;
    for (std::size_t block = 0; block < blocks; ++block) {
        if (period_ns > 0) {
            const timespec wake = ipc::to_timespec(next);
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, nullptr);
            next += period_ns;
        }
        const std::uint64_t begin = ipc::now_ns();
        transport.position_frames = static_cast<std::int64_t>(block * step);
        transport.position_beats =
            static_cast<double>(transport.position_frames) / sample_rate * 2.0;
        const float* in[2] = {left + block * step, right + block * step};
        float* out[2] = {timed.audio.data() + block * step,
                         timed.audio.data() + (blocks + block) * step};
        process_block(slots, in, out, frames, transport, scratch, events);
        timed.durations[block] = ipc::now_ns() - begin;
    }
    sched_setaffinity(0, sizeof before, &before);
    if (priority > 0) {
        sched_param param{};
        sched_setscheduler(0, SCHED_OTHER, &param);
    }
    return timed;
}

nb::tuple run_in_process(std::vector<Slot*> slots, Planes audio, int frames,
                         std::uint64_t period_ns, int priority, int cpu, double sample_rate) {
    if (frames < 1) throw nb::value_error("a block has at least one frame");
    for (Slot* slot : slots)
        if (slot->max_frames() < frames)
            throw nb::value_error("a slot was prepared for shorter blocks");
    const std::size_t blocks = audio.shape(1) / static_cast<std::size_t>(frames);
    auto* timed = new Timed;
    nb::capsule owner(timed, [](void* p) noexcept { delete static_cast<Timed*>(p); });
    {
        const nb::gil_scoped_release release;
        *timed = run(slots, audio.data(), audio.data() + audio.shape(1), blocks, frames, period_ns,
                     priority, cpu, sample_rate);
    }
    return nb::make_tuple(
        nb::ndarray<nb::numpy, float>(timed->audio.data(),
                                      {2, blocks * static_cast<std::size_t>(frames)}, owner),
        nb::ndarray<nb::numpy, std::uint64_t>(timed->durations.data(), {blocks}, owner));
}

}  // namespace

void bind_in_process(nb::module_& m) {
    m.def("run_in_process", &run_in_process, nb::arg("slots"), nb::arg("audio"),
          nb::arg("block_frames"), nb::arg("period_ns") = 0, nb::arg("priority") = 0,
          nb::arg("cpu") = -1, nb::arg("sample_rate") = 48000.0);
}

}  // namespace isobooth::sandbox
