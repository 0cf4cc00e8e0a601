# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this processor takes longer for numbers too small to be normal: many take 20 to 150 times
as long, some of the newest no longer at all."""

import functools
import time

import numpy as np

_SAMPLES, _TRIES = 1 << 14, 30
_SLOWER = 3.0


@functools.cache
def are_slow() -> bool:
    return _best_s(1e-40) > _SLOWER * _best_s(1.0)


def _best_s(value: float) -> float:
    """Of a multiplication of as many; the best, as others use the machine, too."""
    numbers = np.full(_SAMPLES, value, np.float32)
    made = np.empty_like(numbers)
    best = float("inf")
    for _ in range(_TRIES):
        began = time.perf_counter()
        np.multiply(numbers, np.float32(0.75), out=made)
        best = min(best, time.perf_counter() - began)
    return best
