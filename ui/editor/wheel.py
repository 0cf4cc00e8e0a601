# SPDX-License-Identifier: GPL-3.0-or-later
"""Who turns the wheel to scroll does not want to turn the knob that comes under the mouse."""

import time

_SAME_TURN_S = 0.5


class WheelGuard:
    """One for all controls of a scrolling grid."""

    def __init__(self) -> None:
        self._scrolled_s = float("-inf")

    def scrolled(self) -> None:
        self._scrolled_s = time.monotonic()

    def is_scrolling(self) -> bool:
        """Whether a turn of the wheel goes on that has begun beside the controls."""
        return time.monotonic() - self._scrolled_s < _SAME_TURN_S
