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

Seat& seat_at(const PluginSlot& slot, std::uint32_t index) {
    if (index >= slot.seats.size() || !slot.seats[index])
        throw nb::index_error("the slot has no such seat");
    return *slot.seats[index];
}

namespace {

nb::list recent_events(const PluginSlot& slot, std::uint32_t seat) {
    nb::list rows;
    const Recent& recent = seat_at(slot, seat).recent;
    const std::uint64_t count = recent.event_count.load(std::memory_order_acquire);
    const std::uint64_t first = count > Recent::kEvents ? count - Recent::kEvents : 0;
    for (std::uint64_t i = first; i < count; ++i) {
        const RecentEvent& row = recent.events[i % Recent::kEvents];
        const ipc::Event& event = row.event;
        const char* kind = event.kind == ipc::EventKind::Midi        ? "midi"
                           : event.kind == ipc::EventKind::Parameter ? "parameter"
                                                                     : "program";
        rows.append(nb::make_tuple(
            row.generation, event.offset, kind,
            nb::bytes(reinterpret_cast<const char*>(event.midi), std::min<unsigned>(event.size, 3)),
            event.index, event.value));
    }
    return rows;
}

nb::list recent_process_us(const PluginSlot& slot, std::uint32_t seat) {
    nb::list rows;
    const Recent& recent = seat_at(slot, seat).recent;
    const std::uint64_t count = recent.time_count.load(std::memory_order_acquire);
    const std::uint64_t first = count > Recent::kTimes ? count - Recent::kTimes : 0;
    for (std::uint64_t i = first; i < count; ++i)
        rows.append(static_cast<double>(recent.times_ns[i % Recent::kTimes]) / 1000.0);
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
        .def(nb::new_([](std::uint32_t id, double rate, std::uint32_t frames,
                         std::uint32_t capacity, bool keeps_standby) {
                 return std::make_shared<PluginSlot>(id, rate, frames, capacity, keeps_standby);
             }),
             nb::arg("id"), nb::arg("sample_rate"), nb::arg("max_frames"),
             nb::arg("latency_capacity") = 16384, nb::arg("keeps_standby") = false)
        .def_ro("id", &PluginSlot::id)
        .def_prop_ro("processed_blocks", counter(&SlotCounters::processed_blocks))
        .def_prop_ro("bypassed_blocks", counter(&SlotCounters::bypassed_blocks))
        .def_prop_ro("missed_blocks", counter(&SlotCounters::missed_blocks))
        .def_prop_ro("repaired_samples", counter(&SlotCounters::repaired_samples))
        .def_prop_ro("dropped_events", counter(&SlotCounters::dropped_events))
        .def_prop_ro("misses_in_a_row", counter(&SlotCounters::misses_in_a_row))
        .def_prop_ro("takeovers", counter(&SlotCounters::takeovers))
        .def_prop_ro("playing", [](const PluginSlot& slot) { return slot.playing.load(); })
        .def(
            "stuck_since_ns",
            [](const PluginSlot& slot, std::uint32_t seat) {
                return seat_at(slot, seat).stuck_since_ns.load();
            },
            nb::arg("seat") = 0)
        .def("behind", [](const PluginSlot& slot,
                          std::uint32_t seat) { return seat_at(slot, seat).behind.load(); })
        .def("out_of_step",
             [](const PluginSlot& slot, std::uint32_t seat) {
                 return seat_at(slot, seat).out_of_step.load();
             })
        .def_prop_ro("nonfinite", run(&SlotCounters::nonfinite))
        .def_prop_ro("overlevel", run(&SlotCounters::overlevel))
        .def_prop_ro("applied_edit", counter(&SlotCounters::applied_edit))
        .def_prop_ro("reported_latency_frames", counter(&SlotCounters::reported_latency))
        .def(
            "generation",
            [](const PluginSlot& slot, std::uint32_t seat) {
                return seat_at(slot, seat).recent.generation.load();
            },
            nb::arg("seat") = 0)
        .def("recent_events", recent_events, nb::arg("seat") = 0)
        .def("recent_process_us", recent_process_us, nb::arg("seat") = 0)
        .def(
            "set_worker",
            [](PluginSlot& slot, int thread, int priority, int process, std::uint32_t seat) {
                seat_at(slot, seat)
                    .worker.store(
                        thread > 0 ? std::make_shared<const WorkerThread>(thread, priority, process)
                                   : nullptr);
            },
            nb::arg("thread_id"), nb::arg("priority"), nb::arg("process") = 0, nb::arg("seat") = 0);
}

}  // namespace isobooth::host
