# SPDX-License-Identifier: GPL-3.0-or-later
"""The same plugins in one process, without a sandbox. Runs in a child of the bench."""

import os
import time

import numpy as np
from numpy.typing import NDArray


def noise(frames: int) -> NDArray[np.float32]:
    """A quiet, repeatable test signal, (2, frames)."""
    generator = np.random.default_rng(1)
    return (generator.standard_normal((2, frames)) * 0.1).astype(np.float32)


def run_chain(
    plugin: str, count: int, blocks: int, block_frames: int, paced: bool, priority: int, cpu: int
) -> tuple[NDArray[np.uint64], float]:
    """Block times (ns) and the wall time (s) of a chain of `count` equal plugins on noise."""
    os.environ["MINIHOST_MESSAGE_THREAD"] = "0"
    from sandbox import _native
    from sandbox.backends import open_plugin

    plugins = [
        open_plugin(plugin, sample_rate=48000.0, max_frames=block_frames) for _ in range(count)
    ]
    slots = [_native.Slot(p.processors, block_frames) for p in plugins]
    audio = noise(blocks * block_frames)
    period = round(1e9 * block_frames / 48000) if paced else 0
    _native.run_in_process(slots, audio[:, : 16 * block_frames].copy(), block_frames)
    started = time.perf_counter()
    _, durations = _native.run_in_process(slots, audio, block_frames, period, priority, cpu)
    return np.array(durations), time.perf_counter() - started
