// SPDX-License-Identifier: GPL-3.0-or-later
//
// The engine for Python, bound part by part; module.cpp calls these in order. Python never runs on
// the audio thread; what it calls here only fills rings and reads atomics.
#pragma once

#include <nanobind/nanobind.h>

#include "host/native/plugin_slot.hpp"

namespace isobooth::host {

void bind_slot(nanobind::module_& module);
void bind_parts(nanobind::module_& module);
void bind_plan(nanobind::module_& module);
void bind_engine(nanobind::module_& module);
void bind_driver(nanobind::module_& module);
void bind_stack_capture(nanobind::module_& module);

const char* cause_name(MissCause cause);

// Throws IndexError: only a slot that keeps a standby has a second seat.
Seat& seat_at(const PluginSlot& slot, std::uint32_t index);

}  // namespace isobooth::host
