# SPDX-License-Identifier: GPL-3.0-or-later
"""How meters move: up at once, down slowly; the peak stays for a while, the clip light until it is
put out. All strips at once, because there are many and sixty looks a second."""

import numpy as np
from numpy.typing import NDArray

from ui.theme.tokens import Motion

CLIP = 1.0  # linear: what a converter cannot hold


class Ballistics:
    """Of `count` stereo strips. Arrays have the shape (count, 2), linear levels."""

    def __init__(self, count: int, motion: Motion) -> None:
        self._fall_db_per_s = motion.meter_fall_db_per_s
        self._hold_s = motion.peak_hold_ms / 1000.0
        self.levels = np.zeros((count, 2), np.float32)
        self.peaks = np.zeros((count, 2), np.float32)
        self.clipped = np.zeros((count, 2), bool)
        self._held_s = np.zeros((count, 2))

    def take(self, heard: NDArray[np.float32], elapsed_s: float) -> None:
        """`heard`: the highest levels since the last look, that long ago."""
        heard = np.nan_to_num(np.abs(heard), nan=CLIP, posinf=CLIP)
        fall = np.float32(10.0 ** (-self._fall_db_per_s * elapsed_s / 20.0))
        self.levels = np.maximum(heard, self.levels * fall)
        self._held_s += elapsed_s
        is_new = heard >= self.peaks
        self._held_s[is_new] = 0.0
        falling = self._held_s > self._hold_s
        self.peaks = np.where(is_new, heard, np.where(falling, self.peaks * fall, self.peaks))
        self.clipped |= heard >= CLIP

    def put_out(self, strip: int) -> None:
        """Its clip lights and held peaks."""
        self.clipped[strip] = False
        self.peaks[strip] = self.levels[strip]
