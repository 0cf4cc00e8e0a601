// SPDX-License-Identifier: GPL-3.0-or-later
//
// What stands between JUCE and plugins, for Python.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "sandbox/native/bindings.hpp"
#include "sandbox/native/lv2_tap.hpp"
#include "sandbox/native/vst3_tap.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace isobooth::sandbox {

void bind_taps(nb::module_& m) {
    using NoGil = nb::call_guard<nb::gil_scoped_release>;
    nb::class_<Lv2Tap>(m, "Lv2Tap")
        .def_static("of", &Lv2Tap::of, "library"_a, "uri"_a, nb::rv_policy::reference, NoGil())
        .def(
            "lend_buffers",
            [](Lv2Tap& self, std::vector<std::uint32_t> inputs, std::vector<std::uint32_t> keys,
               std::vector<std::uint32_t> outputs) {
                self.lend_buffers({std::move(inputs), std::move(keys), std::move(outputs)});
            },
            "inputs"_a, "keys"_a, "outputs"_a)
        .def_prop_ro("handles", [](const Lv2Tap& self) {
            std::vector<std::uintptr_t> handles;
            for (void* const one : self.handles())
                handles.push_back(reinterpret_cast<std::uintptr_t>(one));
            return handles;
        });
    m.def("tap_vst3", &tap_vst3, "library"_a);
}

}  // namespace isobooth::sandbox
