# SPDX-License-Identifier: GPL-3.0-or-later
"""Musical time against frames: the tempo map of a MIDI file.

Frames are counted from the start in whole numbers, never by adding up rounded steps: after an
hour of 16th notes, sums in seconds are audibly off.
"""

from bisect import bisect_right
from collections.abc import Iterable
from fractions import Fraction

DEFAULT_BEAT_US = 500_000  # 120 beats a minute, the MIDI file standard's default
# SMPTE division: frames of film a second; "29" means 30 drop-frame, which runs at 30000/1001.
_SMPTE_FPS = {24: Fraction(24), 25: Fraction(25), 29: Fraction(30000, 1001), 30: Fraction(30)}


class TempoMap:
    """Turns ticks of a MIDI file into frames, exactly, rounded once.

    `division` is the header's word: ticks in a beat, or negative, SMPTE frames a second in the
    high byte and ticks in such a frame in the low one; then tempo changes mean nothing.
    `changes` are (tick, microseconds of a beat). ValueError for a division that has no meaning.
    """

    def __init__(self, division: int, changes: Iterable[tuple[int, int]] = ()) -> None:
        self._ticks = [0]
        self._seconds = [Fraction(0)]
        if division < 0:
            fps, ticks = -(division >> 8), division & 0xFF
            if fps not in _SMPTE_FPS or ticks == 0:
                raise ValueError(f"a time division of {fps} frames a second, {ticks} ticks each")
            self._tick_seconds = [1 / (_SMPTE_FPS[fps] * ticks)]
            return
        if division == 0:
            raise ValueError("a time division of 0 ticks in a beat")
        self._tick_seconds = [Fraction(DEFAULT_BEAT_US, 1_000_000 * division)]
        for tick, beat_us in sorted(changes, key=lambda change: change[0]):
            start = self.seconds_at(tick)
            if tick > self._ticks[-1]:
                self._ticks.append(tick)
                self._seconds.append(start)
                self._tick_seconds.append(Fraction(0))
            self._tick_seconds[-1] = Fraction(beat_us, 1_000_000 * division)

    def seconds_at(self, tick: int) -> Fraction:
        """Time of a tick, in exact seconds."""
        index = bisect_right(self._ticks, tick) - 1
        return self._seconds[index] + (tick - self._ticks[index]) * self._tick_seconds[index]

    def frame_at(self, tick: int, sample_rate: int) -> int:
        """The frame nearest to a tick; halves go up."""
        return int(self.seconds_at(tick) * sample_rate + Fraction(1, 2))
