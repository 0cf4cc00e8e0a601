# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of a track's content: how much of each pixel is covered, 0 to 255.

A lane is made of tiles that are painted once for a zoom: scrolling then only moves pictures. The
edges of a wave are smooth because a pixel that it covers in part is lit in part.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ipc.desk.requests import Overview

Cover = NDArray[np.uint8]  # (height, width)
_FULL_SCALE = 127.0
_LOWEST_KEYS = 12  # an octave at least: a drone does not fill the lane


@dataclass(frozen=True)
class Wave:
    """An audio file's peaks: -127 to 127, a pair for each `step` frames from `start` on."""

    start: int
    step: int
    low: NDArray[np.int8]
    high: NDArray[np.int8]


@dataclass(frozen=True)
class Notes:
    """MIDI notes, sorted by their start: int64 arrays."""

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    key: NDArray[np.int64]
    velocity: NDArray[np.int64]


Content = Wave | Notes


def content_of(overview: Overview) -> Content | None:
    """None: there is nothing on it."""
    if overview.frames_per_bucket > 0 and overview.low:
        count = min(len(overview.low), len(overview.high))
        return Wave(
            start=overview.start_frame,
            step=overview.frames_per_bucket,
            low=np.frombuffer(overview.low, np.int8, count),
            high=np.frombuffer(overview.high, np.int8, count),
        )
    if overview.notes:
        columns = np.array(overview.notes, np.int64).T
        return Notes(*columns)
    return None


def wave_cover(
    wave: Wave, first_frame: float, frames_per_px: float, width: int, height: int
) -> Cover:
    """Of `width` by `height` pixels, the first of which begins at `first_frame`."""
    low, high = _columns(wave, first_frame, frames_per_px, width)
    middle, reach = height / 2, height / 2 - 1
    # Half a pixel each way at least: silence is a fine line.
    top = np.minimum(middle - high / _FULL_SCALE * reach, middle - 0.5)
    bottom = np.maximum(middle - low / _FULL_SCALE * reach, middle + 0.5)
    outside = np.isnan(high)
    top[outside] = bottom[outside] = middle
    rows = np.arange(height, dtype=np.float32)[:, None]
    covered = np.minimum(bottom, rows + 1) - np.maximum(top, rows)
    cover: Cover = (np.clip(covered, 0.0, 1.0) * 255.0).astype(np.uint8)
    return cover


def _columns(
    wave: Wave, first_frame: float, frames_per_px: float, width: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lowest and highest of each pixel; NaN where the file has not begun or has ended."""
    count = len(wave.low)
    edges = (first_frame - wave.start + np.arange(width + 1) * frames_per_px) / wave.step
    inside = (edges[1:] > 0) & (edges[:-1] < count)
    low = np.full(width, np.nan, np.float32)
    high = np.full(width, np.nan, np.float32)
    if not inside.any():
        return low, high
    if frames_per_px >= wave.step:
        starts = np.clip(np.floor(edges).astype(np.int64), 0, count)
        begin, end = starts[:-1][inside], starts[1:][inside]
        base, stop = int(begin[0]), int(min(count, max(end[-1], begin[-1] + 1)))
        places = np.minimum(begin, count - 1) - base
        low[inside] = np.minimum.reduceat(wave.low[base:stop], places)
        high[inside] = np.maximum.reduceat(wave.high[base:stop], places)
    else:
        # Nearer than the overview is fine: between its values.
        middles = (edges[:-1] + edges[1:])[inside] / 2
        base = max(0, int(middles[0]) - 2)
        stop = min(count, int(middles[-1]) + 3)
        at = np.arange(base, stop) + 0.5
        low[inside] = np.interp(middles, at, wave.low[base:stop])
        high[inside] = np.interp(middles, at, wave.high[base:stop])
    return low, high


def notes_cover(
    notes: Notes, first_frame: float, frames_per_px: float, width: int, height: int, scale: float
) -> Cover:
    """`scale`: pixels of the device to one of ours, so that lines keep their width."""
    cover = np.zeros((height, width), np.uint8)
    lowest, highest = int(notes.key.min()), int(notes.key.max())
    missing = max(0, _LOWEST_KEYS - (highest - lowest + 1))
    lowest -= missing // 2
    keys = max(_LOWEST_KEYS, highest - lowest + 1)
    each = height / keys
    thick = max(round(2.5 * scale), round(min(each, 7 * scale) - scale))
    left = np.floor((notes.start - first_frame) / frames_per_px).astype(np.int64)
    right = np.ceil((notes.end - first_frame) / frames_per_px).astype(np.int64)
    gap = round(scale)  # between two of the same key
    right = np.maximum(left + max(2, round(2 * scale)), right - gap)
    seen = (right > 0) & (left < width)
    # Where a thousand notes fall on one pixel, one is painted.
    every = np.stack(
        [
            np.maximum(left[seen], 0),
            np.minimum(right[seen], width),
            np.floor(height - (notes.key[seen] - lowest + 1) * each + (each - thick) / 2),
            110 + np.minimum(127, notes.velocity[seen]) * 145 // 127,
        ]
    ).astype(np.int64)
    every[2] = np.clip(every[2], 0, max(0, height - thick))
    for begin, end, top, lit in np.unique(every, axis=1).T.tolist():
        part = cover[top : top + thick, begin:end]
        np.maximum(part, lit, out=part)
    return cover
