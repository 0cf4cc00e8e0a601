// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is bound outside module.cpp.
#pragma once

#include <nanobind/nanobind.h>

namespace isobooth::ipc {

void bind_call_watch(nanobind::module_& m);      // answers the calls of confined workers
void bind_crash_snapshot(nanobind::module_& m);  // what a crashing worker left behind

}  // namespace isobooth::ipc
