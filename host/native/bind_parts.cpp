// SPDX-License-Identifier: GPL-3.0-or-later
//
// What plans are made of: strips, delay lines, clips, chains.
#include <nanobind/ndarray.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "host/native/bindings.hpp"
#include "host/native/own_time.hpp"
#include "host/native/players.hpp"
#include "host/native/python_chain.hpp"
#include "host/native/signal.hpp"
#include "host/native/strip.hpp"

namespace nb = nanobind;

namespace isobooth::host {

namespace {

using Samples = nb::ndarray<const float, nb::shape<2, -1>, nb::c_contig, nb::device::cpu>;

std::shared_ptr<PythonChain> make_chain(std::uint32_t id, const ipc::Geometry& geometry,
                                        nb::handle host, nb::handle activation,
                                        const std::vector<nb::object>& outputs,
                                        std::vector<std::string> semaphores, std::string end) {
    if (outputs.size() != geometry.records || semaphores.size() != geometry.records)
        throw nb::value_error("a chain needs one output file and one semaphore a record");
    std::vector<HeldBuffer> held;
    ChainMemory memory;
    memory.geometry = geometry;
    const auto hold = [&held](nb::handle object, std::size_t size) {
        return held.emplace_back(object, size).data();
    };
    memory.host = hold(host, geometry.host_size());
    memory.activation = hold(activation, geometry.activation_size());
    for (const nb::object& output : outputs)
        memory.outputs.push_back(hold(output, geometry.record_size()));
    memory.semaphores = std::move(semaphores);
    memory.end_semaphore = std::move(end);
    return std::make_shared<PythonChain>(id, memory, std::move(held));
}

std::shared_ptr<AudioClip> make_audio_clip(Samples samples, std::int64_t start, float gain,
                                           bool loop) {
    auto clip = std::make_shared<AudioClip>();
    clip->planes[0] = samples.data();
    clip->planes[1] = samples.data() + samples.shape(1);
    clip->frames = static_cast<std::int64_t>(samples.shape(1));
    clip->start = start;
    clip->gain = gain;
    clip->loop = loop;
    clip->keep_alive = std::make_shared<Samples>(samples);
    return clip;
}

std::shared_ptr<MidiClip> make_midi_clip(
    nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig> frames,
    nb::ndarray<const std::uint8_t, nb::shape<-1, 3>, nb::c_contig> data) {
    if (frames.shape(0) != data.shape(0))
        throw nb::value_error("one row of three bytes is needed for each frame");
    std::vector<TimedMidi> events(frames.shape(0));
    for (std::size_t i = 0; i < events.size(); ++i) {
        events[i] = {frames.data()[i],
                     {data.data()[3 * i], data.data()[3 * i + 1], data.data()[3 * i + 2], 0}};
        if (i > 0 && events[i].frame < events[i - 1].frame)
            throw nb::value_error("MIDI events must be sorted by frame");
    }
    return std::make_shared<MidiClip>(std::move(events));
}

}  // namespace

void bind_parts(nb::module_& m) {
    nb::class_<Strip>(m, "Strip")
        .def(nb::new_([](std::uint32_t id, std::uint32_t frames) {
                 return std::make_shared<Strip>(id, frames);
             }),
             nb::arg("id"), nb::arg("max_frames"))
        .def_ro("id", &Strip::id)
        .def_prop_ro("peaks",
                     [](const Strip& strip) {
                         return nb::make_tuple(strip.peaks[0].load(), strip.peaks[1].load());
                     })
        .def("take_peaks",
             [](Strip& strip) { return nb::make_tuple(strip.take_peak(0), strip.take_peak(1)); });

    nb::class_<DelayLine>(m, "DelayLine")
        .def(nb::new_([](std::uint32_t delay, std::uint32_t frames) {
                 return std::make_shared<DelayLine>(delay, frames);
             }),
             nb::arg("delay_frames"), nb::arg("max_frames"))
        .def_prop_ro("delay_frames", &DelayLine::delay_frames);

    nb::class_<AudioClip>(m, "AudioClip")
        .def(nb::new_(&make_audio_clip), nb::arg("samples"), nb::arg("start_frame") = 0,
             nb::arg("gain") = 1.0f, nb::arg("loop") = false)
        .def_ro("frames", &AudioClip::frames);
    nb::class_<MidiClip>(m, "MidiClip")
        .def(nb::new_(&make_midi_clip), nb::arg("frames"), nb::arg("data"));

    nb::class_<OwnTime>(m, "OwnTime")
        .def(nb::new_([] { return std::make_shared<OwnTime>(); }))
        .def_prop_ro("position_frames",
                     [](const OwnTime& time) { return time.shown_position.load(); })
        .def("end", &OwnTime::end);

    nb::class_<PythonChain>(m, "Chain")
        .def(nb::new_(&make_chain), nb::arg("id"), nb::arg("geometry"), nb::arg("host"),
             nb::arg("activation"), nb::arg("outputs"), nb::arg("semaphores"),
             nb::arg("end_semaphore"))
        .def_prop_ro("id", [](const PythonChain& chain) { return chain.id; })
        .def_prop_ro("locked", &PythonChain::locked)
        .def("lost", &PythonChain::lost, nb::arg("record"))
        .def_prop_ro("shared_lost", &PythonChain::shared_lost)
        .def("retire", &Chain::retire, nb::arg("record"))
        .def("is_stuck", &Chain::is_stuck, nb::arg("record"))
        .def("is_in_block", &Chain::is_in_block, nb::arg("record"))
        .def("reset", &Chain::reset, nb::arg("record"));
}

}  // namespace isobooth::host
