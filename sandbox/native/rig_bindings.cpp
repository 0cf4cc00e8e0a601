// SPDX-License-Identifier: GPL-3.0-or-later
//
// The test rig for Python.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstring>

#include "sandbox/native/bindings.hpp"
#include "sandbox/native/rig_run.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace isobooth::sandbox {

namespace {

// Each has its times, and all of them come in one answer (ipc/rig_calls.py).
constexpr std::size_t kMostBlocks = 1 << 18;

using Planes = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using MidiIn = std::tuple<std::uint32_t, nb::bytes>;
using Change = std::tuple<std::uint32_t, std::uint32_t, float>;

std::vector<ipc::Event> events_of(const std::vector<MidiIn>& midi,
                                  const std::vector<Change>& changes) {
    std::vector<ipc::Event> events;
    events.reserve(midi.size() + changes.size());
    for (const auto& [frame, index, value] : changes) {
        ipc::Event event{};
        event.offset = frame;
        event.kind = ipc::EventKind::Parameter;
        event.index = index;
        event.value = value;
        events.push_back(event);
    }
    for (const auto& [frame, data] : midi) {
        if (data.size() < 1 || data.size() > 3) throw nb::value_error("MIDI has 1 to 3 bytes");
        ipc::Event event{};
        event.offset = frame;
        event.kind = ipc::EventKind::Midi;
        event.size = static_cast<std::uint16_t>(data.size());
        std::memcpy(event.midi, data.c_str(), data.size());
        events.push_back(event);
    }
    // Of those at the same frame, parameters come first.
    std::stable_sort(events.begin(), events.end(),
                     [](const auto& a, const auto& b) { return a.offset < b.offset; });
    return events;
}

bool has_planes(const Planes& planes, int channels, int frames) {
    return planes.shape(0) == static_cast<std::size_t>(channels) &&
           planes.shape(1) == static_cast<std::size_t>(frames);
}

RigPlayed play(Processor& processor, const Planes& in, const std::optional<Planes>& key, int frames,
               const std::vector<int>& sizes, int max_frames, const std::vector<MidiIn>& midi,
               const std::vector<Change>& changes, const RigTransport& transport,
               const RigOptions& options, const nb::callable& tell) {
    if (frames < 1) throw nb::value_error("nothing to play");
    if (!has_planes(in, processor.in_channels, frames))
        throw nb::value_error("the input must be in_channels planes of the frames to play");
    if (key && !has_planes(*key, processor.sidechain_channels, frames))
        throw nb::value_error("the key must be sidechain_channels planes of the frames to play");
    if (sizes.empty() || *std::min_element(sizes.begin(), sizes.end()) < 0 ||
        *std::max_element(sizes.begin(), sizes.end()) > max_frames)
        throw nb::value_error("blocks have 0 to max_frames frames");
    if (*std::max_element(sizes.begin(), sizes.end()) == 0 ||
        rig_blocks(frames, sizes) > kMostBlocks)
        throw nb::value_error("that takes too many blocks");
    const std::vector<ipc::Event> events = events_of(midi, changes);
    const float *const heard = in.data(), *const beside = key ? key->data() : nullptr;
    const nb::gil_scoped_release release;
    return rig_run(processor, heard, beside, frames, sizes, max_frames, events, transport, options,
                   [&tell](int done) {
                       const nb::gil_scoped_acquire acquire;
                       tell(done);
                   });
}

nb::object sound_of(RigPlayed& self, std::size_t channels) {
    const std::size_t frames = channels ? self.out.size() / channels : 0;
    return nb::cast(
        nb::ndarray<nb::numpy, float>(self.out.data(), {channels, frames}, nb::find(self)));
}

}  // namespace

void bind_rig(nb::module_& m) {
    nb::class_<RigTransport>(m, "RigTransport")
        .def(
            "__init__",
            [](RigTransport* self, double tempo_bpm, std::int64_t position_frames, bool playing,
               double sample_rate) {
                new (self) RigTransport{tempo_bpm, position_frames, playing, sample_rate};
            },
            "tempo_bpm"_a = 120.0, "position_frames"_a = 0, "playing"_a = true,
            "sample_rate"_a = 48000.0);
    nb::class_<RigOptions>(m, "RigOptions")
        .def(
            "__init__",
            [](RigOptions* self, bool in_place, bool guard, bool denormals, bool audit,
               int audit_from, FloatTrap trap) {
                new (self) RigOptions{in_place, guard, denormals, audit, audit_from, trap};
            },
            "in_place"_a = false, "guard"_a = false, "denormals"_a = false, "audit"_a = false,
            "audit_from"_a = 0, "trap"_a = FloatTrap::None);
    nb::class_<RigPlayed>(m, "RigPlayed")
        .def("sound", &sound_of, "channels"_a)
        .def_ro("wall_ns", &RigPlayed::wall_ns)
        .def_ro("cpu_ns", &RigPlayed::cpu_ns)
        .def_prop_ro(
            "midi",
            [](const RigPlayed& self) {
                nb::list sent;
                for (const RigMidi& one : self.midi)
                    sent.append(nb::make_tuple(
                        one.frame, nb::bytes(reinterpret_cast<const char*>(one.bytes), one.size)));
                return sent;
            })
        .def_ro("page_faults", &RigPlayed::page_faults)
        .def_ro("waits", &RigPlayed::waits)
        .def_ro("blocks_with_faults", &RigPlayed::blocks_with_faults)
        .def_ro("blocks_with_waits", &RigPlayed::blocks_with_waits)
        .def_ro("refused_blocks", &RigPlayed::refused_blocks)
        .def_ro("nonfinite", &RigPlayed::nonfinite)
        .def_ro("subnormal", &RigPlayed::subnormal)
        .def_ro("peak", &RigPlayed::peak)
        .def_ro("changed_float_mode", &RigPlayed::changed_float_mode)
        .def_ro("direct_calls", &RigPlayed::direct_calls)
        .def_ro("violations", &RigPlayed::violations)
        .def_ro("violations_lost", &RigPlayed::violations_lost);
    m.def("rig_run", &play, "processor"_a, "audio"_a, "key"_a.none(), "frames"_a, "sizes"_a,
          "max_frames"_a, "midi"_a, "changes"_a, "transport"_a, "options"_a, "tell"_a);
}

}  // namespace isobooth::sandbox
