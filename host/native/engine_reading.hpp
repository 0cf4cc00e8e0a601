// SPDX-License-Identifier: GPL-3.0-or-later
//
// What Python reads of the engine, as NumPy arrays and tuples, and rendering without a clock.
#pragma once

#include <nanobind/nanobind.h>

#include "host/native/engine.hpp"

namespace isobooth::host {

// Renders `blocks` blocks as fast as they go, or as fast as their chains answer, on core `cpu`
// (-1: any): float32 (2, frames). `frames`: of each, where it is cut; 0: all of it.
nanobind::object render(Engine& engine, std::uint32_t blocks, int cpu, std::uint32_t frames);

// Empties the log of blocks: a column a field of BlockRecord.
nanobind::dict read_blocks(Engine& engine);
// Empties the log of misses: block, time, generation, slot, record, cause.
nanobind::list read_misses(Engine& engine);
// At most `max_frames` of what was captured: float32 (frames, 2).
nanobind::object read_capture(Engine& engine, std::size_t max_frames);

}  // namespace isobooth::host
