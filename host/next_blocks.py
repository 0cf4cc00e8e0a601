# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits, on the control thread, until the audio thread has rendered some more blocks."""

import asyncio
import time
from collections.abc import Callable

from host.engine_module import Engine

_PAUSE_S = 0.005
_CLOCK_STANDS_S = 0.5  # no block takes that long


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
