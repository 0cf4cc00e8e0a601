# SPDX-License-Identifier: GPL-3.0-or-later
"""Block times of a render or a session that may last all night: counted, not kept."""

from collections import deque

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from host.engine_module import Engine

# One counter for each stretch of times that differ by half a percent: from 1 ns to 28 hours.
_RATIO = 1.005
_BINS = 6500
_RECENT_BLOCKS = 1000


class BlockTimes(Struct, frozen=True):
    """Of the host's processing, waiting for plugins included; µs."""

    median: float = 0.0
    p99: float = 0.0
    max: float = 0.0


class BlockLog:
    """Reads the engine's log; nobody else may."""

    def __init__(self, engine: Engine, batch: int = 1) -> None:
        """`batch`: how many of the user's blocks the engine renders in one of its own."""
        self._engine = engine
        self._batch = batch
        self._counts = np.zeros(_BINS, dtype=np.int64)
        self._max_us = 0.0
        self._recent: deque[NDArray[np.float64]] = deque()

    def read(self) -> None:
        """Takes over what was logged since the last call; the engine keeps some minutes of it."""
        durations = self._engine.read_blocks()["duration_ns"]
        if len(durations) == 0:
            return
        times_us = durations.astype(np.float64) / (1000.0 * self._batch)
        bins = np.log(np.maximum(1000.0 * times_us, 1.0)) / np.log(_RATIO)
        np.add.at(self._counts, np.minimum(bins.astype(np.int64), _BINS - 1), 1)
        self._max_us = max(self._max_us, float(times_us.max()))
        self._recent.append(times_us[-_RECENT_BLOCKS:])
        while sum(map(len, self._recent)) - len(self._recent[0]) >= _RECENT_BLOCKS:
            self._recent.popleft()

    def times(self) -> BlockTimes:
        """Of all blocks; median and 99 % to a quarter of a percent."""
        total = int(self._counts.sum())
        if total == 0:
            return BlockTimes()
        reached = np.cumsum(self._counts)
        bins = np.searchsorted(reached, [0.5 * total, 0.99 * total])
        median, p99 = np.minimum(_RATIO ** (bins + 0.5) / 1000.0, self._max_us)
        return BlockTimes(_tenths(median), _tenths(p99), _tenths(self._max_us))

    def recent(self) -> BlockTimes:
        """Of the last thousand blocks or more."""
        if not self._recent:
            return BlockTimes()
        return BlockTimes(
            *map(_tenths, np.percentile(np.concatenate(list(self._recent)), (50, 99, 100)))
        )


def _tenths(value: float) -> float:
    return round(float(value), 1)
