// SPDX-License-Identifier: GPL-3.0-or-later
//
// Editors of VST3 and LV2 plugins for Python, which makes their windows and carries values between
// them and what plays (sandbox/backends/vst3_editor.py and lv2_editor.py).
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "sandbox/native/bindings.hpp"
#include "sandbox/native/lv2_editor.hpp"
#include "sandbox/native/lv2_tap.hpp"
#include "sandbox/native/vst3_editor.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace isobooth::sandbox {

namespace {

using NoGil = nb::call_guard<nb::gil_scoped_release>;
using Sides = std::pair<std::uint32_t, std::uint32_t>;

Sides sides_of(EditorSize size) { return {size.width, size.height}; }

}  // namespace

void bind_editors(nb::module_& m) {
    nb::class_<Vst3Editor>(m, "Vst3Editor")
        .def(nb::init<const std::string&, const std::string&>(), "module"_a, "class_id"_a, NoGil())
        .def("open", &Vst3Editor::open, "window"_a, NoGil())
        .def("close", &Vst3Editor::close, NoGil())
        .def_prop_ro("size", [](const Vst3Editor& self) { return sides_of(self.size()); })
        .def(
            "resize",
            [](Vst3Editor& self, std::uint32_t width, std::uint32_t height) {
                self.resize({width, height});
            },
            "width"_a, "height"_a, NoGil())
        .def_prop_ro("can_resize", &Vst3Editor::can_resize)
        .def("idle", &Vst3Editor::idle, NoGil())
        .def("set_value", &Vst3Editor::set_value, "parameter"_a, "value"_a, NoGil())
        .def("take_edits", &Vst3Editor::take_edits);

    nb::class_<Lv2Editor>(m, "Lv2Editor")
        .def(
            "__init__",
            [](Lv2Editor* self, std::string library, std::string uri, std::string plugin_uri,
               std::string bundle, std::vector<std::string> symbols, float sample_rate,
               const Lv2Tap* tap, std::uintptr_t instance) {
                const nb::gil_scoped_release release;
                Lv2Ui ui{std::move(library), std::move(uri),     std::move(plugin_uri),
                         std::move(bundle),  std::move(symbols), sample_rate};
                if (tap) {
                    ui.instance = reinterpret_cast<void*>(instance);
                    ui.extension_data = tap->extension_data();
                }
                new (self) Lv2Editor(std::move(ui));
            },
            "library"_a, "uri"_a, "plugin_uri"_a, "bundle"_a, "symbols"_a, "sample_rate"_a,
            "tap"_a.none() = nb::none(), "instance"_a = 0)
        .def("open", &Lv2Editor::open, "window"_a, NoGil())
        .def("close", &Lv2Editor::close, NoGil())
        .def_prop_ro("wanted_size",
                     [](const Lv2Editor& self) -> std::optional<Sides> {
                         const auto wanted = self.wanted_size();
                         return wanted ? std::optional(sides_of(*wanted)) : std::nullopt;
                     })
        .def(
            "resize",
            [](Lv2Editor& self, std::uint32_t width, std::uint32_t height) {
                return self.resize({width, height});
            },
            "width"_a, "height"_a, NoGil())
        .def("idle", &Lv2Editor::idle, NoGil())
        .def("set_value", &Lv2Editor::set_value, "port"_a, "value"_a, NoGil())
        .def("take_edits", &Lv2Editor::take_edits);
}

}  // namespace isobooth::sandbox
