// SPDX-License-Identifier: GPL-3.0-or-later
//
// Each source file binds what it defines; module.cpp calls them in order.
#pragma once

#include <nanobind/nanobind.h>

namespace isobooth::sandbox {

void bind_processors(nanobind::module_& m);  // Processor and one class a format (adapters)
void bind_clap(nanobind::module_& m);        // after bind_processors
void bind_taps(nanobind::module_& m);        // between JUCE and plugins
void bind_editors(nanobind::module_& m);     // of VST3 and LV2 plugins
void bind_slot(nanobind::module_& m);
void bind_block_loop(nanobind::module_& m);
void bind_in_process(nanobind::module_& m);  // the reference without a sandbox
void bind_scan(nanobind::module_& m);        // what looking at plugins needs beyond playing
void bind_audit(nanobind::module_& m);
void bind_rig(nanobind::module_& m);            // a plugin on a test rig
void bind_guard(nanobind::module_& m);          // ends a worker whose host is gone
void bind_confinement(nanobind::module_& m);    // Landlock and the system call filter
void bind_crash_handler(nanobind::module_& m);  // what a crash leaves behind

}  // namespace isobooth::sandbox
