# SPDX-License-Identifier: GPL-3.0-or-later
"""Measuring sound, for scans and stress checks."""

import math

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float32]


def delay_between(sent: Sound, heard: Sound) -> tuple[int, float]:
    """Frames by which `heard` is behind, and how much it resembles what was sent, 0 to 1. One
    channel each, of one length."""
    size = 2 ** math.ceil(math.log2(2 * len(sent)))
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(sent, size))
    likeness = np.abs(np.fft.irfft(spectrum, size)[: len(sent) // 2])
    delay = int(np.argmax(likeness))
    energy = float(np.linalg.norm(sent) * np.linalg.norm(heard))
    return delay, float(likeness[delay]) / energy if energy > 0 else 0.0


def sounding_frames(heard: Sound, silence: float) -> int:
    """How many frames it is until all channels stay below `silence`, linear."""
    if heard.size == 0:
        return 0
    loud = np.flatnonzero(np.abs(heard).max(axis=0) > silence)
    return int(loud[-1]) + 1 if len(loud) else 0


def residue_db(first: Sound, second: Sound) -> float:
    """How loud the difference is against the louder of both, dB; -inf where there is none."""
    difference = float(np.max(np.abs(first - second), initial=0.0))
    if difference == 0.0:
        return -math.inf
    loudest = max(float(np.max(np.abs(one), initial=0.0)) for one in (first, second))
    return 20.0 * math.log10(difference / loudest) if loudest > 0.0 else -math.inf
