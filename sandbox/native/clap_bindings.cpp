// SPDX-License-Identifier: GPL-3.0-or-later
//
// CLAP for Python: sandbox/backends/clap.py opens, describes and steers plugins through these.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "sandbox/native/bindings.hpp"
#include "sandbox/native/clap_processor.hpp"
#include "sandbox/native/plugin_text.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace isobooth::sandbox {

namespace {

using NoGil = nb::call_guard<nb::gil_scoped_release>;

nb::bytes as_bytes(const std::string& data) { return nb::bytes(data.data(), data.size()); }

nb::bytes save(ClapProcessor& processor) {
    std::string data;
    {
        const nb::gil_scoped_release release;
        data = processor.save();
    }
    return as_bytes(data);
}

void load(ClapProcessor& processor, const nb::bytes& state) {
    const std::string data(state.c_str(), state.size());
    const nb::gil_scoped_release release;
    processor.load(data);
}

int unused_outputs(const ClapProcessor& processor) {
    const auto ports = static_cast<int>(processor.layout().outputs.size());
    return std::max(0, ports - 1);
}

void bind_clap_file(nb::module_& m) {
    nb::class_<ClapDescriptor>(m, "ClapDescriptor")
        .def_prop_ro("id", [](const ClapDescriptor& self) { return plugin_text(self.id.c_str()); })
        .def_ro("name", &ClapDescriptor::name)
        .def_ro("vendor", &ClapDescriptor::vendor)
        .def_ro("version", &ClapDescriptor::version)
        .def_ro("features", &ClapDescriptor::features);

    nb::class_<ClapFile>(m, "ClapFile")
        .def(nb::init<const std::string&>(), "path"_a, NoGil())
        .def_prop_ro(
            "descriptors", [](const ClapFile& self) { return self.descriptors(); },
            nb::rv_policy::copy);
}

}  // namespace

void bind_clap(nb::module_& m) {
    bind_clap_file(m);

    nb::class_<ClapParameter, Parameter>(m, "ClapParameter")
        .def_ro("read_only", &ClapParameter::read_only)
        .def_ro("hidden", &ClapParameter::hidden)
        .def_ro("automatable", &ClapParameter::automatable)
        .def("plain", &ClapParameter::plain, "normalized"_a);

    nb::class_<ClapProcessor, Processor>(m, "ClapProcessor")
        .def(
            "__init__",
            [](ClapProcessor* self, std::shared_ptr<ClapFile> file, const ClapDescriptor& which,
               double sample_rate, int max_frames, bool sidechain, bool offline) {
                const nb::gil_scoped_release release;
                new (self) ClapProcessor(std::move(file), which,
                                         {sample_rate, max_frames, sidechain, offline});
            },
            "file"_a, "descriptor"_a, "sample_rate"_a, "max_frames"_a, "sidechain"_a = false,
            "offline"_a = false)
        .def_prop_ro("parameters", [](const ClapProcessor& self) { return self.parameters(); })
        .def_prop_ro("key_channels",
                     [](const ClapProcessor& self) {
                         return ClapLayout::channels(self.layout().inputs, self.layout().key);
                     })
        .def_prop_ro("unheard_output_ports", unused_outputs)
        .def_prop_ro("needs_realtime", &ClapProcessor::needs_realtime)
        .def_prop_ro("has_state", &ClapProcessor::has_state)
        .def("value", &ClapProcessor::value, "index"_a, NoGil())
        .def("set_value", &ClapProcessor::set_value, "index"_a, "normalized"_a, NoGil())
        .def("text_of", &ClapProcessor::text_of, "index"_a, "normalized"_a, NoGil())
        .def("value_of", &ClapProcessor::value_of, "index"_a, "text"_a, NoGil())
        .def("save", save)
        .def("load", load, "state"_a)
        .def("tail_s", &ClapProcessor::tail_s, NoGil())
        .def("idle", &ClapProcessor::idle, NoGil())
        .def("open_editor", &ClapProcessor::open_editor, "window"_a, NoGil())
        .def(
            "resize_editor",
            [](ClapProcessor& self, std::uint32_t width, std::uint32_t height) {
                const nb::gil_scoped_release release;
                self.resize_editor({width, height});
            },
            "width"_a, "height"_a)
        .def_prop_ro("editor_size",
                     [](ClapProcessor& self) {
                         const nb::gil_scoped_release release;
                         const EditorSize size = self.editor_size();
                         return std::make_pair(size.width, size.height);
                     })
        .def("close_editor", &ClapProcessor::close_editor, NoGil())
        .def_prop_ro("has_editor", &ClapProcessor::has_editor)
        .def_prop_ro("editor_can_resize", &ClapProcessor::editor_can_resize)
        .def("take_edits", &ClapProcessor::take_edits)
        .def("close", &ClapProcessor::close, NoGil());
}

}  // namespace isobooth::sandbox
