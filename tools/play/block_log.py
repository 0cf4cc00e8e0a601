# SPDX-License-Identifier: GPL-3.0-or-later
"""Block times of a session that may last all night: counted, not kept."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from host.engine_module import Engine
from tools.render.report import BlockTimes

# One counter a microsecond; a longer block counts here, and its length as the maximum.
_BINS = 200_000
_RECENT_BLOCKS = 1000


class BlockLog:
    """Reads the engine's log; nobody else may."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._counts = np.zeros(_BINS, dtype=np.int64)
        self._max_us = 0.0
        self._recent: deque[NDArray[np.float64]] = deque()

    def read(self) -> None:
        """Takes over what was logged since the last call; the engine keeps some minutes of it."""
        durations = self._engine.read_blocks()["duration_ns"]
        if len(durations) == 0:
            return
        times_us = durations.astype(np.float64) / 1000.0
        bins = np.minimum(times_us.astype(np.int64), _BINS - 1)
        np.add.at(self._counts, bins, 1)
        self._max_us = max(self._max_us, float(times_us.max()))
        self._recent.append(times_us[-_RECENT_BLOCKS:])
        while sum(map(len, self._recent)) - len(self._recent[0]) >= _RECENT_BLOCKS:
            self._recent.popleft()

    def times(self) -> BlockTimes:
        """Of all blocks, to the microsecond."""
        total = int(self._counts.sum())
        if total == 0:
            return BlockTimes()
        reached = np.cumsum(self._counts)
        median, p99 = (float(np.searchsorted(reached, share * total)) for share in (0.5, 0.99))
        return BlockTimes(median, p99, round(self._max_us, 1))

    def recent(self) -> BlockTimes:
        """Of the last thousand blocks or more."""
        if not self._recent:
            return BlockTimes()
        times_us = np.concatenate(list(self._recent))
        median, p99, longest = (round(float(x), 1) for x in np.percentile(times_us, (50, 99, 100)))
        return BlockTimes(median, p99, longest)
