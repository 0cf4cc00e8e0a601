# SPDX-License-Identifier: GPL-3.0-or-later
"""Where on a strip a level stands. Fader and meter share it, so that one scale serves both.

As on a console, the way around 0 dB is long and what is hardly heard has little of it.
"""

import numpy as np
from numpy.typing import NDArray

SILENCE_DB = -120.0  # the lower end: shown as minus infinity
TOP_DB = 6.0

# Decibels and their height, in between on straight lines.
_DB = np.array([SILENCE_DB, -60.0, -40.0, -30.0, -20.0, -10.0, 0.0, TOP_DB])
_HEIGHT = np.array([0.0, 0.04, 0.13, 0.22, 0.35, 0.54, 0.80, 1.0])

MARKS_DB = (6, 0, -6, -12, -20, -30, -40, -60)  # that a scale shows


def height_of(db: float) -> float:
    """0 (silence) to 1 (the top)."""
    return float(np.interp(db, _DB, _HEIGHT))


def heights_of_peaks(peaks: NDArray[np.float32]) -> NDArray[np.float64]:
    """Of linear levels, 1.0 is 0 dB. Same shape."""
    heights: NDArray[np.float64] = np.interp(20.0 * np.log10(np.maximum(peaks, 1e-6)), _DB, _HEIGHT)
    return heights


def db_at(height: float) -> float:
    """The inverse, to a tenth of a decibel where that matters."""
    db = float(np.interp(height, _HEIGHT, _DB))
    return round(db, 1 if db > -40.0 else 0)


def db_text(db: float) -> str:
    """Such as "-3.2", "+1.0" or "-∞"."""
    if db <= SILENCE_DB:
        return "-∞"
    if abs(db) < 0.05:
        return "0.0"
    return f"{db:+.1f}" if db > -100.0 else f"{db:.0f}"


def db_from_text(text: str) -> float | None:
    """What a person has typed; None if it is no level."""
    text = text.strip().lower().removesuffix("db").strip().replace(",", ".").replace("−", "-")
    if text in ("-∞", "-inf", "inf", "off"):
        return SILENCE_DB
    try:
        value = float(text)
    except ValueError:
        return None
    return value if -1000.0 < value < 1000.0 else None
