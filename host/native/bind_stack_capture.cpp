// SPDX-License-Identifier: GPL-3.0-or-later
//
// The stacks of a hung worker for Python.
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "host/native/bindings.hpp"
#include "host/native/stack_capture.hpp"

namespace nb = nanobind;

namespace isobooth::host {

void bind_stack_capture(nb::module_& m) {
    nb::class_<CapturedThread>(m, "CapturedThread")
        .def_ro("thread_id", &CapturedThread::id)
        .def_prop_ro(
            "name", [](const CapturedThread& t) { return nb::bytes(t.name.data(), t.name.size()); })
        .def_ro("note", &CapturedThread::note)
        .def_ro("pc", &CapturedThread::pc)
        .def_ro("sp", &CapturedThread::sp)
        .def_ro("registers", &CapturedThread::registers)
        .def_ro("stack_address", &CapturedThread::stack_address)
        .def_prop_ro("stack", [](const CapturedThread& t) {
            return nb::bytes(t.stack.data(), t.stack.size());
        });
    nb::class_<CapturedProcess>(m, "CapturedProcess")
        .def_prop_ro(
            "maps",
            [](const CapturedProcess& p) { return nb::bytes(p.maps.data(), p.maps.size()); })
        .def_ro("threads", &CapturedProcess::threads)
        .def_ro("samples", &CapturedProcess::samples)
        .def_ro("error", &CapturedProcess::error);
    m.def("capture_stacks", &capture_stacks, nb::arg("pid"), nb::arg("suspect"), nb::arg("limit_s"),
          nb::call_guard<nb::gil_scoped_release>(),
          "The stacks of a process that is about to be killed; bounded in time.");
}

}  // namespace isobooth::host
