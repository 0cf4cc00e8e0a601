// SPDX-License-Identifier: GPL-3.0-or-later
//
// Slot and BlockLoop for Python. Slot.process runs a plugin in this very
// process: the reference that sandboxed rendering must equal bit for bit.
#include "sandbox/native/bindings.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cstring>
#include <optional>

#include "ipc/native/denormals.hpp"
#include "ipc/native/repair.hpp"
#include "sandbox/native/block_loop.hpp"

namespace nb = nanobind;

namespace isobooth::sandbox {

namespace {

using Planes = nb::ndarray<const float, nb::shape<2, -1>, nb::c_contig, nb::device::cpu>;
using MidiList = std::vector<std::pair<std::uint32_t, nb::bytes>>;
using ParameterList = std::vector<std::tuple<std::uint32_t, std::uint32_t, float>>;

std::vector<ipc::Event> merge_events(const MidiList& midi, const ParameterList& parameters) {
    std::vector<ipc::Event> events;
    for (const auto& [offset, index, value] : parameters) {
        ipc::Event event{};
        event.offset = offset;
        event.kind = ipc::EventKind::Parameter;
        event.index = index;
        event.value = value;
        events.push_back(event);
    }
    for (const auto& [offset, bytes] : midi) {
        if (bytes.size() < 1 || bytes.size() > 3)
            throw nb::value_error("a MIDI event has 1 to 3 bytes");
        ipc::Event event{};
        event.offset = offset;
        event.kind = ipc::EventKind::Midi;
        event.size = static_cast<std::uint16_t>(bytes.size());
        std::memcpy(event.midi, bytes.c_str(), bytes.size());
        events.push_back(event);
    }
    std::stable_sort(events.begin(), events.end(),
                     [](const auto& a, const auto& b) { return a.offset < b.offset; });
    if (events.size() > kMaxBlockEvents) throw nb::value_error("more than 1024 events in a block");
    return events;
}

nb::tuple process_here(Slot& slot, Planes audio, const MidiList& midi,
                       const ParameterList& parameters, std::optional<Planes> sidechain,
                       std::int64_t position, double tempo, bool playing, double rate) {
    const auto frames = audio.shape(1);
    if (frames < 1 || frames > static_cast<std::size_t>(slot.max_frames()))
        throw nb::value_error("audio must be (2, 1..max_frames) float32");
    if (sidechain && sidechain->shape(1) != frames)
        throw nb::value_error("side-chain and audio differ in length");
    const std::vector<ipc::Event> events = merge_events(midi, parameters);
    std::vector<ipc::Event> sent(ipc::kMaxEvents);
    auto* out = new float[2 * frames];
    nb::capsule owner(out, [](void* p) noexcept { delete[] static_cast<float*>(p); });
    const ipc::Transport transport{tempo,
                                   4,
                                   4,
                                   position,
                                   static_cast<double>(position) / rate * tempo / 60.0,
                                   0,
                                   0,
                                   playing ? ipc::kTransportPlaying : 0u,
                                   0};
    BusBlock bus{};
    for (unsigned channel = 0; channel < 2; ++channel) {
        bus.inputs[channel] = audio.data() + channel * frames;
        bus.outputs[channel] = out + channel * frames;
        bus.sidechain[channel] = sidechain ? sidechain->data() + channel * frames : nullptr;
    }
    bus.frames = static_cast<int>(frames);
    bus.events = events.data();
    bus.event_count = static_cast<int>(events.size());
    bus.events_out = sent.data();
    bus.events_out_capacity = ipc::kMaxEvents;
    bus.transport = &transport;
    {
        const nb::gil_scoped_release release;
        const ipc::DenormalsOff guard;
        slot.process(bus);
    }
    nb::list midi_out;
    for (int i = 0; i < bus.events_out_count; ++i) {
        const ipc::Event& event = sent[static_cast<std::size_t>(i)];
        midi_out.append(nb::make_tuple(
            event.offset, nb::bytes(reinterpret_cast<const char*>(event.midi), event.size)));
    }
    return nb::make_tuple(nb::ndarray<nb::numpy, float>(out, {2, frames}, owner), midi_out);
}

}  // namespace

void bind_slot(nb::module_& m) {
    nb::class_<Slot>(m, "Slot")
        .def_static("is_dual_mono", &Slot::is_dual_mono, nb::arg("in_channels"),
                    nb::arg("out_channels"))
        .def(nb::init<std::vector<Processor*>, int>(), nb::arg("processors"), nb::arg("max_frames"),
             nb::keep_alive<1, 2>())
        .def_prop_ro("accepts_midi", &Slot::accepts_midi)
        .def_prop_ro("produces_midi", &Slot::produces_midi)
        .def("latency_frames", &Slot::latency_frames)
        .def("process", &process_here, nb::arg("audio"), nb::arg("midi") = MidiList{},
             nb::arg("parameters") = ParameterList{}, nb::arg("sidechain") = nb::none(),
             nb::arg("position_frames") = 0, nb::arg("tempo_bpm") = 120.0,
             nb::arg("playing") = true, nb::arg("sample_rate") = 48000.0);
}

void bind_block_loop(nb::module_& m) {
    nb::class_<ChainPorts>(m, "ChainPorts")
        .def(
            "__init__",
            [](ChainPorts* self, const ipc::Geometry& geometry, std::string host,
               std::string activation, std::vector<std::string> outputs,
               std::vector<std::string> semaphores, std::string end, std::uint32_t record) {
                new (self)
                    ChainPorts(geometry, {std::move(host), std::move(activation), std::move(end),
                                          std::move(outputs), std::move(semaphores), record});
            },
            nb::arg("geometry"), nb::arg("host"), nb::arg("activation"), nb::arg("outputs"),
            nb::arg("semaphores"), nb::arg("end_semaphore"), nb::arg("record"));

    nb::class_<BlockLoop>(m, "BlockLoop")
        .def(nb::init<Slot&, ChainPorts&>(), nb::arg("slot"), nb::arg("ports"),
             nb::keep_alive<1, 2>(), nb::keep_alive<1, 3>())
        .def("warm_up", &BlockLoop::warm_up, nb::arg("blocks"),
             nb::call_guard<nb::gil_scoped_release>())
        .def("start", &BlockLoop::start, nb::arg("priority"), nb::arg("cpu"),
             nb::call_guard<nb::gil_scoped_release>())
        .def("activate", &BlockLoop::activate, nb::arg("applied_edit"), nb::arg("tail_s"))
        .def("stop", &BlockLoop::stop, nb::call_guard<nb::gil_scoped_release>())
        .def_prop_ro("thread_id", &BlockLoop::thread_id)
        .def_prop_ro("realtime", &BlockLoop::realtime)
        .def_prop_ro("applied_edit", &BlockLoop::applied_edit)
        .def_prop_ro("blocks", &BlockLoop::blocks);
}

}  // namespace isobooth::sandbox
