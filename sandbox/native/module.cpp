// SPDX-License-Identifier: GPL-3.0-or-later
//
// The worker's native half: format adapters, the slot that fits them to the bus, the block loop.
#include <nanobind/nanobind.h>

#include "sandbox/native/bindings.hpp"

NB_MODULE(_native, m) {
    nanobind::module_::import_("ipc._native");  // Geometry
    isobooth::sandbox::bind_processors(m);
    isobooth::sandbox::bind_clap(m);
    isobooth::sandbox::bind_taps(m);
    isobooth::sandbox::bind_editors(m);
    isobooth::sandbox::bind_slot(m);
    isobooth::sandbox::bind_block_loop(m);
    isobooth::sandbox::bind_in_process(m);
    isobooth::sandbox::bind_scan(m);
    isobooth::sandbox::bind_audit(m);
    isobooth::sandbox::bind_rig(m);
    isobooth::sandbox::bind_guard(m);
    isobooth::sandbox::bind_confinement(m);
    isobooth::sandbox::bind_crash_handler(m);
}
