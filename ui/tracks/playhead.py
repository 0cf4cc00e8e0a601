# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the song is heard just now, smoothly.

The meters tell it in steps of a block, written at a time of the host's and read at one of ours:
shown as read it trembles. So a clock of our own runs between the readings and is drawn gently
towards them; what is a jump (a locate, the loop's end) is shown as one.
"""

import time

from ipc.desk.meters import Meters

_JUMP_S = 0.08  # what differs by more is a jump
_PULL = 0.08  # of the difference, at each look
_OLDEST_S = 0.25  # of meters that are still believed to move


class Playhead:
    """`frame` after each `take`."""

    def __init__(self) -> None:
        self.frame = 0.0
        self.is_playing = False

    def take(
        self,
        meters: Meters,
        elapsed_s: float,
        sample_rate: int,
        loop: tuple[int, int] | None = None,
        now_ns: int | None = None,
    ) -> float:
        """`elapsed_s`: since the last one."""
        position = float(meters["position_frames"])
        self.is_playing = bool(meters["playing"])
        if not self.is_playing:
            self.frame = position
            return self.frame
        now_ns = time.monotonic_ns() if now_ns is None else now_ns
        age_s = (now_ns - int(meters["time_ns"])) / 1e9
        due = _wrapped(position + min(_OLDEST_S, max(0.0, age_s)) * sample_rate, position, loop)
        shown = _wrapped(self.frame + elapsed_s * sample_rate, self.frame, loop)
        difference = due - shown
        if abs(difference) > _JUMP_S * sample_rate:
            self.frame = due
        else:
            self.frame = max(0.0, shown + difference * _PULL)
        return self.frame


def _wrapped(frame: float, before: float, loop: tuple[int, int] | None) -> float:
    """From `before` on, past the loop's end."""
    if loop is None or not before < loop[1] <= frame:
        return frame
    return loop[0] + (frame - loop[1]) % max(1, loop[1] - loop[0])
