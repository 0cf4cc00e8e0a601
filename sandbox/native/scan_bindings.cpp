// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a scan needs beyond playing: where a load has come to, and a plugin played for a while.
#include <nanobind/nanobind.h>

#include "sandbox/native/bindings.hpp"
#include "sandbox/native/exercise.hpp"
#include "sandbox/native/load_phase.hpp"

namespace nb = nanobind;

namespace isobooth::sandbox {

namespace {

PyObject* listener = nullptr;

void tell_listener() {
    if (!listener || !PyGILState_Check()) return;
    const nb::handle call(listener);
    call();
}

void listen_for_activation(nb::object call) {
    Py_XDECREF(listener);
    listener = call.is_none() ? nullptr : call.release().ptr();
    on_activation = listener ? tell_listener : nullptr;
}

}  // namespace

void bind_scan(nb::module_& m) {
    nb::class_<Played>(m, "Played")
        .def_ro("peak", &Played::peak)
        .def_ro("nonfinite", &Played::nonfinite)
        .def_ro("refused_blocks", &Played::refused_blocks)
        .def_ro("midi_out", &Played::midi_out)
        .def_ro("longest_ms", &Played::longest_ms)
        .def_ro("total_ms", &Played::total_ms);
    m.def("exercise", &exercise, nb::arg("slot"), nb::arg("blocks"), nb::arg("frames"),
          nb::arg("sample_rate"), nb::arg("noise"));
    m.def("listen_for_activation", &listen_for_activation, nb::arg("call").none());
}

}  // namespace isobooth::sandbox
