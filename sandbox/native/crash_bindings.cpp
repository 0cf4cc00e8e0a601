// SPDX-License-Identifier: GPL-3.0-or-later
//
// The crash handler for Python: installed before the plugin is loaded, armed again afterwards.
#include "sandbox/native/bindings.hpp"
#include "sandbox/native/crash_handler.hpp"

namespace nb = nanobind;

namespace isobooth::sandbox {

void bind_crash_handler(nb::module_& m) {
    m.def("install_crash_handler", &install_crash_handler, nb::arg("snapshot_fd"),
          "Takes over the fatal signals: a crash leaves a snapshot in the file, which may be "
          "closed afterwards. To be called by the main thread.");
    m.def("rearm_crash_handler", &rearm_crash_handler,
          "Takes the fatal signals back from whoever has them now.");
}

}  // namespace isobooth::sandbox
