# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits, on the control thread, until the audio thread has rendered some more blocks."""

import asyncio
import time
from collections.abc import Callable

from host.engine_module import Engine

_PAUSE_S = 0.005
_CLOCK_STANDS_S = 0.5  # no block takes that long
# The cover of a slot that is bypassed, and the ramp of a strip, have ended by then.
_FADE_S = 0.03
# Until the audio thread has left a plan, or never will because its clock stands.
_BLOCKS = 2


async def next_blocks(
    engine: Engine,
    count: int,
    *,
    patient: bool = False,
    given_up: Callable[[], bool] = lambda: False,
) -> None:
    """Returns after `count` more blocks, once `given_up()`, or, unless `patient`, when the clock
    stands."""
    seen, since = engine.block_count, time.monotonic()
    until = seen + count
    while engine.block_count < until and not given_up():
        await asyncio.sleep(_PAUSE_S)
        if engine.block_count != seen:
            seen, since = engine.block_count, time.monotonic()
        elif time.monotonic() - since > _CLOCK_STANDS_S and not patient:
            return


async def fades_ended(engine: Engine, block_s: float) -> None:
    """Returns when what was muted or bypassed just now is not heard any more."""
    await next_blocks(engine, _BLOCKS + int(_FADE_S / block_s))


async def plan_left(engine: Engine) -> None:
    """Returns when the audio thread plays the plan that was published last, and the one before is
    freed."""
    await next_blocks(engine, _BLOCKS)
    engine.collect()
