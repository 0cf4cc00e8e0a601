# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of the time line: bars, beats and seconds, as dense as there is room for."""

from dataclasses import dataclass

_SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
_PARTS_OF_BEAT = (0.25, 0.5)


@dataclass(frozen=True)
class Metre:
    """Of the song. A beat of 6/8 is an eighth; the tempo counts quarters."""

    sample_rate: int = 48000
    tempo: float = 120.0
    beats_per_bar: int = 4
    unit: int = 4

    @property
    def beat_frames(self) -> float:
        return self.sample_rate * 60.0 / self.tempo * 4.0 / self.unit

    @property
    def bar_frames(self) -> float:
        return self.beat_frames * self.beats_per_bar

    def step_frames(self, least_frames: float) -> float:
        """The shortest step of the grid that is no shorter than that: a part of a beat, a beat, a
        bar, or 2, 4, 8, … bars."""
        for part in _PARTS_OF_BEAT:
            if part * self.beat_frames >= least_frames:
                return part * self.beat_frames
        if self.beat_frames >= least_frames:
            return self.beat_frames
        step = self.bar_frames
        while step < least_frames:
            step *= 2
        return step

    def bar_text(self, frame: float) -> str:
        """Of a line of the grid: "12", or "12.3" within a bar."""
        beats = frame / self.beat_frames
        bar, rest = divmod(round(beats * 4), self.beats_per_bar * 4)
        beat, quarter = divmod(rest, 4)
        if quarter:
            return f"{bar + 1}.{beat + 1}.{quarter + 1}"
        return f"{bar + 1}.{beat + 1}" if beat else str(bar + 1)

    def is_bar(self, frame: float) -> bool:
        bars = frame / self.bar_frames
        return abs(bars - round(bars)) < 1e-6


def second_step(least_s: float) -> float:
    """The shortest round time that is no shorter than that."""
    return next((step for step in _SECONDS if step >= least_s), _SECONDS[-1])


def second_text(seconds: float, step_s: float) -> str:
    """Such as "1:05" or, between seconds, "1:05.25"."""
    minutes, rest = divmod(round(seconds * 100), 6000)
    text = f"{minutes}:{rest // 100:02d}"
    return f"{text}.{rest % 100:02d}" if step_s < 1 else text


def lines(first: float, last: float, step: float) -> list[float]:
    """The multiples of `step` from `first` to `last`."""
    start = max(0, int(first // step))
    return [n * step for n in range(start, int(last // step) + 1) if n * step >= first - step]
