# SPDX-License-Identifier: GPL-3.0-or-later
"""How two sounds differ that should be the same, as a picture."""

import math

import numpy as np

from host.stress.rig import Sound
from host.stress.verdict import Plot

_BANDS = 128
_FLOOR = 1e-9


def spectrum(difference: Sound, rate: float, title: str) -> Plot:
    """Of the difference, dB against full scale, in 128 bands."""
    mono = difference.astype(np.float64).mean(axis=0)
    power = np.abs(np.fft.rfft(mono * np.hanning(len(mono)))) / max(1, len(mono) // 4)
    bands = np.array_split(power, _BANDS)
    level = [20 * math.log10(max(float(band.max(initial=0.0)), _FLOOR)) for band in bands]
    top = rate / 2
    return Plot(
        kind="line",
        title=title,
        x_label="Hz",
        y_label="dBFS",
        x=[top * index / _BANDS for index in range(_BANDS)],
        y=level,
    )
