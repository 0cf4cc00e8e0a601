# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a plugin sounds as it does at another sample rate."""

import numpy as np

from host.stress.check import Check, Subject
from host.stress.checks.sound import is_sound
from host.stress.rig import Rig
from host.stress.verdict import Plot, Verdict
from ipc.description import PluginDescription
from ipc.sound_measures import octaves_db

_NOTES = (48, 60, 64, 67)
_Levels = dict[int, float]


class SameAtAnyRate(Check):
    name = "same-at-any-rate"
    level = 3
    what = (
        "plays the same band of noise, 90 Hz to 5.6 kHz, and notes at 44.1, 48 and 96 kHz, and "
        "compares how loud each octave comes out"
    )
    means = "a song that is moved to another rate sounds different"

    _RATES = (44100.0, 96000.0)
    _USUAL = 48000.0
    _DIFFERENT_DB = 4.0
    _CHANCE_DB = 1.0
    _QUIET_DB = 30.0  # below the loudest octave
    _SILENT_DB = -80.0

    def unfit(self, description: PluginDescription) -> str:
        return "" if description.out_channels else "it has no outputs"

    def run(self, subject: Subject) -> None:
        usual = self._levels(subject, self._USUAL)
        if usual is None or max(usual.values()) < self._SILENT_DB:
            return
        heard = {self._USUAL: usual}
        worst = (0.0, 0, 0.0)
        for rate in self._RATES:
            levels = self._levels(subject, rate)
            if levels is None:
                return
            heard[rate] = levels
            worst = max(
                worst, (*self._difference(usual, levels), rate), key=lambda one: abs(one[0])
            )
        by, hz, rate = worst
        subject.figures["most_different_db"] = round(by, 2)
        if abs(by) <= self._DIFFERENT_DB:
            return
        again = self._levels(subject, self._USUAL)
        if again is None or abs(self._difference(usual, again)[0]) > self._CHANCE_DB:
            subject.find(Verdict.PASS, "it never sounds the same twice: cannot be told")
            return
        subject.plots.append(_plot(hz, heard))
        subject.find(
            Verdict.WARN,
            f"at {rate / 1000:g} kHz it sounds different from 48 kHz: {by:+.0f} dB at {hz} Hz",
            key="rate",
        )

    def _levels(self, subject: Subject, rate: float) -> _Levels | None:
        """Of the second second; None where that is no sound."""
        frames = round(rate)
        midi = []
        if subject.description.accepts_midi:
            midi = [(0, bytes((0x90, note, 100))) for note in _NOTES]
        with subject.open(sample_rate=rate) as rig:
            _set_the_same(subject, rig)
            heard = rig.render(2 * frames, midi=midi, **subject.sources("band")).sound[:, frames:]
        return octaves_db(heard, rate) if heard.size and is_sound(heard) else None

    def _difference(self, usual: _Levels, other: _Levels) -> tuple[float, int]:
        """The greatest, and of which octave; what is quiet in both is not heard."""
        floor = max(*usual.values(), *other.values()) - self._QUIET_DB
        differences = {hz: max(other[hz], floor) - max(level, floor) for hz, level in usual.items()}
        hz = max(differences, key=lambda hz: abs(differences[hz]))
        return differences[hz], hz


def _set_the_same(subject: Subject, rig: Rig) -> None:
    """Where the range of a parameter depends on the rate, as a LADSPA filter's cutoff does, so does
    its default: it is set to the one that it has at the usual rate."""
    here = {parameter.index: parameter for parameter in rig.description.parameters}
    for usual in subject.description.parameters:
        if here.get(usual.index) == usual or not usual.automatable:
            continue
        value = rig.value_of(usual.index, usual.default_text).values
        if value:
            rig.set_parameter(usual.index, value[0])


def _plot(hz: int, heard: dict[float, _Levels]) -> Plot:
    rates = sorted(heard)
    return Plot(
        kind="bars",
        title=f"Level of the octave around {hz} Hz at each rate",
        x_label="Hz",
        y_label="dBFS",
        y=[float(np.round(heard[rate][hz], 2)) for rate in rates],
        labels=[f"{rate:g}" for rate in rates],
    )
