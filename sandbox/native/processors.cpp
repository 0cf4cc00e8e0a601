// SPDX-License-Identifier: GPL-3.0-or-later
//
// Processors for Python: sandbox/backends opens and describes plugins through these classes; the
// block loop calls their C++ side.
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "sandbox/native/bindings.hpp"
#include "sandbox/native/builtin_effects.hpp"
#include "sandbox/native/builtin_synth.hpp"
#include "sandbox/native/fault_processor.hpp"
#include "sandbox/native/ladspa_processor.hpp"
#include "sandbox/native/minihost_processor.hpp"
#include "sandbox/native/plugin_text.hpp"
#include "sandbox/native/python_processor.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace isobooth::sandbox {

namespace {

void bind_bases(nb::module_& m) {
    nb::exception<TooLarge>(m, "TooLarge", PyExc_RuntimeError);
    nb::class_<Processor>(m, "Processor")
        .def_ro("in_channels", &Processor::in_channels)
        .def_ro("out_channels", &Processor::out_channels)
        .def_ro("sidechain_channels", &Processor::sidechain_channels)
        .def_ro("accepts_midi", &Processor::accepts_midi)
        .def_ro("produces_midi", &Processor::produces_midi)
        .def_ro("works_in_place", &Processor::works_in_place)
        .def("give_whole_blocks", &Processor::give_whole_blocks, "whole"_a)
        .def("make_room", &Processor::make_room, "frames"_a)
        .def("latency_frames", &Processor::latency_frames);

    nb::class_<Parameter>(m, "Parameter")
        .def(
            "__init__",
            [](Parameter* self, std::string id, std::string name, std::string unit, double minimum,
               double maximum, double initial, bool logarithmic, int steps,
               std::vector<std::string> choices) {
                new (self) Parameter{std::move(id), std::move(name), std::move(unit),
                                     minimum,       maximum,         initial,
                                     logarithmic,   steps,           std::move(choices)};
            },
            "id"_a, "name"_a, "unit"_a = "", "minimum"_a = 0.0, "maximum"_a = 1.0,
            "initial"_a = 0.0, "logarithmic"_a = false, "steps"_a = 0,
            "choices"_a = std::vector<std::string>{})
        .def_ro("id", &Parameter::id)
        .def_ro("name", &Parameter::name)
        .def_ro("unit", &Parameter::unit)
        .def_ro("minimum", &Parameter::minimum)
        .def_ro("maximum", &Parameter::maximum)
        .def_ro("initial", &Parameter::initial)
        .def_ro("logarithmic", &Parameter::logarithmic)
        .def_ro("steps", &Parameter::steps)
        .def_ro("choices", &Parameter::choices)
        .def("to_normalized", &Parameter::to_normalized, "plain"_a)
        .def("to_plain", &Parameter::to_plain, "normalized"_a);

    nb::class_<ParameterProcessor, Processor>(m, "ParameterProcessor")
        .def_prop_ro("parameters", [](const ParameterProcessor& self) { return self.parameters(); })
        .def("value", &ParameterProcessor::value, "index"_a)
        .def("set_value", &ParameterProcessor::set_value, "index"_a, "normalized"_a);
}

void bind_minihost(nb::module_& m) {
    nb::class_<MinihostLibrary>(m, "MinihostLibrary")
        .def(nb::init<const std::string&>(), "path"_a)
        .def_prop_ro("api_version", &MinihostLibrary::api_version);

    nb::class_<MinihostProcessor, Processor>(m, "MinihostProcessor")
        .def(
            "__init__",
            [](MinihostProcessor* self, const MinihostLibrary& library, std::uintptr_t plugin,
               double sample_rate, int max_frames, int main_in, int main_out, int sidechain,
               std::vector<int> main_keys, bool accepts_midi, bool produces_midi) {
                new (self) MinihostProcessor(library, plugin, sample_rate, max_frames,
                                             {main_in, main_out, sidechain, std::move(main_keys),
                                              accepts_midi, produces_midi});
            },
            "library"_a, "plugin"_a, "sample_rate"_a, "max_frames"_a, "main_in"_a, "main_out"_a,
            "sidechain"_a, "main_keys"_a, "accepts_midi"_a, "produces_midi"_a,
            nb::keep_alive<1, 2>())
        .def("set_program_order", &MinihostProcessor::set_program_order, "order"_a)
        .def_prop_ro("blocks", &MinihostProcessor::blocks)
        .def("pause", &MinihostProcessor::pause, "timeout_s"_a,
             nb::call_guard<nb::gil_scoped_release>())
        .def("resume", &MinihostProcessor::resume)
        .def("flush", &MinihostProcessor::flush, nb::call_guard<nb::gil_scoped_release>())
        .def("close", &MinihostProcessor::close, nb::call_guard<nb::gil_scoped_release>());
}

void bind_ladspa(nb::module_& m) {
    const auto text = [](const char* ladspa::Descriptor::*member) {
        return [member](const ladspa::Descriptor& d) { return plugin_text(d.*member); };
    };
    nb::class_<ladspa::Descriptor>(m, "LadspaDescriptor")
        .def_prop_ro("label", text(&ladspa::Descriptor::label))
        .def_prop_ro("name", text(&ladspa::Descriptor::name))
        .def_prop_ro("maker", text(&ladspa::Descriptor::maker))
        .def_prop_ro("unique_id", [](const ladspa::Descriptor& d) { return d.unique_id; });

    nb::class_<LadspaFile>(m, "LadspaFile")
        .def(nb::init<const std::string&>(), "path"_a)
        .def_prop_ro(
            "descriptors", [](const LadspaFile& self) { return self.descriptors(); },
            nb::rv_policy::reference_internal);

    nb::class_<LadspaProcessor, ParameterProcessor>(m, "LadspaProcessor")
        .def(nb::init<std::shared_ptr<LadspaFile>, const ladspa::Descriptor&, double>(), "file"_a,
             "descriptor"_a, "sample_rate"_a);
}

void bind_builtins(nb::module_& m) {
    nb::class_<Gain, ParameterProcessor>(m, "Gain").def(nb::init<double>(), "sample_rate"_a);
    nb::class_<Latency, ParameterProcessor>(m, "Latency")
        .def(nb::init<double, int>(), "sample_rate"_a, "frames"_a);
    nb::class_<Passthrough, ParameterProcessor>(m, "Passthrough")
        .def(nb::init<double, int, int, bool>(), "sample_rate"_a, "in_channels"_a, "out_channels"_a,
             "midi"_a);
    nb::class_<KeyListen, ParameterProcessor>(m, "KeyListen")
        .def(nb::init<double, int>(), "sample_rate"_a, "key_channels"_a);
    nb::class_<Tone, ParameterProcessor>(m, "Tone").def(nb::init<double>(), "sample_rate"_a);
    nb::class_<Synth, ParameterProcessor>(m, "Synth").def(nb::init<double>(), "sample_rate"_a);
    nb::class_<MidiTranspose, ParameterProcessor>(m, "MidiTranspose")
        .def(nb::init<double>(), "sample_rate"_a);
}

FaultKind require_kind(const std::string& name) {
    if (const auto kind = fault_kind(name)) return *kind;
    throw nb::value_error(("there is no fault '" + name + "'").c_str());
}

void bind_faults(nb::module_& m) {
    m.def("fault_kinds", &fault_kinds);
    m.def(
        "commit_fault",
        [](const std::string& kind) { commit_fault(require_kind(kind), FaultPlan{}); }, "kind"_a,
        "Does to this process, here and now, what the kind says.");
    nb::class_<FaultProcessor, ParameterProcessor>(m, "FaultProcessor")
        .def(
            "__init__",
            [](FaultProcessor* self, double sample_rate, const std::string& kind,
               std::int64_t after, std::int64_t every, std::int64_t times, int sleep_ms,
               int leak_mb) {
                new (self) FaultProcessor(sample_rate, require_kind(kind),
                                          {after, every, times, sleep_ms, leak_mb});
            },
            "sample_rate"_a, "kind"_a, "after"_a, "every"_a, "times"_a, "sleep_ms"_a, "leak_mb"_a);
}

void bind_python(nb::module_& m) {
    const auto array = [](const PythonProcessor& self, const PythonProcessor::Planes& planes) {
        const nb::capsule owner(new PythonProcessor::Planes(planes), [](void* held) noexcept {
            delete static_cast<PythonProcessor::Planes*>(held);
        });
        return nb::ndarray<nb::numpy, float, nb::ndim<2>>(
            planes->data(),
            {static_cast<std::size_t>(self.channels()),
             static_cast<std::size_t>(self.max_frames())},
            owner);
    };
    nb::class_<PythonProcessor, ParameterProcessor>(m, "PythonProcessor")
        .def(nb::init<nb::callable, std::vector<Parameter>, double, int, int, int>(), "callback"_a,
             "parameters"_a, "sample_rate"_a, "max_frames"_a, "channels"_a, "latency_frames"_a)
        .def_prop_ro(
            "input", [array](const PythonProcessor& self) { return array(self, self.input()); },
            nb::rv_policy::automatic)
        .def_prop_ro(
            "output", [array](const PythonProcessor& self) { return array(self, self.output()); },
            nb::rv_policy::automatic)
        .def("close", &PythonProcessor::close);
}

}  // namespace

void bind_processors(nb::module_& m) {
    bind_bases(m);
    bind_minihost(m);
    bind_ladspa(m);
    bind_builtins(m);
    bind_faults(m);
    bind_python(m);
}

}  // namespace isobooth::sandbox
