# SPDX-License-Identifier: GPL-3.0-or-later
"""Measuring sound, for scans and stress checks."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float32]

_FIRST = 10 ** (-40 / 20)  # of the strongest; less is no beginning
_OCTAVES_HZ = (125, 250, 500, 1000, 2000, 4000)  # below what any filter against aliasing takes
_SILENT = 1e-10


@dataclass(frozen=True)
class Delay:
    """Frames by which one sound is behind another: where the first of it comes, and the strongest.
    A filter spreads what it hears, so any latency between the two is true. `likeness`: how much
    the strongest resembles what was sent, 0 to 1."""

    first: int
    strongest: int
    likeness: float

    def agrees_with(self, reported: int) -> bool:
        return self.first - 1 <= reported <= self.strongest + 1


def delay_between(sent: Sound, heard: Sound) -> Delay:
    """Of noise. One channel each, of one length."""
    size = 2 ** math.ceil(math.log2(2 * len(sent)))
    half = len(sent) // 2
    there, here = np.fft.rfft(sent, size), np.fft.rfft(heard, size)
    common = np.abs(np.fft.irfft(here * np.conj(there), size)[:half])
    strongest = int(np.argmax(common))
    energy = float(np.linalg.norm(sent) * np.linalg.norm(heard))
    likeness = float(common[strongest]) / energy if energy > 0 else 0.0
    power = np.abs(there) ** 2
    response = np.abs(np.fft.irfft(here * np.conj(there) / (power + 1e-3 * power.mean()), size))
    # What would come before anything was sent is what the measure cannot tell from nothing.
    unclear = float(response[-half // 2 :].max(initial=0.0))
    audible = max(_FIRST * float(response[:half].max(initial=0.0)), 2.0 * unclear)
    first = int(np.argmax(response[: strongest + 1] >= audible))
    return Delay(first if response[first] >= audible else strongest, strongest, likeness)


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


def octaves_db(heard: Sound, sample_rate: float) -> dict[int, float]:
    """The level of each octave around its middle, Hz, of all channels together, dB: that of a sound
    at another rate is the same."""
    power = np.abs(np.fft.rfft(heard.astype(np.float64), axis=1)) ** 2
    power = 2.0 * power.sum(axis=0) / max(1, heard.shape[1]) ** 2
    hz = np.fft.rfftfreq(heard.shape[1], 1.0 / sample_rate)
    return {
        middle: 10.0
        * math.log10(float(power[(hz >= middle / 2**0.5) & (hz < middle * 2**0.5)].sum()) + _SILENT)
        for middle in _OCTAVES_HZ
    }
