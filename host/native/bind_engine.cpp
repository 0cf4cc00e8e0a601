// SPDX-License-Identifier: GPL-3.0-or-later
//
// The engine: commands into its ring, counters and logs out of it.
#include <malloc.h>
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "host/native/bindings.hpp"
#include "host/native/engine.hpp"
#include "host/native/engine_reading.hpp"

namespace nb = nanobind;

namespace isobooth::host {

namespace {

Command command(CommandKind kind, void* target, std::int64_t a = 0, std::int64_t b = 0,
                double value = 0.0, std::uint64_t edit = 0) {
    return {kind, {}, target, a, b, value, edit};
}

std::array<std::uint8_t, 3> midi_bytes(nb::bytes bytes) {
    if (bytes.size() < 1 || bytes.size() > 3)
        throw nb::value_error("a MIDI message has 1 to 3 bytes");
    std::array<std::uint8_t, 3> out{};
    std::memcpy(out.data(), bytes.c_str(), bytes.size());
    if (out[0] < 0x80 || out[1] > 0x7f || out[2] > 0x7f)
        throw nb::value_error("not a MIDI channel message");
    return out;
}

OnMiss policy_of(const std::string& name) {
    if (name == "auto") return OnMiss::Auto;
    if (name == "dry") return OnMiss::Dry;
    if (name == "silence") return OnMiss::Silence;
    throw nb::value_error("on_miss is auto, dry or silence");
}

}  // namespace

void bind_engine(nb::module_& m) {
    m.def("give_memory_back", [] { malloc_trim(0); });
    const auto counter = [](auto member) {
        return [member](const Engine& engine) { return (engine.*member).load(); };
    };
    nb::class_<Engine>(m, "Engine")
        .def(
            "__init__",
            [](Engine* self, double rate, std::uint32_t frames, double fraction, bool offline,
               double hang_limit, double capture, std::uint32_t log_blocks, std::uint32_t batch) {
                if (frames < 1 || frames > ipc::kMaxFrames || !(rate >= 8000 && rate <= 768000))
                    throw nb::value_error("block size or sample rate out of range");
                if (batch < 1 || frames % batch != 0)
                    throw nb::value_error("a block holds a whole number of the plugins' blocks");
                EngineConfig config;
                config.batch = batch;
                config.sample_rate = rate;
                config.block_frames = frames;
                config.deadline_fraction = fraction;
                config.offline = offline;
                config.hang_limit_s = hang_limit;
                config.capture_s = capture;
                config.input_channels = 64;
                config.log_blocks = log_blocks;
                new (self) Engine(config);
            },
            nb::arg("sample_rate"), nb::arg("block_frames"), nb::arg("deadline_fraction") = 0.7,
            nb::arg("offline") = false, nb::arg("hang_limit_s") = 10.0, nb::arg("capture_s") = 0.0,
            nb::arg("log_blocks") = 65536, nb::arg("batch") = 1)
        .def_prop_ro("sample_rate", [](const Engine& e) { return e.config.sample_rate; })
        .def_prop_ro("block_frames", [](const Engine& e) { return e.config.block_frames; })
        .def_ro("period_ns", &Engine::period_ns)
        .def_prop_ro("block_count", counter(&Engine::block_count))
        .def_prop_ro("plugin_block_count", counter(&Engine::plugin_block_count))
        .def_prop_ro("late_blocks", counter(&Engine::late_blocks))
        .def_prop_ro("machine_late_blocks", counter(&Engine::machine_late_blocks))
        .def_prop_ro("lost_capture_frames", counter(&Engine::lost_capture_frames))
        .def_prop_ro("position_frames",
                     [](const Engine& e) { return e.transport.shown_position.load(); })
        .def_prop_ro("playing", [](const Engine& e) { return e.transport.shown_playing.load(); })
        .def("adopt_slot", [](Engine& e, std::shared_ptr<PluginSlot> s) { e.adopt(std::move(s)); })
        .def("adopt_strip", [](Engine& e, std::shared_ptr<Strip> s) { e.adopt(std::move(s)); })
        .def("release_slot", [](Engine& e, const PluginSlot& s) { e.release(&s); })
        .def("release_strip", [](Engine& e, const Strip& s) { e.release(&s); })
        .def("publish", [](Engine& e, std::shared_ptr<Plan> p) { return e.publish(std::move(p)); })
        .def("collect", &Engine::collect)
        .def("clear", &Engine::clear)
        .def("set_gain", [](Engine& e, Strip& s,
                            double v) { return e.send(command(CommandKind::Gain, &s, 0, 0, v)); })
        .def("set_pan", [](Engine& e, Strip& s,
                           double v) { return e.send(command(CommandKind::Pan, &s, 0, 0, v)); })
        .def("set_mute",
             [](Engine& e, Strip& s, bool v) { return e.send(command(CommandKind::Mute, &s, v)); })
        .def("settle", [](Engine& e, Strip& s) { return e.send(command(CommandKind::Settle, &s)); })
        .def(
            "attach",
            [](Engine& e, PluginSlot& s, std::uint32_t record, bool restarted, std::uint32_t seat) {
                seat_at(s, seat);
                return e.send(
                    command(CommandKind::Attach, &s, record, seat << 1 | (restarted ? 1u : 0u)));
            },
            nb::arg("slot"), nb::arg("record"), nb::arg("restarted"), nb::arg("seat") = 0)
        .def(
            "detach",
            [](Engine& e, PluginSlot& s, std::uint32_t seat) {
                seat_at(s, seat);
                return e.send(command(CommandKind::Detach, &s, seat));
            },
            nb::arg("slot"), nb::arg("seat") = 0)
        .def(
            "set_bypass",
            [](Engine& e, PluginSlot& s, bool v, bool by_user) {
                return e.send(command(CommandKind::Bypass, &s, v, by_user));
            },
            nb::arg("slot"), nb::arg("bypassed"), nb::arg("by_user"))
        .def("set_latency",
             [](Engine& e, PluginSlot& s, std::uint32_t frames) {
                 return e.send(command(CommandKind::Latency, &s, frames));
             })
        .def(
            "set_policy",
            [](Engine& e, PluginSlot& s, const std::string& on_miss, bool instrument,
               bool accepts_midi, bool produces_midi) {
                return e.send(command(
                    CommandKind::Policy, &s, static_cast<std::int64_t>(policy_of(on_miss)),
                    (instrument ? 1 : 0) | (accepts_midi ? 2 : 0) | (produces_midi ? 4 : 0)));
            },
            nb::arg("slot"), nb::arg("on_miss"), nb::arg("is_instrument"), nb::arg("accepts_midi"),
            nb::arg("produces_midi"))
        .def(
            "set_parameter",
            [](Engine& e, PluginSlot& s, std::uint32_t index, double value, std::uint64_t edit,
               std::uint32_t offset) {
                return e.send(command(CommandKind::Parameter, &s, index, offset, value, edit));
            },
            nb::arg("slot"), nb::arg("index"), nb::arg("value"), nb::arg("edit"),
            nb::arg("offset") = 0)
        .def(
            "forget_parameter",
            [](Engine& e, PluginSlot& s, std::uint32_t index) {
                return e.send(command(CommandKind::Forget, &s, index,
                                      static_cast<std::int64_t>(ipc::EventKind::Parameter)));
            },
            nb::arg("slot"), nb::arg("index"))
        .def(
            "forget_midi",
            [](Engine& e, PluginSlot& s, nb::bytes message) {
                Command forget = command(CommandKind::Forget, &s, 0,
                                         static_cast<std::int64_t>(ipc::EventKind::Midi));
                std::memcpy(forget.bytes, message.c_str(),
                            std::min<std::size_t>(message.size(), 3));
                return e.send(forget);
            },
            nb::arg("slot"), nb::arg("message"))
        .def("live_midi", [](Engine& e, Strip& s,
                             nb::bytes bytes) { return e.live_midi(&s, midi_bytes(bytes).data()); })
        .def("play",
             [](Engine& e, bool v) { return e.send(command(CommandKind::Play, nullptr, v)); })
        .def("locate",
             [](Engine& e, std::int64_t frame) {
                 return e.send(command(CommandKind::Locate, nullptr, frame));
             })
        .def("set_loop",
             [](Engine& e, std::int64_t start, std::int64_t end) {
                 return e.send(command(CommandKind::Loop, nullptr, start, end));
             })
        .def("set_tempo",
             [](Engine& e, double bpm) {
                 return e.send(command(CommandKind::Tempo, nullptr, 0, 0, bpm));
             })
        .def("set_signature",
             [](Engine& e, int numerator, int denominator) {
                 return e.send(command(CommandKind::Signature, nullptr, numerator, denominator));
             })
        .def("render", &render, nb::arg("blocks"), nb::arg("cpu") = -1, nb::arg("frames") = 0)
        .def("read_blocks", &read_blocks)
        .def("read_misses", &read_misses)
        .def("read_capture", &read_capture, nb::arg("max_frames"));
}

}  // namespace isobooth::host
