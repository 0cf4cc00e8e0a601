# SPDX-License-Identifier: GPL-3.0-or-later
"""Twice the same, once done differently in a way that must not be heard."""

import math

import numpy as np

from host.stress.check import EMPTY_BLOCK_FORMATS, Check, Subject
from host.stress.residue import spectrum
from host.stress.rig import Sound
from host.stress.verdict import Verdict
from ipc.description import PluginDescription
from ipc.sound_measures import residue_db

_SECONDS = 1
_AUDIBLE_DB = -60.0
_BLOCK_SIZES = {"64 frames": [64], "1 frame": [1], "prime sizes": [7, 61, 127, 3], "511": [511, 1]}
_EMPTY = {"64 and of none": [64, 0]}


def _no_outputs(description: PluginDescription) -> str:
    return "" if description.out_channels else "it has no outputs"


def _compare(subject: Subject, first: Sound, second: Sound, what: str) -> float | None:
    """dB of the difference; None where there is none to speak of."""
    if first.shape != second.shape:
        subject.find(Verdict.FAIL, f"{what}: {first.shape} against {second.shape} samples")
        return None
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return None  # another check tells of it
    residue = residue_db(first, second)
    return None if math.isinf(residue) else residue


class SameEachTime(Check):
    name = "same-each-time"
    level = 2
    what = "plays the same to two new instances, each in a process of its own"
    means = "a bounce is not what was heard; presets cannot be compared (noise is a good reason)"

    def unfit(self, description: PluginDescription) -> str:
        return _no_outputs(description)

    def run(self, subject: Subject) -> None:
        frames = _SECONDS * round(subject.sample_rate)
        heard = []
        for _ in range(2):
            with subject.open() as rig:
                heard.append(rig.render(frames, **subject.stimulus(frames)).sound)
        residue = _compare(subject, heard[0], heard[1], "twice the same")
        if residue is not None:
            subject.figures["residue_db"] = residue
            subject.plots.append(
                spectrum(heard[0] - heard[1], subject.sample_rate, "Difference of two runs")
            )
            subject.find(Verdict.WARN, f"two runs differ ({residue:.0f} dB)", key="differs")


class AnyBlockSize(Check):
    name = "any-block-size"
    level = 3
    what = (
        "compares what it sends in blocks of 512 with blocks of 1, 64, 511 and prime sizes, and of "
        "VST3 and LV2 plugins with blocks without frames between others"
    )
    means = "its sound depends on a setting of the sound card"

    def unfit(self, description: PluginDescription) -> str:
        return _no_outputs(description)

    def run(self, subject: Subject) -> None:
        frames = _SECONDS * round(subject.sample_rate) // 2
        stimulus = subject.stimulus(frames)
        with subject.open() as rig:
            whole = rig.render(frames, **stimulus).sound
        with subject.open() as rig:
            again = rig.render(frames, **stimulus).sound
        usual = _compare(subject, whole, again, "twice the same")
        sizes_by_name = _BLOCK_SIZES
        if subject.format in EMPTY_BLOCK_FORMATS:
            sizes_by_name = {**_BLOCK_SIZES, **_EMPTY}
        for name, sizes in sizes_by_name.items():
            with subject.open() as rig:
                heard = rig.render(frames, blocks=sizes, **stimulus)
            if heard.result.nonfinite:
                subject.find(Verdict.FAIL, f"it sends NaN or Inf in blocks of {name}")
            residue = _compare(subject, whole, heard.sound, f"blocks of {name}")
            if residue is None:
                continue
            subject.figures[f"residue_db_{name.replace(' ', '_')}"] = residue
            if usual is None and residue > _AUDIBLE_DB:
                subject.plots.append(
                    spectrum(
                        whole - heard.sound, subject.sample_rate, f"Difference in blocks of {name}"
                    )
                )
                subject.find(
                    Verdict.WARN,
                    f"in blocks of {name} it sounds different ({residue:.0f} dB)",
                    key=f"blocks of {name}",
                )


class InPlaceOrNot(Check):
    name = "in-place-or-not"
    level = 3
    what = "compares separate buffers with outputs that lie over the inputs"
    means = "hosts that save memory get noise out of it"

    def unfit(self, description: PluginDescription) -> str:
        if not description.works_in_place:
            return "it says that it cannot"
        if not description.in_channels or not description.out_channels:
            return "it has no inputs or no outputs"
        return ""

    def run(self, subject: Subject) -> None:
        frames = _SECONDS * round(subject.sample_rate)
        heard = []
        for in_place in (False, False, True):
            with subject.open(direct=True) as rig:
                played = rig.render(frames, in_place=in_place, **subject.stimulus(frames))
                subject.tell_unseen(played.result.unseen)
                heard.append(played.sound)
        if _compare(subject, heard[0], heard[1], "twice the same") is not None:
            return  # it is never the same
        residue = _compare(subject, heard[0], heard[2], "in place")
        if residue is not None:
            subject.figures["residue_db"] = residue
            if residue > _AUDIBLE_DB:
                title = "Difference when it works in place"
                subject.plots.append(spectrum(heard[0] - heard[2], subject.sample_rate, title))
                subject.find(
                    Verdict.FAIL, f"in place it sounds different ({residue:.0f} dB)", key="in place"
                )
