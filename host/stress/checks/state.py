# SPDX-License-Identifier: GPL-3.0-or-later
"""Saving, and being restored from what was saved, or from what has become of it."""

import math
import random

import numpy as np

from host.plugin_id import PluginFormat
from host.stress.check import Check, Subject
from host.stress.checks.sound import look_at_level
from host.stress.restored import AUDIBLE_DB
from host.stress.rig import Rig, Sound
from host.stress.verdict import Verdict
from ipc.description import ParameterDescription, PluginDescription
from ipc.rig_calls import MAX_STATE_BYTES, SetParameter
from ipc.sound_measures import residue_db

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


class StateIsTheSound(Check):
    name = "state-is-the-sound"
    level = 2
    what = (
        "sets all parameters, saves, restores in a new process, and compares parameters, sound and "
        "what is saved there"
    )
    means = "a project does not sound as it did when it is opened again"

    def run(self, subject: Subject) -> None:
        frames = round(subject.sample_rate) // 2
        numbers = subject.random("state")
        with subject.open() as rig:
            chosen = shuffled(rig.description, numbers)
            rig.perform(chosen)
            rig.render(4096, source="silence", keep=False)
            state = rig.save_state()
            if not state:
                if rig.description.parameters:
                    subject.find(Verdict.WARN, "it has parameters, and saves nothing")
                return
            values = rig.parameters()
        heard: list[Sound] = []
        for _ in range(3):
            with subject.open() as rig:
                refused = rig.set_state(state)
                if refused:
                    subject.find(Verdict.FAIL, f"it refuses its own state: {refused}")
                    return
                now = rig.parameters()
                saved = rig.save_state()
                if len(heard) == 2:  # as it was when it was saved, without its past
                    rig.perform(chosen)
                heard.append(rig.render(frames, **subject.stimulus(frames)).sound)
        names = [parameter.name for parameter in subject.description.parameters]
        kept = as_chosen(chosen, values)
        lost = [
            f"'{names[index]}' ({values[index]:.3f} → {now[index]:.3f})"
            for index in sorted(kept)
            if index < min(len(now), len(names))
            and abs(values[index] - now[index]) > _PARAMETER_TOLERANCE
        ]
        told = ", ".join(lost[:4]) + (f" and {len(lost) - 4} more" if len(lost) > 4 else "")
        if saved != state:
            subject.find(
                Verdict.PASS, "saving again gives other bytes, which some formats cannot help"
            )
        can_be_told = all(np.isfinite(one).all() for one in heard) and math.isinf(
            residue_db(heard[0], heard[1])
        )
        # What sounds the same is a nuisance, and no more.
        residue = residue_db(heard[0], heard[2]) if can_be_told else 0.0
        if can_be_told and not math.isinf(residue):
            subject.figures["residue_db"] = residue
        if lost:
            is_heard = residue > AUDIBLE_DB
            subject.find(
                Verdict.FAIL if is_heard else Verdict.WARN,
                f"the state does not hold {told}{'' if is_heard else ', which is not heard'}",
                key="parameters lost",
            )
        elif can_be_told and residue > AUDIBLE_DB:
            subject.find(
                Verdict.WARN,
                f"set to the same values by hand, it sounds different ({residue:.0f} dB)",
                key="sound differs",
            )


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
