// SPDX-License-Identifier: GPL-3.0-or-later
#include <malloc.h>
#include <nanobind/nanobind.h>

#include "host/native/bindings.hpp"
#include "host/native/faults.hpp"
#include "host/native/realtime.hpp"

namespace nb = nanobind;
using namespace isobooth::host;

#ifndef ISOBOOTH_MODULE
#define ISOBOOTH_MODULE _native
#endif

NB_MODULE(ISOBOOTH_MODULE, m) {
    // Threads come and go with every song and every look at a file, and each may leave an arena of
    // its own behind. None of them allocates in a hurry.
    mallopt(M_ARENA_MAX, 2);
    // What is large comes and goes (the stacks of a hung process, states, a song's media) and goes
    // back to the system at once. Left to itself, the allocator puts it on the heap from the second
    // time on, where something small that outlives it keeps all of it.
    mallopt(M_MMAP_THRESHOLD, 256 * 1024);

    nb::module_::import_("ipc._native");  // Geometry
    m.attr("LOGGED_STRIPS") = kLoggedStrips;
    m.attr("BLOCK_LATE") = static_cast<unsigned>(kBlockLate);
    m.attr("BLOCK_MISSED") = static_cast<unsigned>(kBlockMissed);
    m.attr("BLOCK_ALL_MISSED") = static_cast<unsigned>(kBlockAllMissed);
    m.attr("BLOCK_NULL_CLOCK") = static_cast<unsigned>(kBlockNullClock);
    m.attr("RT_CHECKS") = rt_checks();
    bind_slot(m);
    bind_parts(m);
    bind_plan(m);
    bind_engine(m);
    bind_driver(m);
    bind_stack_capture(m);
}
