# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines without plugins: clips on strips, rendered offline. Nothing here starts a process."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from host.engine_module import AudioClip, Engine, Plan, Strip

RATE = 48000


def noise(frames: int, seed: int = 1) -> NDArray[np.float32]:
    """(2, frames), between -0.5 and 0.5."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-0.5, 0.5, (2, frames)).astype(np.float32)


def ramp(frames: int) -> NDArray[np.float32]:
    """(2, frames): every sample tells its own place, exactly (below 2^24)."""
    line = np.arange(frames, dtype=np.float32)
    return np.stack([line, -line])


def clip_engine(
    clip: AudioClip, block: int, rate: float = RATE, delays: Sequence[int] = (0,)
) -> Engine:
    """Plays `clip` on one strip for each of `delays` (frames of plan delay compensation)."""
    engine = Engine(rate, block, offline=True)
    plan = Plan()
    count = len(delays)
    for i, delay in enumerate(delays):
        strip = Strip(i, block)
        engine.adopt_strip(strip)
        plan.add_strip(strip, clip, source_delay=delay)
    master = Strip(count, block)
    engine.adopt_strip(master)
    plan.add_strip(master)
    for i in range(count):
        plan.add_feed(count, i)
    plan.finish([list(range(count)), [count]], count)
    assert engine.publish(plan)
    return engine


def render(engine: Engine, frames: int) -> NDArray[np.float32]:
    """At least `frames` frames, cut to them: (2, frames)."""
    blocks = -(-frames // engine.block_frames)
    return engine.render(blocks)[:, :frames]
