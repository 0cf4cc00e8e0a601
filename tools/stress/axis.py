# SPDX-License-Identifier: GPL-3.0-or-later
"""From numbers to places on a picture, with ticks that a person would have chosen."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

# Beyond this, differences of floats overflow; no measurement comes near.
_HUGE = 1e300


@dataclass(frozen=True)
class Axis:
    """A range of values, drawn from `begin_px` to `end_px`; upwards, these are the other way."""

    low: float
    high: float
    begin_px: float
    end_px: float
    is_log: bool = False

    def place(self, value: float) -> float:
        """In pixels; what lies outside is drawn at the edge."""
        value = min(max(value, self.low), self.high)
        low, high = self._scaled(self.low), self._scaled(self.high)
        share = (self._scaled(value) - low) / (high - low)
        return self.begin_px + share * (self.end_px - self.begin_px)

    def _scaled(self, value: float) -> float:
        return math.log10(value) if self.is_log else value

    def ticks(self, most: int) -> list[float]:
        return _decades(self.low, self.high) if self.is_log else _steps(self.low, self.high, most)


def linear_axis(values: Sequence[float], begin_px: float, end_px: float) -> Axis:
    low, high = _within(min(values)), _within(max(values))
    if not high - low > abs(high) * 1e-9:  # a level line, in the middle
        room = abs(high) * 0.1 or 1.0
        low, high = low - room, high + room
    return Axis(low, high, begin_px, end_px)


def log_axis(low: float, high: float, begin_px: float, end_px: float) -> Axis:
    """Of values above 0."""
    return Axis(low, _within(max(high, low * 10)), begin_px, end_px, is_log=True)


def _within(value: float) -> float:
    return min(max(value, -_HUGE), _HUGE)


def _steps(low: float, high: float, most: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10, 20) if power * factor >= rough)
    first = math.ceil(low / step - 1e-9)
    count = math.floor(high / step + 1e-9) - first + 1
    return [(first + at) * step for at in range(max(0, min(count, most + 2)))]


def _decades(low: float, high: float) -> list[float]:
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    every = max(1, -(-(last - first) // 5))
    return [10.0**power for power in range(first, last + 1, every)]


def tick_text(value: float) -> str:
    """ "2,500", "0.05", "1e+07"."""
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e6:
        text = f"{value:,.6f}" if abs(value) < 1 else f"{value:,.3f}"
        return text.rstrip("0").rstrip(".")
    return f"{value:.3g}"
