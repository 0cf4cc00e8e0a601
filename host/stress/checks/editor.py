# SPDX-License-Identifier: GPL-3.0-or-later
"""Its window. Of VST3 and LV2 plugins it is not the playing instance's, which minihost keeps to
itself: it is opened beside it and told its values (sandbox/backends/editor.py)."""

import math
import time
from collections.abc import Sequence

import numpy as np

from host.plugin_id import PluginFormat
from host.stress import display
from host.stress.check import Check, Subject
from host.stress.display import Display, Pixels, png_of
from host.stress.rig import Rig
from host.stress.verdict import Picture, Verdict
from ipc.description import PluginDescription
from ipc.rig_calls import MAX_EDITOR_SIDE, CloseEditor, OpenEditor, ResizeEditor, SetParameter


class OpensItsEditor(Check):
    name = "opens-its-editor"
    level = 4
    what = (
        "opens its editor on a display that nobody sees, looks at what it draws, resizes it, moves "
        "parameters, plays and closes it, ten times"
    )
    means = "whoever wants to see it loses the song, or sees nothing"
    formats = frozenset({PluginFormat.CLAP, PluginFormat.VST3, PluginFormat.LV2})

    _TIMES = 10
    _LARGER = 1.25
    _DRAWN_S = 4.0

    def unfit(self, description: PluginDescription) -> str:
        return "" if display.is_there() else "there is no Xvfb on this machine (package xvfb)"

    def run(self, subject: Subject) -> None:
        with (
            display.virtual_display() as shown,
            subject.open(display=shown.name) as rig,
        ):
            for turn in range(self._TIMES):
                subject.stop()
                opened = rig.perform([OpenEditor()])[0]
                if opened.refused:
                    shown.must_live()
                    if turn == 0:
                        subject.find(Verdict.SKIP, opened.refused)
                    else:
                        told = f"opened {turn} times, and then not any more: {opened.refused}"
                        subject.find(Verdict.FAIL, told, key="not again")
                    return
                size = _size_of(subject, opened.values)
                if size is None:
                    return
                width, height = size
                if turn == 0:
                    self._look(subject, rig, shown, width, height)
                self._use(subject, rig, width, height)
                rig.perform([CloseEditor()])
            rig.recreate(subject.sample_rate, subject.max_frames)

    def _use(self, subject: Subject, rig: Rig, width: int, height: int) -> None:
        wanted = (min(MAX_EDITOR_SIDE, round(side * self._LARGER)) for side in (width, height))
        larger = ResizeEditor(*wanted)
        moved = [SetParameter(one.index, 0.7) for one in subject.description.parameters[:16]]
        resized = rig.perform([larger, *moved])[0]
        if not resized.refused:
            size = _size_of(subject, resized.values)
            subject.figures["can_be_resized"] = float(size not in (None, (width, height)))
        frames = round(subject.sample_rate) // 8
        rig.render(frames, keep=False, **subject.stimulus(frames))
        rig.idle()

    def _look(self, subject: Subject, rig: Rig, shown: Display, width: int, height: int) -> None:
        pixels = shown.pixels(width, height)
        # Toolkits draw when their turn comes, and some after they have loaded what they draw.
        deadline = time.monotonic() + self._DRAWN_S
        while _is_blank(pixels) and time.monotonic() < deadline:
            subject.stop()
            rig.idle()
            pixels = shown.pixels(width, height)
        subject.pictures.append(Picture(title="Its editor", png=png_of(pixels)))
        colours = len(np.unique(pixels.reshape(-1, 3), axis=0))
        subject.figures |= {"width": width, "height": height, "colours": colours}
        if _is_blank(pixels):
            subject.find(Verdict.WARN, f"its window of {width} × {height} stays blank", key="blank")


def _is_blank(pixels: Pixels) -> bool:
    return not np.any(pixels != pixels[:1, :1])


def _size_of(subject: Subject, values: Sequence[float]) -> tuple[int, int] | None:
    """Width and height, as the plugin's process says; None, and told, where no window is of that
    size."""
    if len(values) == 2 and all(
        math.isfinite(side) and 1 <= side <= MAX_EDITOR_SIDE for side in values
    ):
        return int(values[0]), int(values[1])
    told = " × ".join(f"{side:.0f}" for side in values[:2]) or "nothing"
    subject.find(Verdict.FAIL, f"its editor reports a size of {told}", key="size")
    return None
