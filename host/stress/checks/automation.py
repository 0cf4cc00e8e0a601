# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a parameter takes effect at the frame that it was automated at."""

from dataclasses import dataclass

import numpy as np

from host.stress.check import Check, Subject
from host.stress.verdict import Verdict
from ipc.description import ParameterDescription, PluginDescription
from ipc.sound_measures import Sound

_FRAMES = 16 * 512


class AutomationIsOnTime(Check):
    name = "automation-is-on-time"
    level = 4
    what = (
        "automates each parameter at two frames inside blocks, and looks where the sound changes: "
        "of CLAP plugins, which are told the frame; others, as here when they play, get a block "
        "that begins there"
    )
    means = "automation is heard late, and differently with each block size"

    _AT = 700  # in the second block of 512
    _LATER = (1500, 3500)  # another, from the seed; a stimulus' notes end at 4096
    _LITTLE = 37
    _LATE = 64  # frames that many plugins share a parameter's value for
    _MUSICAL = 2048  # what is heard later than this waits for something in the sound
    _MOST_SUSPECTS = 8  # of late parameters, that are looked at closely
    _MOST = 32  # parameters at level 5 and below, twice as many with each further level

    def unfit(self, description: PluginDescription) -> str:
        if not description.out_channels:
            return "it has no outputs"
        return "" if _automatable(description) else "it has no parameters to automate"

    def run(self, subject: Subject) -> None:
        with subject.open() as rig:
            defaults = rig.parameters()
        listener = _Listener(subject)
        if not listener.is_the_same_twice():
            subject.find(Verdict.PASS, "it never sounds the same twice: cannot be told")
            return
        limit = self._LATE + subject.description.latency_frames
        late: dict[str, list[int]] = {}
        suspects: list[_Change] = []
        for parameter in self._chosen(subject):
            value = defaults[parameter.index] if parameter.index < len(defaults) else 0.5
            change = _Change(parameter.name, parameter.index, 0.0 if value > 0.5 else 1.0)
            second = subject.random("automation", parameter.index).randrange(*self._LATER)
            by = [listener.late_by(at, change) for at in (self._AT, second)]
            heard = [each for each in by if each is not None]
            if heard:
                late[change.name] = heard
                subject.figures[f"frames_late_{change.name}"[:60]] = float(max(heard))
                if limit < max(heard):
                    suspects.append(change)
        if not late:
            subject.find(Verdict.PASS, "no change was heard: cannot be told")
            return
        name, first = min(((name, min(by)) for name, by in late.items()), key=lambda one: one[1])
        if first < 0:
            subject.find(
                Verdict.WARN, f"'{name}' is heard {-first} frames before its frame", key="early"
            )
        elif first > limit:
            # All of them: that of a delay is heard late with good reason.
            subject.find(Verdict.WARN, f"'{name}' is heard {first} frames late", key="late")
        else:
            self._tell_waiting(subject, suspects[: self._MOST_SUSPECTS], limit)

    def _chosen(self, subject: Subject) -> list[ParameterDescription]:
        """From the seed, where there are too many."""
        some = _automatable(subject.description)
        most = self._MOST * 2 ** max(0, subject.level - 5)
        numbers = subject.random("automated")
        return some if len(some) <= most else numbers.sample(some, most)

    def _tell_waiting(self, subject: Subject, suspects: list["_Change"], limit: int) -> None:
        """Which of them take effect at frames that the plugin has for it: whatever it hears, a
        change a little later is heard at the very same frame. What depends on the sound, as a
        compressor's threshold does, is heard elsewhere in another, and an echo as late each
        time."""
        if not suspects:
            return
        listeners = [_Listener(subject, seed=seed, settled=True) for seed in (1, 2)]
        for change in suspects:
            waiting = []
            for at in (self._AT, self._LATER[0]):
                frames = {
                    None if by is None else at + after + by
                    for listener in listeners
                    for after in (0, self._LITTLE)
                    for by in [listener.late_by(at + after, change)]
                }
                if len(frames) == 1 and None not in frames:
                    waiting += [frame - at for frame in frames if frame is not None]
            if waiting and limit < max(waiting) <= self._MUSICAL:
                subject.find(
                    Verdict.WARN,
                    f"'{change.name}' is heard {max(waiting)} frames late",
                    key=f"late {change.name}",
                )


@dataclass(frozen=True)
class _Change:
    """Of a parameter, to a normalized value."""

    name: str
    index: int
    value: float


class _Listener:
    """Hears where the sound of new instances changes. `settled`: they have played for a second, so
    that what is in their delays sounds already."""

    def __init__(self, subject: Subject, *, seed: int = 1, settled: bool = False) -> None:
        self._subject, self._seed, self._settled = subject, seed, settled
        self._plain = self._heard(())

    def is_the_same_twice(self) -> bool:
        return np.array_equal(self._plain, self._heard(()))

    def late_by(self, at: int, change: _Change) -> int | None:
        """Frames from the change at the frame `at` to the first that sounds different."""
        changed = self._heard(((at, change.index, change.value),))
        differs = np.flatnonzero((self._plain != changed).any(axis=0))
        return int(differs[0]) - at if len(differs) else None

    def _heard(self, changes: tuple[tuple[int, int, float], ...]) -> Sound:
        rate = round(self._subject.sample_rate)
        stimulus = {**self._subject.stimulus(_FRAMES), "seed": self._seed, "whole": True}
        with self._subject.open() as rig:
            if self._settled:
                rig.render(rate, keep=False, **self._subject.stimulus(rate))
            return rig.render(_FRAMES, changes=changes, **stimulus).sound


def _automatable(description: PluginDescription) -> list[ParameterDescription]:
    return [parameter for parameter in description.parameters if parameter.automatable]
