# SPDX-License-Identifier: GPL-3.0-or-later
"""From the engine's blocks to the file: what is cut off, and how loud the rest is."""

import math

import numpy as np
from numpy.typing import NDArray

from host.audio_file import AudioWriter


class Excerpt:
    """Writes the part of what is rendered that belongs into the file.

    The mix lags its time line by `latency_frames`, so as much is cut off the head: the file is
    aligned with the song, whatever the plugins' latencies are.
    """

    def __init__(self, writer: AudioWriter, latency_frames: int, length_frames: int) -> None:
        self.peak = 0.0
        self._writer = writer
        self._skip = latency_frames
        self._left = length_frames

    @property
    def complete(self) -> bool:
        return self._left == 0

    @property
    def frames_to_render(self) -> int:
        """How many frames are still needed, cut off or not."""
        return self._skip + self._left

    def write(self, block: NDArray[np.float32]) -> int:
        """Takes (2, frames); returns how many frames of it belong into the file."""
        part = block[:, self._skip : self._skip + self._left]
        self._skip = max(0, self._skip - block.shape[1])
        frames = int(part.shape[1])
        self._left -= frames
        if frames:
            self.peak = max(self.peak, float(np.abs(part).max()))
            self._writer.write(part)
        return frames

    @property
    def peak_db(self) -> float | None:
        """dBFS; None for silence."""
        if not 0.0 < self.peak < math.inf:
            return None
        return round(20 * math.log10(self.peak), 2)
