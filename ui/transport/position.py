# SPDX-License-Identifier: GPL-3.0-or-later
"""Where in the song: frames as bars and beats, and as time."""

import re

_SIXTEENTHS = 4  # of a beat
# A beat begins with the frame that is nearest to it, which may be half a frame too early.
_NEARLY_NEXT = 0.499


def bars_text(frame: int, sample_rate: int, tempo: float, beats_per_bar: int) -> str:
    """Such as "12.3.2": bar, beat and quarter of a beat, each from 1."""
    beats = (max(0, frame) + _NEARLY_NEXT) / sample_rate * tempo / 60.0
    quarters = int(beats * _SIXTEENTHS)
    bar, rest = divmod(quarters, beats_per_bar * _SIXTEENTHS)
    beat, quarter = divmod(rest, _SIXTEENTHS)
    return f"{bar + 1}.{beat + 1}.{quarter + 1}"


def time_text(frame: int, sample_rate: int) -> str:
    """Such as "1:02.345"."""
    milliseconds = int((max(0, frame) + _NEARLY_NEXT) / sample_rate * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes}:{rest // 1000:02d}.{rest % 1000:03d}"


def frame_of(text: str, sample_rate: int, tempo: float, beats_per_bar: int) -> int | None:
    """What was typed: a bar and parts of it ("5", "5.2", "5.2.3"), or a time ("0:12.5", "12.5 s").
    None: it is neither."""
    text = text.strip().replace(",", ".")
    if found := re.fullmatch(r"(?:(\d{1,4}):(\d{1,2}(?:\.\d+)?)|(\d{1,6}(?:\.\d+)?)\s*s)", text):
        minutes, seconds, alone = found.groups()
        time_s = float(alone) if alone is not None else 60 * int(minutes) + float(seconds)
        return _nearest(time_s * sample_rate)
    found = re.fullmatch(r"(\d{1,5})(?:\.(\d{1,2}))?(?:\.(\d))?", text)
    if found is None:
        return None
    bar, beat, quarter = (int(part or 1) for part in found.groups())
    if bar < 1 or not 1 <= beat <= beats_per_bar or not 1 <= quarter <= _SIXTEENTHS:
        return None
    beats = (bar - 1) * beats_per_bar + (beat - 1) + (quarter - 1) / _SIXTEENTHS
    return _nearest(beats * 60.0 / tempo * sample_rate)


def _nearest(frame: float) -> int:
    return int(frame + 0.5 + 1e-6)


def bar_frames(sample_rate: int, tempo: float, beats_per_bar: int) -> int:
    """The length of a bar."""
    return round(beats_per_bar * 60.0 / tempo * sample_rate)
