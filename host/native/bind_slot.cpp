// SPDX-License-Identifier: GPL-3.0-or-later
//
// A plugin slot: its counters, and what crash reports tell of its last blocks.
#include <nanobind/nanobind.h>
#include <nanobind/stl/shared_ptr.h>

#include <algorithm>

#include "host/native/bindings.hpp"
#include "host/native/plugin_slot.hpp"

namespace nb = nanobind;

namespace isobooth::host {

const char* cause_name(MissCause cause) {
    switch (cause) {
        case MissCause::None:
            return "none";
        case MissCause::Overrun:
            return "overrun";
        case MissCause::Unwoken:
            return "unwoken";
        case MissCause::Skipped:
            return "skipped";
        case MissCause::Busy:
            return "busy";
        case MissCause::Offline:
            return "offline";
        case MissCause::Bypassed:
            return "bypassed";
    }
    return "none";
}

namespace {

nb::list recent_events(const PluginSlot& slot) {
    nb::list rows;
    const std::uint64_t count = slot.recent.event_count.load(std::memory_order_acquire);
    const std::uint64_t first = count > Recent::kEvents ? count - Recent::kEvents : 0;
    for (std::uint64_t i = first; i < count; ++i) {
        const RecentEvent& recent = slot.recent.events[i % Recent::kEvents];
        const ipc::Event& event = recent.event;
        const char* kind = event.kind == ipc::EventKind::Midi        ? "midi"
                           : event.kind == ipc::EventKind::Parameter ? "parameter"
                                                                     : "program";
        rows.append(nb::make_tuple(
            recent.generation, event.offset, kind,
            nb::bytes(reinterpret_cast<const char*>(event.midi), std::min<unsigned>(event.size, 3)),
            event.index, event.value));
    }
    return rows;
}

nb::list recent_process_us(const PluginSlot& slot) {
    nb::list rows;
    const std::uint64_t count = slot.recent.time_count.load(std::memory_order_acquire);
    const std::uint64_t first = count > Recent::kTimes ? count - Recent::kTimes : 0;
    for (std::uint64_t i = first; i < count; ++i)
        rows.append(static_cast<double>(slot.recent.times_ns[i % Recent::kTimes]) / 1000.0);
    return rows;
}

}  // namespace

void bind_slot(nb::module_& m) {
    const auto counter = [](auto member) {
        return [member](const PluginSlot& slot) { return (slot.counters.*member).load(); };
    };
    const auto run = [](auto member) {
        return [member](const PluginSlot& slot) {
            const BlockRun& run = slot.counters.*member;
            return nb::make_tuple(run.length.load(), run.longest.load(), run.longest_end.load());
        };
    };
    nb::class_<PluginSlot>(m, "PluginSlot")
        .def(nb::new_(
                 [](std::uint32_t id, double rate, std::uint32_t frames, std::uint32_t capacity) {
                     return std::make_shared<PluginSlot>(id, rate, frames, capacity);
                 }),
             nb::arg("id"), nb::arg("sample_rate"), nb::arg("max_frames"),
             nb::arg("latency_capacity") = 16384)
        .def_ro("id", &PluginSlot::id)
        .def_prop_ro("processed_blocks", counter(&SlotCounters::processed_blocks))
        .def_prop_ro("bypassed_blocks", counter(&SlotCounters::bypassed_blocks))
        .def_prop_ro("missed_blocks", counter(&SlotCounters::missed_blocks))
        .def_prop_ro("repaired_samples", counter(&SlotCounters::repaired_samples))
        .def_prop_ro("dropped_events", counter(&SlotCounters::dropped_events))
        .def_prop_ro("misses_in_a_row", counter(&SlotCounters::misses_in_a_row))
        .def_prop_ro("stuck_since_ns", counter(&SlotCounters::stuck_since_ns))
        .def_prop_ro("nonfinite", run(&SlotCounters::nonfinite))
        .def_prop_ro("overlevel", run(&SlotCounters::overlevel))
        .def_prop_ro("applied_edit", counter(&SlotCounters::applied_edit))
        .def_prop_ro("reported_latency_frames", counter(&SlotCounters::reported_latency))
        .def_prop_ro("generation",
                     [](const PluginSlot& slot) { return slot.recent.generation.load(); })
        .def("recent_events", recent_events)
        .def("recent_process_us", recent_process_us)
        .def(
            "set_worker",
            [](PluginSlot& slot, int thread, int priority, int process) {
                slot.worker.store(
                    thread > 0 ? std::make_shared<const WorkerThread>(thread, priority, process)
                               : nullptr);
            },
            nb::arg("thread_id"), nb::arg("priority"), nb::arg("process") = 0);
}

}  // namespace isobooth::host
