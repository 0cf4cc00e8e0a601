# SPDX-License-Identifier: GPL-3.0-or-later
"""Saving, and being restored from what was saved, or from what has become of it."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from host.plugin_id import PluginFormat
from host.stress.check import Check, Subject
from host.stress.checks.sound import look_at_level
from host.stress.residue import spectrum
from host.stress.restored import AUDIBLE_DB
from host.stress.rig import Rig, Sound
from host.stress.verdict import Verdict
from ipc.description import ParameterDescription, PluginDescription
from ipc.rig_calls import MAX_STATE_BYTES, AnyCall, SetParameter, SetState
from ipc.sound_measures import octaves_db, residue_db
from ipc.text import some_of

_PARAMETER_TOLERANCE = 0.01
_ROUNDED = 0.05  # to a step
_NOISE_BYTES = 1 << 20


def shuffled(description: PluginDescription, numbers: random.Random) -> list[SetParameter]:
    """Every parameter that can be set, somewhere."""
    return [
        SetParameter(parameter.index, _somewhere(parameter, numbers))
        for parameter in description.parameters[:2000]
        if parameter.automatable
    ]


def as_chosen(chosen: list[SetParameter], values: list[float]) -> frozenset[int]:
    """Those that took the value that was chosen: meters, and what a plugin sets by itself, are not
    the user's."""
    return frozenset(
        call.index
        for call in chosen
        if call.index < len(values) and abs(values[call.index] - call.value) <= _ROUNDED
    )


def settled(rig: Rig, numbers: random.Random) -> frozenset[int]:
    """The parameters that stay as they are set, also while it plays."""
    kept: frozenset[int] | None = None
    for _ in range(2):
        chosen = shuffled(rig.description, numbers)
        rig.perform(chosen)
        rig.render(4096, source="noise", keep=False)
        now = as_chosen(chosen, rig.parameters())
        kept = now if kept is None else kept & now
    return kept or frozenset()


def step_of(parameter: ParameterDescription) -> float:
    """From one of its values to the next, 0 where it has any."""
    steps = 2 if parameter.boolean else parameter.steps
    return 1.0 / (steps - 1) if 1 < steps <= 1000 else 0.0


def _somewhere(parameter: ParameterDescription, numbers: random.Random) -> float:
    """One of its steps, if it has any."""
    step = step_of(parameter)
    if step:
        return min(1.0, numbers.randrange(round(1 / step) + 1) * step)
    return round(numbers.random(), 4)


@dataclass(frozen=True)
class Played:
    """What is known of a plugin once it is set or restored: before and after it played `sound`."""

    values: list[float]
    state: bytes
    sound: Sound
    later: list[float]


class StateIsTheSound(Check):
    name = "state-is-the-sound"
    level = 2
    what = (
        "sets all parameters, saves, restores in a new process, and compares parameters, sound and "
        "what is saved there"
    )
    means = "a project does not sound as it did when it is opened again"

    _ABOVE_CHANCE_DB = 12.0  # two runs of a plugin that is never the same differ as well
    _OCTAVE_DB = 3.0
    _QUIET_DB = 40.0  # below the loudest octave

    def run(self, subject: Subject) -> None:
        chosen = shuffled(subject.description, subject.random("state"))
        set_, _ = self._play(subject, chosen)
        if not set_.state:
            if subject.description.parameters:
                subject.find(Verdict.WARN, "it has parameters, and saves nothing")
            return
        restored, refused = self._play(subject, [SetState(set_.state)])
        if refused:
            subject.find(Verdict.FAIL, f"it refuses its own state: {refused}")
            return
        if restored.state != set_.state:
            subject.find(
                Verdict.PASS, "saving again gives other bytes, which some formats cannot help"
            )
        residue = self._residue(subject, chosen, set_, restored)
        is_heard = residue > AUDIBLE_DB
        if not math.isinf(residue):
            subject.figures["residue_db"] = residue
        if is_heard:
            title = "Difference once it is restored"
            difference = set_.sound - restored.sound
            subject.plots.append(spectrum(difference, subject.sample_rate, title))
        lost = lost_values(set_, restored)
        if not is_heard and lost - as_chosen(chosen, set_.values):
            # What others move, or the plugin itself: only where it does so each time.
            lost &= lost_values(self._play(subject, chosen)[0], restored)
        if lost:
            subject.find(
                Verdict.FAIL if is_heard else Verdict.WARN,
                f"the state does not hold {self._told(subject, lost, set_, restored)}"
                f"{'' if is_heard else ', which is not heard'}",
                key="parameters lost",
            )
        elif is_heard:
            self._tell_sound(subject, residue, set_, restored)

    def _play(self, subject: Subject, calls: Sequence[AnyCall]) -> tuple[Played, str]:
        """In a new process: whether set or restored by `calls`, it then hears and is asked the
        same. And why it refuses them."""
        rate = round(subject.sample_rate)
        with subject.open() as rig:
            refused = next((one.refused for one in rig.perform(calls) if one.refused), "")
            rig.render(rate, source="silence", keep=False)  # while values glide
            values = rig.parameters()
            state = rig.save_state()
            sound = rig.render(rate // 2, **subject.stimulus(rate // 2)).sound
            return Played(values, state, sound, rig.parameters()), refused

    def _residue(
        self, subject: Subject, chosen: list[SetParameter], set_: Played, restored: Played
    ) -> float:
        """dB of the difference; -inf where it is none, or no more than by chance."""
        if not (np.isfinite(set_.sound).all() and np.isfinite(restored.sound).all()):
            return -math.inf  # another check tells of it
        residue = residue_db(set_.sound, restored.sound)
        if residue <= AUDIBLE_DB:
            return residue
        again = self._play(subject, chosen)[0]
        once_more = self._play(subject, [SetState(set_.state)])[0]
        chance = max(
            residue_db(set_.sound, again.sound), residue_db(restored.sound, once_more.sound)
        )
        return residue if residue > chance + self._ABOVE_CHANCE_DB else -math.inf

    def _told(self, subject: Subject, lost: set[int], set_: Played, restored: Played) -> str:
        names = [
            f"'{parameter.name}' "
            f"({set_.values[parameter.index]:.3f} → {restored.values[parameter.index]:.3f})"
            for parameter in subject.description.parameters
            if parameter.index in lost
        ]
        return some_of(names, 4)

    def _tell_sound(self, subject: Subject, residue: float, set_: Played, restored: Played) -> None:
        """Another loudness or colour is what anybody hears; where a cycle begins is not."""
        before = octaves_db(set_.sound, subject.sample_rate)
        after = octaves_db(restored.sound, subject.sample_rate)
        quiet = max(*before.values(), *after.values()) - self._QUIET_DB
        changes = {hz: max(after[hz], quiet) - max(level, quiet) for hz, level in before.items()}
        hz, by = max(changes.items(), key=lambda one: abs(one[1]))
        if abs(by) > self._OCTAVE_DB:
            subject.find(
                Verdict.FAIL,
                f"once it is restored it sounds different: {by:+.0f} dB at {hz} Hz, with the same "
                "values",
                key="sound differs",
            )
        else:
            subject.find(
                Verdict.WARN,
                f"once it is restored it sounds different ({residue:.0f} dB), with the same values",
                key="sound differs",
            )


def lost_values(set_: Played, restored: Played) -> set[int]:
    """The values that are others once it is restored, but for those that it changes while it
    plays."""
    return {
        index
        for index, (value, now, later) in enumerate(
            zip(set_.values, restored.values, set_.later, strict=False)
        )
        if abs(value - later) <= _PARAMETER_TOLERANCE < abs(value - now)
    }


class SurvivesBrokenState(Check):
    name = "survives-broken-state"
    level = 4
    what = "restores states with flipped bits, cut short, doubled, empty, and a megabyte of noise"
    means = "a damaged project file crashes the host"
    # Those of the others are texts and numbers that the host itself reads.
    formats = frozenset({PluginFormat.VST3, PluginFormat.CLAP, PluginFormat.FAULT})

    def run(self, subject: Subject) -> None:
        numbers = subject.random("broken state")
        with subject.open() as rig:
            rig.perform(shuffled(rig.description, numbers))
            state = rig.save_state()
        turns = 8 * 2 ** max(0, subject.level - 4)
        for broken in _broken(state, numbers, min(turns, 512)):
            subject.stop()
            with subject.open() as rig:
                rig.set_state(broken)
                heard = rig.render(2048, keep=False, **subject.stimulus(2048))
                look_at_level(subject, heard.result, "after a damaged state")
                rig.set_state(state)
                rig.render(512, keep=False)


def _broken(state: bytes, numbers: random.Random, turns: int) -> list[bytes]:
    made = [b"\0", bytes(64), numbers.randbytes(_NOISE_BYTES), state + state]
    if len(state) > 1:
        made += [state[: len(state) // 2], state[:-1]]
        for _ in range(turns):
            data = bytearray(state)
            for _ in range(numbers.choice((1, 2, 8, 64))):
                data[numbers.randrange(len(data))] ^= 1 << numbers.randrange(8)
            made.append(bytes(data))
    return [data for data in made if len(data) <= MAX_STATE_BYTES]
